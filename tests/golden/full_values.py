"""Build values of any declared type with every field set, so that their stored form contains every attribute."""

import dataclasses
import types
import typing
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NewType, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import AwareDatetime, BaseModel

from darkroom_shared import ids

MOMENT = datetime.fromisoformat("2026-01-02T03:04:05.678+00:00")
NUMBER, TEXT = 7, "TEXT"
MAX_CHOICES = 32
"""No enum has more members than this."""
_IDS: dict[Any, str] = {
    ids.AccountId: "ACCOUNT",
    ids.SessionId: "SESSION",
    ids.ItemId: "ITEM",
    ids.ExportId: "EXPORT",
    ids.AlbumId: "ALBUM",
    ids.InvitationId: "INVITATION",
    ids.ShareId: "SHARE",
    ids.CommentId: "COMMENT",
}
_PLAIN: dict[Any, Any] = {
    datetime: MOMENT,
    AwareDatetime: MOMENT,
    str: TEXT,
    bool: True,
    float: 1.5,
    Decimal: Decimal("1.5"),
    bytes: TEXT.encode(),
    type(None): None,
    Any: TEXT,
    object: TEXT,
}


def full(kind: Any, *, choice: int = 0, number: int = NUMBER) -> Any:
    """Return a value of the type: optional fields are set, collections have one element, each integer is `number`.

    Enums give their member at index `choice`, or their last one. Raises TypeError for an unknown type.
    """
    if kind in _IDS:
        return _IDS[kind]
    if kind is int:
        return number
    if kind in _PLAIN:
        return _PLAIN[kind]
    if isinstance(kind, NewType):
        return full(kind.__supertype__, choice=choice, number=number)
    if isinstance(kind, type) and issubclass(kind, Enum):
        members = list(kind)
        return members[min(choice, len(members) - 1)]
    if isinstance(kind, TypeVar):
        return TEXT
    if get_origin(kind) is not None:
        return _composed(get_origin(kind), get_args(kind), lambda each: full(each, choice=choice, number=number))
    return _record(kind, lambda each: full(each, choice=choice, number=number))


def _composed(origin: Any, parts: tuple[Any, ...], make: Callable[[Any], Any]) -> Any:
    if origin in (Union, types.UnionType):
        return make(next(part for part in parts if part is not type(None)))
    if origin is Annotated:
        return make(parts[0])
    if origin is Literal:
        return parts[0]
    if issubclass(origin, typing.Mapping):
        return {make(parts[0]): make(parts[1])}
    if issubclass(origin, tuple):
        return tuple(make(part) for part in parts if part is not Ellipsis)
    if issubclass(origin, set | frozenset):
        return frozenset({make(parts[0])})
    return [make(parts[0])]


def _record(kind: Any, make: Callable[[Any], Any]) -> Any:
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind, include_extras=True)
        return kind(**{field.name: make(hints[field.name]) for field in dataclasses.fields(kind) if field.init})
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        hints = get_type_hints(kind, include_extras=True)
        return kind.model_construct(**{name: make(hints[name]) for name in kind.model_fields})
    raise TypeError(f"no value of the type {kind} is known")


def arguments(function: Callable[..., Any], *, choice: int = 0) -> dict[str, Any]:
    """Return full values for all parameters of a function; each parameter has greater integers than the one before."""
    hints = get_type_hints(function, include_extras=True)
    hints.pop("return", None)
    return {name: full(hint, choice=choice, number=NUMBER + place) for place, (name, hint) in enumerate(hints.items())}
