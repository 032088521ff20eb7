"""Classes of AWS errors: by code and status, by the SDK's type, and by the part of the SDK that raised them."""

from collections import defaultdict
from collections.abc import Set
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ParamValidationError
from botocore.loaders import create_loader

from app.stores.aws_errors import AwsErrors, ErrorClass, MissingResource, classify, classify_code
from darkroom_shared.problems import Unavailable
from tests.services import ManualClock

MODELLED: dict[ErrorClass, Set[str]] = {
    ErrorClass.THROTTLED: {
        *("RequestThrottled", "KmsThrottled", "KMSThrottling", "Throttled", "ThrottlingException"),
        *("ProvisionedThroughputExceededException", "RequestLimitExceeded", "LimitExceededException", "OverLimit"),
        *("FilterPolicyLimitExceeded", "ReplayLimitExceeded", "SubscriptionLimitExceeded"),
        *("TagLimitExceeded", "TopicLimitExceeded"),
    },
    ErrorClass.SERVER_ERROR: {
        *("InternalError", "InternalServerError"),
        *("ContinuousBackupsUnavailableException", "PointInTimeRecoveryUnavailableException"),
    },
    ErrorClass.CREDENTIALS: {"InvalidSecurity"},
    ErrorClass.ACCESS_DENIED: {
        *("AuthorizationError", "EndpointDisabled", "PlatformApplicationDisabled"),
        *("KmsAccessDenied", "KmsDisabled", "KmsInvalidKeyUsage", "KmsInvalidState", "KmsNotFound", "KmsOptInRequired"),
        *("KMSAccessDenied", "KMSDisabled", "KMSInvalidState", "KMSNotFound", "KMSOptInRequired"),
        *("InvalidObjectState", "ObjectAlreadyInActiveTierError", "ObjectNotInActiveTierError"),
    },
    ErrorClass.MISSING_RESOURCE: {
        *("NoSuchBucket", "NoSuchKey", "NoSuchUpload", "NotFound", "QueueDoesNotExist", "ResourceNotFound"),
        *("ResourceNotFoundException", "TableNotFoundException", "IndexNotFoundException", "PolicyNotFoundException"),
        *("BackupNotFoundException", "ExportNotFoundException", "GlobalTableNotFoundException"),
        *("ImportNotFoundException", "ReplicaNotFoundException"),
    },
    ErrorClass.CONFLICT: {
        *("TransactionConflictException", "TransactionInProgressException", "ReplicatedWriteConflictException"),
        *("ExportConflictException", "ImportConflictException", "ConcurrentAccess", "PurgeQueueInProgress"),
        *("BackupInUseException", "ResourceInUseException", "TableInUseException"),
        *("BucketAlreadyExists", "BucketAlreadyOwnedByYou", "GlobalTableAlreadyExistsException"),
        *("ReplicaAlreadyExistsException", "TableAlreadyExistsException"),
    },
    ErrorClass.REJECTED: {
        *("ConditionalCheckFailedException", "TransactionCanceledException", "DuplicateItemException"),  # outcomes
        *("ReceiptHandleIsInvalid", "MessageNotInflight"),  # outcomes
        *("ValidationException", "ItemCollectionSizeLimitExceededException", "IdempotentParameterMismatchException"),
        *("BatchEntryIdsNotDistinct", "BatchRequestTooLong", "EmptyBatchRequest", "InvalidBatchEntryId"),
        *("TooManyEntriesInBatchRequest", "InvalidAddress", "InvalidAttributeName", "InvalidAttributeValue"),
        *("InvalidIdFormat", "InvalidMessageContents", "UnsupportedOperation", "QueueDeletedRecently"),
        *("QueueNameExists", "InvalidParameter", "ParameterValueInvalid", "InvalidState", "OptedOut", "StaleTag"),
        *("TagPolicy", "UserError", "VerificationException", "EncryptionTypeMismatch", "InvalidRequest"),
        *("IdempotencyParameterMismatch", "InvalidWriteOffset", "TooManyParts"),
        *("InvalidExportTimeException", "InvalidRestoreTimeException"),
    },
}
"""Every error in botocore's models of S3, DynamoDB, SQS and SNS. One that a newer botocore adds is decided here."""
PASSING_KMS_ERRORS = {
    ErrorClass.THROTTLED: {"LimitExceededException"},
    ErrorClass.SERVER_ERROR: {"DependencyTimeoutException", "KMSInternalException", "KeyUnavailableException"},
}
"""All other errors of KMS concern the key, which a person must repair."""


def _modelled(service: str) -> dict[str, int]:
    """Return the code and status of each error in botocore's model of a service."""
    shapes = create_loader().load_service_model(service, "service-2")["shapes"]
    errors = {name: shape.get("error", {}) for name, shape in shapes.items() if shape.get("exception")}
    return {error.get("code", name): error.get("httpStatusCode", 400) for name, error in errors.items()}


def test_each_error_in_the_models_of_our_services_has_a_class() -> None:
    classes = defaultdict(set)
    for service in ("s3", "dynamodb", "sqs", "sns"):
        for code, status in _modelled(service).items():
            classes[classify_code(code, status)].add(code)
    assert classes == MODELLED


def test_an_error_of_kms_within_another_services_response_is_access_denied_unless_it_passes() -> None:
    classes = defaultdict(set)
    for code in _modelled("kms"):
        classes[classify_code(f"KMS.{code}", 400)].add(code)
    assert classes.pop(ErrorClass.ACCESS_DENIED)
    assert classes == PASSING_KMS_ERRORS


def _response(code: str, status: int) -> ClientError:
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "Operation")


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("SomethingNew", 599, ErrorClass.SERVER_ERROR),
        ("SomethingNew", 429, ErrorClass.THROTTLED),
        ("KmsThrottled", 400, ErrorClass.THROTTLED),
        ("KMS.ThrottlingException", 400, ErrorClass.THROTTLED),
        ("OverLimit", 403, ErrorClass.THROTTLED),
        ("RequestLimitExceeded", 400, ErrorClass.THROTTLED),
        ("ItemCollectionSizeLimitExceededException", 400, ErrorClass.REJECTED),
        ("InvalidClientTokenId", 403, ErrorClass.CREDENTIALS),
        ("SignatureDoesNotMatch", 403, ErrorClass.CREDENTIALS),
        ("RequestTimeTooSkewed", 403, ErrorClass.CREDENTIALS),
        ("KMSAccessDeniedException", 400, ErrorClass.ACCESS_DENIED),
        ("403", 403, ErrorClass.ACCESS_DENIED),
        ("403", 0, ErrorClass.ACCESS_DENIED),
        ("AWS.SimpleQueueService.NonExistentQueue", 400, ErrorClass.MISSING_RESOURCE),
        ("TransactionInProgressException", 400, ErrorClass.CONFLICT),
        ("ConditionalRequestConflict", 409, ErrorClass.CONFLICT),
        ("RequestTimeout", 400, ErrorClass.SERVER_ERROR),
        ("InaccessibleEncryptionCredentialsException", 400, ErrorClass.ACCESS_DENIED),
        ("OptInRequired", 403, ErrorClass.ACCESS_DENIED),
        ("NotAuthorized", 400, ErrorClass.ACCESS_DENIED),
        ("ClientTokenConflict", 409, ErrorClass.CONFLICT),
        ("MissingAuthenticationTokenException", 400, ErrorClass.CREDENTIALS),
        ("MissingSecurityHeader", 400, ErrorClass.CREDENTIALS),
        ("RequestAbortedException", 400, ErrorClass.SERVER_ERROR),
        ("SomethingNew", 400, ErrorClass.REJECTED),
        ("ValidationException", 400, ErrorClass.REJECTED),
    ],
)
def test_a_response_is_classified_by_code_and_status(code: str, status: int, expected: ErrorClass) -> None:
    assert classify(_response(code, status)) is expected


def test_an_error_of_the_sdk_is_classified_by_its_type() -> None:
    assert classify(EndpointConnectionError(endpoint_url="http://x")) is ErrorClass.UNREACHABLE
    assert classify(TimeoutError()) is ErrorClass.UNREACHABLE
    assert classify(NoCredentialsError()) is ErrorClass.CREDENTIALS
    assert classify(ParamValidationError(report="x")) is ErrorClass.REJECTED


def test_error_counts_include_the_time_of_the_last_error(clock: ManualClock) -> None:
    errors = AwsErrors(clock)
    errors.record("SQS", ErrorClass.THROTTLED)
    clock.advance(seconds=5)
    errors.record("SQS", ErrorClass.THROTTLED)
    (count,) = errors.counts()
    assert (count.count, count.last_at) == (2, clock.now)


def test_a_missing_resource_is_unavailable_to_a_caller() -> None:
    assert issubclass(MissingResource, Unavailable)
