"""The syntax trees of expressions: attribute names are resolved, values are still placeholders."""

from dataclasses import dataclass
from typing import Literal

Comparator = Literal["=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`attribute <comparator> :value`."""

    attribute: str
    comparator: Comparator
    value: str


@dataclass(frozen=True, slots=True)
class Exists:
    """`attribute_exists`, or with `expected` False `attribute_not_exists`."""

    attribute: str
    expected: bool


@dataclass(frozen=True, slots=True)
class And:
    """`AND`."""

    terms: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """`OR`."""

    terms: tuple["Condition", ...]


Condition = Comparison | Exists | And | Or


@dataclass(frozen=True, slots=True)
class SetAction:
    """`SET attribute = :value`, or `SET attribute = if_not_exists(present, :value)`."""

    attribute: str
    value: str
    present: str | None = None


@dataclass(frozen=True, slots=True)
class RemoveAction:
    """`REMOVE attribute`."""

    attribute: str


Action = SetAction | RemoveAction


@dataclass(frozen=True, slots=True)
class Used:
    """The placeholders that an expression uses: names with `#`, values with `:`."""

    names: frozenset[str]
    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class ConditionExpression:
    """A parsed condition or key condition."""

    root: Condition
    used: Used


@dataclass(frozen=True, slots=True)
class UpdateExpression:
    """A parsed update, its actions in source order."""

    actions: tuple[Action, ...]
    used: Used
