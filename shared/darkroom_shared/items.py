"""Items on the wire: the states and failures that clients see, requests and responses."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from darkroom_shared.ids import ItemIdField
from darkroom_shared.times import Moment
from darkroom_shared.uploads import (
    CAPTION_CHARACTERS,
    MAX_PARTS,
    MAX_PARTS_PER_REQUEST,
    NAME_CHARACTERS,
    Digest,
    PartDigest,
)
from darkroom_shared.wire import Request, Response


class ItemState(StrEnum):
    UPLOADING = "uploading"
    QUEUED = "queued"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    DELETED = "deleted"


class ItemKind(StrEnum):
    IMAGE = "image"
    VIDEO = "video"


class FailureCode(StrEnum):
    """Why processing an item failed."""

    UNSUPPORTED = "unsupported"
    DAMAGED = "damaged"
    TOO_LARGE = "too_large"
    POISONED = "poisoned"
    DEADLINE = "deadline"
    ORIGINAL_MISSING = "original_missing"
    INTERNAL = "internal"


class Failure(Response):
    code: FailureCode
    message: str = Field(description="Plain words for the person who uploaded the file.")
    retryable: bool = Field(description="Whether trying again can help.")


class Rendition(Response):
    name: str = Field(
        description="`small`, `medium`, `large` (WebP), `fallback` (JPEG): the picture, of a video its poster. "
        "Of a video also `video` (MP4), `storyboard` (JPEG) and `storyboard_track` (WebVTT)."
    )
    file: str
    content_type: str
    width: int | None = Field(description="Absent where there is no picture.")
    height: int | None
    size_bytes: int
    url: str | None = Field(default=None, description="Signed; absent in events.")


class Item(Response):
    id: ItemIdField
    kind: ItemKind | None = Field(description="Known once the content has been examined.")
    state: ItemState
    name: str
    caption: str
    size_bytes: int
    content_type: str
    digest: Digest | None
    created_at: Moment
    captured_at: Moment | None
    deadline: Moment | None = Field(description="When the present state ends at the latest; absent in final states.")
    version: int = Field(description="Counts what users edit; the ETag.")
    width: int | None = None
    height: int | None = None
    camera: str | None = None
    placeholder: str | None = Field(default=None, description="ThumbHash, base64.")
    duration_seconds: float | None = Field(default=None, description="Of a video.")
    playable: bool = Field(default=False, description="A video's playlist works, also while the rest is being made.")
    playlist_url: str | None = Field(default=None, description="HLS, with a grant of its own; absent in events.")
    renditions: tuple[Rendition, ...] = ()
    failure: Failure | None = None
    deleted_at: Moment | None = None
    restorable_until: Moment | None = Field(default=None, description="Of a deleted item: until then it can come back.")
    urls_expire_at: Moment | None = Field(default=None, description="Until when the renditions' URLs work.")


Name = Annotated[str, StringConstraints(min_length=1, max_length=NAME_CHARACTERS, pattern=r"^[^\x00-\x1f\x7f/\\]+$")]
Caption = Annotated[str, StringConstraints(max_length=CAPTION_CHARACTERS)]
ContentType = Annotated[str, StringConstraints(max_length=127, pattern=r"^[a-z]+/[a-zA-Z0-9.+_-]+$")]


class CreateItem(Request):
    name: Name
    size_bytes: Annotated[int, Field(ge=1)]
    content_type: ContentType
    digest: Digest | None = Field(default=None, description="Required up to 16 MiB.")
    captured_at: Moment | None = None
    caption: Caption = ""


class SingleUpload(Response):
    """One PUT of all bytes, with exactly these headers."""

    method: str = "PUT"
    url: str
    headers: dict[str, str]
    expires_at: Moment


class MultipartUpload(Response):
    """Parts of this size (the last may be shorter); `POST /items/{id}/parts` returns their URLs."""

    part_size_bytes: int
    part_count: int


class CreatedItem(Response):
    item: Item
    upload: SingleUpload | MultipartUpload | None = Field(description="Absent for a duplicate.")
    duplicate: bool = False


class PartRequest(Request):
    number: Annotated[int, Field(ge=1, le=MAX_PARTS)]
    sha256: PartDigest


class PartsRequest(Request):
    parts: Annotated[tuple[PartRequest, ...], Field(min_length=1, max_length=MAX_PARTS_PER_REQUEST)]


class PartUpload(Response):
    number: int
    url: str
    headers: dict[str, str]


class PartUploads(Response):
    parts: tuple[PartUpload, ...]
    expires_at: Moment


class StoredPart(Response):
    number: int
    size_bytes: int
    sha256: PartDigest


class StoredParts(Response):
    """The parts that S3 has; a resumed upload continues from them."""

    part_size_bytes: int
    part_count: int
    parts: tuple[StoredPart, ...]


class CompletedItem(Response):
    item: Item
    duplicate: bool = False


class EditItem(Request):
    """Changes only the fields that are sent."""

    name: Name | None = None
    caption: Caption | None = None
    captured_at: Moment | None = None


class ItemPage(Response):
    items: tuple[Item, ...]
    next_cursor: str | None


MAX_DELETED_PER_REQUEST = 500


class DeleteItems(Request):
    ids: Annotated[tuple[ItemIdField, ...], Field(min_length=1, max_length=MAX_DELETED_PER_REQUEST)]
    permanently: bool = Field(default=False, description="Nothing brings them back.")


class DeletedItems(Response):
    deleted: tuple[ItemIdField, ...] = Field(description="Also those that were deleted before.")
    absent: tuple[ItemIdField, ...] = Field(description="There are no such items, or they are not yours.")


class OriginalUrl(Response):
    url: str
    expires_at: Moment


class ReceiptStep(Response):
    at: Moment
    step: str
    attempt: int
    seconds: float | None = None
    details: dict[str, Any] = Field(default_factory=dict)


class Receipt(Response):
    steps: tuple[ReceiptStep, ...]
