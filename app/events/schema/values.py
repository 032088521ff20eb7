"""Results of completed requests, cursors of projections, and the writes that move them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from darkroom_shared.ids import AccountId


@dataclass(frozen=True, slots=True)
class CompletedRequest:
    """What is needed to build the response again, and the digest of the request."""

    resource_id: str
    status: int
    fingerprint: str


Step = Callable[[AsyncConnection], Awaitable[None]]
"""A projection's write, in one transaction with the move of its cursor. It may await only the database."""


async def nothing(_connection: AsyncConnection) -> None:
    """A step without a write."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """`applied` is None until all rows have been read once."""

    follower: str
    account: AccountId
    applied: int | None
    wanted: int
    revision: int
    filling_until: datetime | None = None
