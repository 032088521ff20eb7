"""Build the services of comments, for the app and for workers."""

from dataclasses import dataclass
from typing import TypedDict

from app.access.service.shared_items import SharedItems
from app.accounts.service.accounts import AccountService
from app.comments.service.comment_events import CommentEvents
from app.comments.service.comments import CommentService
from app.comments.service.erasure import CommentErasure
from app.comments.service.limits import CommentLimit
from app.comments.service.lists import CommentLists
from app.comments.service.unread import UnreadService
from app.comments.service.unread_expiry import UnreadExpiry
from app.comments.service.writing import CommentWriting
from app.comments.store import CommentStore
from app.items.service.items import ItemService
from app.pagination import Cursors
from app.services import Foundation


class CommentServices(TypedDict):
    """The state of routes."""

    comments: CommentService
    comment_lists: CommentLists
    comment_limit: CommentLimit
    comment_writing: CommentWriting
    unread: UnreadService


@dataclass(frozen=True, slots=True)
class CommentWorkParts:
    """What workers need."""

    unread_expiry: UnreadExpiry
    erasure: CommentErasure


def build_comments(
    *,
    base: Foundation,
    accounts: AccountService,
    items: ItemService,
    shared_items: SharedItems,
    cursors: Cursors,
) -> CommentServices:
    store = CommentStore()
    events = CommentEvents(outbox=base.events.outbox, store=store)
    return CommentServices(
        comments=CommentService(
            database=base.database, cache=base.cache, store=store, events=events, accounts=accounts, clock=base.clock
        ),
        comment_lists=CommentLists(database=base.database, store=store, accounts=accounts, cursors=cursors),
        comment_limit=CommentLimit(base.signals.limits),
        comment_writing=CommentWriting(
            cache=base.cache,
            store=store,
            events=events,
            completed_requests=base.events.completed_requests,
            accounts=accounts,
            clock=base.clock,
        ),
        unread=UnreadService(store=store, cache=base.cache, items=items, shared=shared_items),
    )


def build_comment_work(*, base: Foundation) -> CommentWorkParts:
    """Build what the worker runs: the expiry of unread comments and the erasure."""
    store, database, cache = CommentStore(), base.database, base.cache
    events = CommentEvents(outbox=base.events.outbox, store=store)
    return CommentWorkParts(
        unread_expiry=UnreadExpiry(database=database, cache=cache, store=store, clock=base.clock),
        erasure=CommentErasure(database=database, cache=cache, store=store, events=events),
    )
