"""The operator's view of the whole service."""

from pydantic import Field

from darkroom_shared.times import Moment
from darkroom_shared.wire import Response


class Lane(Response):
    waiting: int
    in_work: int


WORKERS_REGISTRY = "workers"
"""The registry in which each worker publishes a WorkerSeen about itself."""


class WorkerSeen(Response):
    process: str = Field(description="Host and process id.")
    landlock_level: int | None = Field(
        description="How finely the kernel confines decoders to files; null: not at all."
    )


AWS_ERRORS_REGISTRY = "aws_errors"
"""The registry in which each process of the app tier publishes the ProcessErrors of its own AWS calls."""


class AwsErrorCount(Response):
    service: str = Field(description="DynamoDB, S3, SQS or SNS.")
    error_class: str = Field(
        description="unreachable, server_error, throttled, credentials, access_denied, missing_resource, conflict "
        "or rejected."
    )
    count: int
    last_at: Moment


class ProcessErrors(Response):
    process: str = Field(description="Host and process id.")
    errors: tuple[AwsErrorCount, ...]


class Overview(Response):
    at: Moment
    lanes: dict[str, Lane] = Field(
        description="Each queue's messages; approximate by SQS's nature. A queue that cannot be read is left out."
    )
    oldest_wait_seconds: float | None = Field(
        description="How long the item that waits longest has been queued; null while DynamoDB is unavailable."
    )
    items_past_deadline: int | None = Field(
        description="Over 60 s past their deadline and not moved; must read 0. Null while DynamoDB is unavailable."
    )
    events_not_relayed: int | None = Field(
        description="Accounts with events that were not relayed or published for over 60 s; must be 0. Null while "
        "DynamoDB or the database is unavailable."
    )
    workers: list[WorkerSeen] | None = Field(
        description="Workers that reported within the last minute; null while Redis is unavailable."
    )
    aws_errors: list[AwsErrorCount] | None = Field(
        description="Failed calls of AWS, of all processes that had one within ten minutes; null while Redis is "
        "unavailable."
    )
    warnings: list[str] = Field(description="What works, but not as safely as it should.")
