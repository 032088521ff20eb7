"""Comments over HTTP: the comments on an item, and the unread ones."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from app.comments.service.comments import CommentService
from app.comments.service.limits import CommentLimit
from app.comments.service.lists import CommentLists
from app.comments.service.unread import UnreadService
from app.comments.service.writing import CommentWriting
from app.events.routes import Log
from app.http.caller import Caller
from app.http.conditional import ExpectedVersion, version_tag
from app.http.dependencies import Cursor, Limit, from_state
from app.http.idempotency import Key
from app.identity import Member
from app.items.routes.access import resolve_item
from app.items.schema.row import ItemRow
from darkroom_shared.comments import Comment, CommentPage, MarkRead, UnreadComments, WriteComment
from darkroom_shared.events import HEAD_HEADER
from darkroom_shared.ids import CommentIdField, ItemIdField

router = APIRouter(tags=["comments"])


async def _commented_item(request: Request, caller: Caller, item: ItemIdField) -> ItemRow:
    """Return the item, for accounts only: visitors of a share cannot comment. Raises NotFound, Unauthenticated."""
    return (await resolve_item(request, Member(caller.account_id), item)).row


Comments = Annotated[CommentService, from_state("comments", CommentService)]
Lists = Annotated[CommentLists, from_state("comment_lists", CommentLists)]
Writing = Annotated[CommentWriting, from_state("comment_writing", CommentWriting)]
RateLimit = Annotated[CommentLimit, from_state("comment_limit", CommentLimit)]
Unread = Annotated[UnreadService, from_state("unread", UnreadService)]
CommentedItem = Annotated[ItemRow, Depends(_commented_item)]


@router.get("/items/{item}/comments")
async def list_comments(
    row: CommentedItem,
    caller: Caller,
    lists: Lists,
    log: Log,
    response: Response,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> CommentPage:
    """Return the newest first. Follow the event log from the number in `Darkroom-Events`."""
    head = await log.head(caller.account_id)
    listed = await lists.list(caller.account_id, row, cursor=cursor, limit=limit)
    response.headers[HEAD_HEADER] = str(head.last)
    return CommentPage(comments=listed.comments, next_cursor=listed.next_cursor)


@router.post("/items/{item}/comments", status_code=201)
async def write_comment(
    row: CommentedItem,
    body: WriteComment,
    caller: Caller,
    rate_limit: RateLimit,
    writing: Writing,
    key: Key,
    response: Response,
) -> Comment:
    """Add a comment. It is unread for all other accounts that can see the item."""
    await rate_limit.count(caller.account_id)
    written = await writing.write(caller.account_id, row, body.text, key)
    return _tagged(written, response)


@router.patch("/items/{item}/comments/{comment}")
async def edit_comment(
    row: CommentedItem,
    comment: CommentIdField,
    body: WriteComment,
    caller: Caller,
    comments: Comments,
    expected: ExpectedVersion,
    response: Response,
) -> Comment:
    """For the author."""
    return _tagged(await comments.edit(caller.account_id, row, comment, body.text, expected), response)


@router.delete("/items/{item}/comments/{comment}", status_code=204)
async def remove_comment(
    row: CommentedItem, comment: CommentIdField, caller: Caller, comments: Comments, expected: ExpectedVersion
) -> None:
    """For the author and the item's owner."""
    await comments.remove(caller.account_id, row, comment, expected)


@router.get("/comments/unread")
async def count_unread_comments(caller: Caller, unread: Unread, log: Log, response: Response) -> UnreadComments:
    """Return the number of unread comments, in total and per item. Follow the event log from the number in
    `Darkroom-Events`."""
    head = await log.head(caller.account_id)
    counted = await unread.count(caller.account_id)
    response.headers[HEAD_HEADER] = str(head.last)
    return counted


@router.post("/comments/read", status_code=204)
async def mark_comments_read(body: MarkRead, caller: Caller, unread: Unread) -> None:
    """Mark the comments up to the named one as read, on one item or on all. Idempotent."""
    await unread.mark_read(caller.account_id, body)


def _tagged(comment: Comment, response: Response) -> Comment:
    response.headers["ETag"] = version_tag(comment.version)
    return comment
