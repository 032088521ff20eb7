"""The stored form of an item: one frozen value with every field of its row, and its conversion to the wire model."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.stores.attributes import from_attributes as value_of
from app.stores.attributes import to_attributes as attributes_of
from app.stores.dynamo import Row
from app.stores.resources import shard_of
from darkroom_shared.ids import AccountId, ItemId
from darkroom_shared.items import Failure, FailureCode, Item, ItemKind, ItemState, Rendition
from darkroom_shared.times import to_rfc3339


class Lane(StrEnum):
    """The queue in which an item waits. Express: photos, the first stage of videos. Bulk: the second, reprocessing."""

    EXPRESS = "express"
    BULK = "bulk"


class Purge(StrEnum):
    """The progress of a purge. From its begin on the item cannot be restored."""

    BEGUN = "begun"
    DELETED = "emptied"
    """The objects were deleted once. A second pass deletes what was still being written then."""


@dataclass(frozen=True, slots=True)
class StoredFailure:
    """`message` is a sentence for the owner; `retryable`: whether a retry of the same file may succeed."""

    code: FailureCode
    message: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class StoredRendition:
    """`recipe` and `attempt` are set if they differ from the result's: a video's poster is older than its MP4.
    `digest` is the S3 digest of a file uploaded in parts."""

    name: str
    file: str
    content_type: str
    width: int | None
    height: int | None
    size_bytes: int
    sha256: str
    recipe: str | None = None
    attempt: int | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Rung:
    """One size of a video's ladder; bandwidths in bits per second, as defined by HLS."""

    name: str
    width: int
    height: int
    codecs: str
    bandwidth: int
    average_bandwidth: int | None = None


@dataclass(frozen=True, slots=True)
class Ladder:
    """The playable rungs of the current attempt. Their playlists are stored in S3 and may still grow."""

    recipe: str
    attempt: int
    frame_rate: float
    rungs: tuple[Rung, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """The output of processing, with its current recipe and attempt. A video in the bulk lane has only its poster."""

    recipe: str
    attempt: int
    width: int
    height: int
    camera: str | None
    placeholder: str
    captured_at: str | None
    renditions: tuple[StoredRendition, ...]
    duration_seconds: float | None = None

    def folder_of(self, rendition: StoredRendition) -> tuple[str, int]:
        """Return the recipe and the attempt whose folder holds the rendition."""
        return rendition.recipe or self.recipe, rendition.attempt or self.attempt

    @property
    def folders(self) -> frozenset[tuple[str, int]]:
        """Return the recipe and attempt of every folder with files of this result."""
        return frozenset({(self.recipe, self.attempt)} | {self.folder_of(each) for each in self.renditions})


@dataclass(frozen=True, slots=True)
class PreviousResult:
    """A result replaced by reprocessing. Its files are kept `until` (RFC 3339)."""

    result: Result
    ladder: Ladder | None
    until: str


@dataclass(frozen=True, slots=True)
class Reprocessing:
    """A request to reprocess a ready item by `recipe`; `failed` if that was tried without success. Removed when it is
    done."""

    recipe: str
    asked_at: str
    lost_attempts: int = 0
    failed: bool = False


@dataclass(frozen=True, slots=True)
class ItemRow:
    """`revision` counts every write, `version` only the user's edits. `attempt` numbers the claims and is never
    reset, because it is part of S3 keys; `lost_attempts` counts the crashed attempts in this lane since the last
    retry. `ladder` is set exactly while the item is playable. `purge_at` is when the sweeper purges a deleted
    item."""

    account_id: AccountId
    item_id: ItemId
    state: ItemState
    name: str
    caption: str
    size_bytes: int
    content_type: str
    created_at: datetime
    revision: int = 1
    version: int = 1
    digest: str | None = None
    captured_at: datetime | None = None
    captured_by_user: bool = False
    kind: ItemKind | None = None
    reserved_bytes: int = 0
    upload_id: str | None = None
    deadline: datetime | None = None
    queued_at: datetime | None = None
    queue_deadline: datetime | None = None
    not_before: datetime | None = None
    sent_at: datetime | None = None
    sends: int = 0
    claim: str | None = None
    claimed_until: datetime | None = None
    attempt: int = 0
    lost_attempts: int = 0
    lane: Lane = Lane.EXPRESS
    result: Result | None = None
    ladder: Ladder | None = None
    failure: StoredFailure | None = None
    duplicate_of: ItemId | None = None
    deleted_at: datetime | None = None
    state_before: ItemState | None = None
    purge_at: datetime | None = None
    purge: Purge | None = None
    due_at: datetime | None = None
    cleanup_at: datetime | None = None
    former: tuple[PreviousResult, ...] = ()
    remake: Reprocessing | None = None

    @property
    def key(self) -> Row:
        return {"account_id": self.account_id, "item_id": self.item_id}

    @property
    def duration_seconds(self) -> float | None:
        """Return a video's duration, or None before it is probed."""
        return self.result.duration_seconds if self.result else None


def digest_key(account: AccountId, digest: str) -> str:
    """Return the key of the index that finds an account's items by content."""
    return f"{account}#{digest}"


def captured_key(row: ItemRow) -> str:
    """Return the sort key by capture time; by creation time if the capture time is unknown."""
    return f"{to_rfc3339(row.captured_at or row.created_at)}#{row.item_id}"


def to_attributes(row: ItemRow) -> Row:
    """Return all attributes but the key, including those of the indexes."""
    attributes = attributes_of(row)
    for name in row.key:
        del attributes[name]
    attributes["captured_key"] = captured_key(row)
    attributes["digest_key"] = digest_key(row.account_id, row.digest) if row.digest else None
    attributes["due_shard"] = shard_of(row.item_id) if row.due_at else None
    return attributes


def from_attributes(attributes: Row) -> ItemRow:
    """Return the row. Raises TypeError or ValueError for attributes that no release of ours has written."""
    return value_of(ItemRow, attributes)


def to_item(row: ItemRow) -> Item:
    """Return the wire model without URLs, as events carry it."""
    result = row.result
    return Item(
        id=row.item_id,
        kind=row.kind,
        state=row.state,
        name=row.name,
        caption=row.caption,
        size_bytes=row.size_bytes,
        content_type=row.content_type,
        digest=row.digest,
        created_at=row.created_at,
        captured_at=row.captured_at,
        deadline=row.deadline,
        version=row.version,
        width=result.width if result else None,
        height=result.height if result else None,
        camera=result.camera if result else None,
        placeholder=result.placeholder if result else None,
        duration_seconds=row.duration_seconds,
        playable=row.ladder is not None,
        renditions=tuple(
            Rendition(
                name=each.name,
                file=each.file,
                content_type=each.content_type,
                width=each.width,
                height=each.height,
                size_bytes=each.size_bytes,
            )
            for each in (result.renditions if result else ())
        ),
        deleted_at=row.deleted_at,
        restorable_until=row.purge_at if row.purge is None else None,
        failure=Failure(code=row.failure.code, message=row.failure.message, retryable=row.failure.retryable)
        if row.failure
        else None,
    )
