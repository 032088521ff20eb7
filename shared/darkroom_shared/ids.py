"""Typed ids: a prefix that names the kind, and a ULID (https://github.com/ulid/spec), so that ids sort by creation
time.
"""

import re
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, NewType

from pydantic import AfterValidator, WithJsonSchema

AccountId = NewType("AccountId", str)
SessionId = NewType("SessionId", str)
ItemId = NewType("ItemId", str)
ExportId = NewType("ExportId", str)
AlbumId = NewType("AlbumId", str)
InvitationId = NewType("InvitationId", str)
ShareId = NewType("ShareId", str)
CommentId = NewType("CommentId", str)

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(first + second for first in _CROCKFORD for second in _CROCKFORD)
_ULID_PATTERN = "[0-7][0-9A-HJKMNP-TV-Z]{25}"
_RANDOM_BITS = 80
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def new_ulid() -> str:
    """Return 26 characters: 48 bits of milliseconds, then 80 random bits."""
    return _ulid(time.time_ns() // 1_000_000, secrets.randbits(_RANDOM_BITS))


def _ulid(milliseconds: int, low_bits: int) -> str:
    number = milliseconds << _RANDOM_BITS | low_bits
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])


def new_account_id() -> AccountId:
    return AccountId(f"acc_{new_ulid()}")


def new_session_id() -> SessionId:
    return SessionId(f"ses_{new_ulid()}")


def new_item_id() -> ItemId:
    return ItemId(f"itm_{new_ulid()}")


def new_export_id() -> ExportId:
    return ExportId(f"exp_{new_ulid()}")


def new_album_id() -> AlbumId:
    return AlbumId(f"alb_{new_ulid()}")


def new_invitation_id() -> InvitationId:
    return InvitationId(f"inv_{new_ulid()}")


def new_share_id() -> ShareId:
    return ShareId(f"shr_{new_ulid()}")


def new_comment_id() -> CommentId:
    return CommentId(f"cmt_{new_ulid()}")


def first_comment_id(moment: datetime) -> CommentId:
    """Return the lowest id that a comment of that millisecond can have; ids of all older comments are lower."""
    return CommentId(f"cmt_{_ulid((moment - _EPOCH) // timedelta(milliseconds=1), 0)}")


def _pattern(prefix: str) -> str:
    return f"^{prefix}_{_ULID_PATTERN}$"


def _checker(prefix: str) -> Callable[[str], str]:
    pattern = re.compile(_pattern(prefix))

    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError(f"expected an id that begins with {prefix}_")
        return value

    return check


AccountIdField = Annotated[
    AccountId, AfterValidator(_checker("acc")), WithJsonSchema({"type": "string", "pattern": _pattern("acc")})
]
SessionIdField = Annotated[
    SessionId, AfterValidator(_checker("ses")), WithJsonSchema({"type": "string", "pattern": _pattern("ses")})
]
ItemIdField = Annotated[
    ItemId, AfterValidator(_checker("itm")), WithJsonSchema({"type": "string", "pattern": _pattern("itm")})
]
ExportIdField = Annotated[
    ExportId, AfterValidator(_checker("exp")), WithJsonSchema({"type": "string", "pattern": _pattern("exp")})
]
AlbumIdField = Annotated[
    AlbumId, AfterValidator(_checker("alb")), WithJsonSchema({"type": "string", "pattern": _pattern("alb")})
]
InvitationIdField = Annotated[
    InvitationId, AfterValidator(_checker("inv")), WithJsonSchema({"type": "string", "pattern": _pattern("inv")})
]
ShareIdField = Annotated[
    ShareId, AfterValidator(_checker("shr")), WithJsonSchema({"type": "string", "pattern": _pattern("shr")})
]
CommentIdField = Annotated[
    CommentId, AfterValidator(_checker("cmt")), WithJsonSchema({"type": "string", "pattern": _pattern("cmt")})
]
