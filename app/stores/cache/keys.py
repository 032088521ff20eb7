"""Cacheable kinds of values, each with a name, a schema version and a lifetime, and their keys."""

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the registry.

    `version` increases with every change of a value's schema, so that no release reads what another one wrote.
    """

    name: str
    version: int
    seconds: int
    decides_access: bool = False

    def of_type(self, shape: TypeAdapter[T]) -> "Kind[T]":
        """Return the kind of value under this entry. If its shape allows None, absence is cached, too."""
        return Kind(self, shape)


@dataclass(frozen=True, slots=True, eq=False)
class Kind(Generic[T]):
    """A kind of cached value. Callers share its values, which must be immutable."""

    entry: Entry
    shape: TypeAdapter[T]

    def key(self, *parts: str) -> "Key[T]":
        """Return the key with this name. The entry's version is part of it, so releases with another format do not
        share it."""
        return Key(self, ":".join((self.entry.name, str(self.entry.version), *parts)))


@dataclass(frozen=True, slots=True)
class Key(Generic[T]):
    """Equal to every other key of the same name."""

    kind: Kind[T] = field(compare=False)
    name: str


AnyKey = Key[Any]
AnyKind = Kind[Any]
