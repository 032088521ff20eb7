"""What the parser makes of an expression: trees whose paths are resolved and whose values are still placeholders."""

from dataclasses import dataclass
from typing import Literal

Path = tuple[str | int, ...]
"""Attribute name, then map keys and list positions: `#a.b[2]` is `("real name", "b", 2)`."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """What stands at a path of the item."""

    path: Path


@dataclass(frozen=True, slots=True)
class Value:
    """A placeholder of ExpressionAttributeValues, with its colon."""

    name: str


@dataclass(frozen=True, slots=True)
class Size:
    """`size(path)`: a number, or nothing when there is nothing to measure."""

    path: Path


Operand = Attribute | Value | Size
Comparator = Literal["=", "<>", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two operands of one type, compared."""

    comparator: Comparator
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Between:
    """Both bounds belong to it."""

    operand: Operand
    low: Operand
    high: Operand


@dataclass(frozen=True, slots=True)
class Within:
    """`operand IN (options)`."""

    operand: Operand
    options: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Exists:
    """`attribute_exists` and, with `wanted` false, `attribute_not_exists`."""

    path: Path
    wanted: bool


@dataclass(frozen=True, slots=True)
class HasType:
    """`attribute_type(path, :kind)`."""

    path: Path
    kind: Operand


@dataclass(frozen=True, slots=True)
class BeginsWith:
    """`begins_with(operand, prefix)`, for texts and binaries."""

    operand: Operand
    prefix: Operand


@dataclass(frozen=True, slots=True)
class Contains:
    """`contains(container, member)`, for texts, binaries, sets and lists."""

    container: Operand
    member: Operand


@dataclass(frozen=True, slots=True)
class Every:
    """`AND`."""

    terms: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Either:
    """`OR`."""

    terms: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """`NOT`."""

    term: "Condition"


Condition = Comparison | Between | Within | Exists | HasType | BeginsWith | Contains | Every | Either | Negation


@dataclass(frozen=True, slots=True)
class IfNotExists:
    """What stands at the path, or else the fallback."""

    path: Path
    fallback: "SetOperand"


@dataclass(frozen=True, slots=True)
class ListAppend:
    """Two lists, joined."""

    first: "SetOperand"
    second: "SetOperand"


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """The sum or the difference of two numbers."""

    operator: Literal["+", "-"]
    left: "SetOperand"
    right: "SetOperand"


SetOperand = Attribute | Value | IfNotExists | ListAppend | Arithmetic


@dataclass(frozen=True, slots=True)
class SetAction:
    """`SET path = operand`."""

    path: Path
    operand: SetOperand


@dataclass(frozen=True, slots=True)
class RemoveAction:
    """`REMOVE path`."""

    path: Path


@dataclass(frozen=True, slots=True)
class AddAction:
    """`ADD path :value`: a number to a number, members to a set."""

    path: Path
    value: Value


@dataclass(frozen=True, slots=True)
class DeleteAction:
    """`DELETE path :value`: members from a set."""

    path: Path
    value: Value


Action = SetAction | RemoveAction | AddAction | DeleteAction


@dataclass(frozen=True, slots=True)
class Used:
    """The placeholders an expression names: those of names with `#`, those of values with `:`."""

    names: frozenset[str]
    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class ConditionExpression:
    """A parsed condition, key condition or filter."""

    root: Condition
    used: Used


@dataclass(frozen=True, slots=True)
class UpdateExpression:
    """A parsed update, its actions in the order written."""

    actions: tuple[Action, ...]
    used: Used


@dataclass(frozen=True, slots=True)
class ProjectionExpression:
    """A parsed projection."""

    paths: tuple[Path, ...]
    used: Used
