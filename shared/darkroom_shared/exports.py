"""Exports on the wire: all data of an account as one file."""

from enum import StrEnum

from pydantic import Field

from darkroom_shared.ids import ExportIdField
from darkroom_shared.items import Failure
from darkroom_shared.times import Moment
from darkroom_shared.wire import Response


class ExportState(StrEnum):
    QUEUED = "queued"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"


class Export(Response):
    """A ZIP of all originals under their names, with `items.json`, which holds the API's data of each."""

    id: ExportIdField
    state: ExportState
    created_at: Moment
    deadline: Moment | None = Field(description="When it ends at the latest; absent once it has.")
    percent: float = Field(ge=0, le=100)
    item_count: int | None = Field(description="Known once it has begun.")
    missing_count: int = Field(description="Items whose original is not there; items.json names them.")
    size_bytes: int | None = Field(description="Of the ZIP, once it is ready.")
    kept_until: Moment | None = Field(description="Then it is removed.")
    failure: Failure | None = None
    url: str | None = Field(
        default=None, description="Signed, for ten minutes; only once it is ready, never in events."
    )
    url_expires_at: Moment | None = None


class ExportPage(Response):
    exports: tuple[Export, ...]
