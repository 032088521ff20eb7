"""Comments on the wire."""

from typing import Annotated

from pydantic import Field, StringConstraints

from darkroom_shared.ids import AccountIdField, CommentIdField, ItemIdField
from darkroom_shared.times import Moment
from darkroom_shared.wire import Request, Response

COMMENT_CHARACTERS = 2_000

CommentText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=COMMENT_CHARACTERS)]


class WriteComment(Request):
    text: CommentText


class Author(Response):
    account_id: AccountIdField
    name: str


class Comment(Response):
    id: CommentIdField
    item_id: ItemIdField
    author: Author
    text: str
    created_at: Moment
    edited_at: Moment | None
    version: int = Field(description="Counts edits; the ETag.")


class CommentPage(Response):
    """Newest first."""

    comments: tuple[Comment, ...]
    next_cursor: str | None


class UnreadItem(Response):
    item_id: ItemIdField
    count: int
    newest: CommentIdField = Field(
        description="The newest of these comments: `up_to` of the request that marks all of them as read."
    )


class UnreadComments(Response):
    count: int
    items: tuple[UnreadItem, ...] = Field(description="Where they are, the item with the newest one first.")


class MarkRead(Request):
    up_to: CommentIdField = Field(description="The newest comment that was seen; what came after it stays unread.")
    item_id: ItemIdField | None = Field(default=None, description="Only those on this item.")
