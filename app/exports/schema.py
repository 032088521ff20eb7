"""The stored form of an export, its conversion to the wire model, and the S3 key of its file."""

from dataclasses import dataclass
from datetime import datetime

from app.stores.attributes import from_attributes as value_of
from app.stores.attributes import to_attributes as attributes_of
from app.stores.dynamo import Row
from app.stores.resources import shard_of
from darkroom_shared.exports import Export, ExportState
from darkroom_shared.ids import AccountId, ExportId
from darkroom_shared.items import Failure, FailureCode


@dataclass(frozen=True, slots=True)
class ExportFailure:
    """`message` is a sentence for the owner; `retryable`: whether another export may succeed."""

    code: FailureCode
    message: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class ExportRow:
    """`revision` counts every write. `deadline` is set until the export ends, `kept_until` from then on."""

    account_id: AccountId
    export_id: ExportId
    state: ExportState
    created_at: datetime
    revision: int = 1
    deadline: datetime | None = None
    sent_at: datetime | None = None
    sends: int = 0
    claim: str | None = None
    claimed_until: datetime | None = None
    lost_attempts: int = 0
    not_before: datetime | None = None
    percent: float = 0.0
    item_count: int | None = None
    missing_count: int = 0
    size_bytes: int | None = None
    failure: ExportFailure | None = None
    kept_until: datetime | None = None
    due_at: datetime | None = None

    @property
    def key(self) -> Row:
        return {"account_id": self.account_id, "export_id": self.export_id}


EXPORTS_PREFIX = "exports/"


def export_prefix(account: AccountId) -> str:
    """Return the prefix of all exports of an account."""
    return f"{EXPORTS_PREFIX}{account}/"


def export_key(account: AccountId, export: ExportId) -> str:
    return f"{export_prefix(account)}{export}.zip"


def to_attributes(row: ExportRow) -> Row:
    """Return all attributes but the key, including those of the index."""
    attributes = attributes_of(row)
    for name in row.key:
        del attributes[name]
    attributes["due_shard"] = shard_of(row.export_id) if row.due_at else None
    return attributes


def from_attributes(attributes: Row) -> ExportRow:
    """Return the row. Raises TypeError or ValueError for attributes that no release of ours has written."""
    return value_of(ExportRow, attributes)


def to_export(row: ExportRow) -> Export:
    """Return the wire model without a URL, as events carry it."""
    failure = row.failure
    return Export(
        id=row.export_id,
        state=row.state,
        created_at=row.created_at,
        deadline=row.deadline,
        percent=row.percent,
        item_count=row.item_count,
        missing_count=row.missing_count,
        size_bytes=row.size_bytes,
        kept_until=row.kept_until,
        failure=Failure(code=failure.code, message=failure.message, retryable=failure.retryable) if failure else None,
    )
