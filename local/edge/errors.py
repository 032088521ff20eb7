"""CloudFront's errors, from https://repost.aws/knowledge-center/cloudfront-troubleshoot-signed-url-cookies."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CloudFrontError:
    """The status of each is 403."""

    code: str
    message: str


class Refused(Exception):
    """The request is refused with this error."""

    def __init__(self, error: CloudFrontError) -> None:
        super().__init__(error.code)
        self.error = error


MISSING_KEY = CloudFrontError("MissingKey", "Missing Key-Pair-Id query parameter or cookie value")
UNKNOWN_KEY = CloudFrontError("InvalidKey", "Unknown Key")
MALFORMED_SIGNATURE = CloudFrontError("MalformedSignature", "Could not unencode Signature")
MALFORMED_POLICY = CloudFrontError("MalformedPolicy", "Malformed Policy")
ACCESS_DENIED = CloudFrontError("AccessDenied", "Access denied")
METHOD_NOT_ALLOWED = CloudFrontError("MethodNotAllowed", "This distribution supports only cachable requests")
BODY_NOT_ALLOWED = CloudFrontError("BodyNotAllowed", "This distribution takes no request with a body")
