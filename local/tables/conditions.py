"""Decides whether a condition holds for an item."""

import operator
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from local.tables.errors import ValidationException
from local.tables.syntax import (
    Attribute,
    BeginsWith,
    Between,
    Comparison,
    Condition,
    Contains,
    Either,
    Every,
    Exists,
    HasType,
    Negation,
    Operand,
    Path,
    Size,
    Value,
    Within,
)
from local.tables.values import AttributeValue, Item, binary, kind_of

Values = Mapping[str, AttributeValue]
"""ExpressionAttributeValues, canonical, by placeholder."""

ORDERED_KINDS: Final = {"S", "N", "B"}
ALL_KINDS: Final = {"S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS"}

ORDERINGS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def holds(condition: Condition, item: Item, values: Values) -> bool:
    """What is absent, or of another type, makes a comparison false (`<>` true), never an error."""
    match condition:
        case Every(terms):
            return all(holds(term, item, values) for term in terms)
        case Either(terms):
            return any(holds(term, item, values) for term in terms)
        case Negation(term):
            return not holds(term, item, values)
        case Comparison(comparator, left, right):
            return _compare(comparator, operand_value(left, item, values), operand_value(right, item, values))
        case Exists(path, wanted):
            return (look_up(item, path) is not None) == wanted
        case _:
            return _test(condition, item, values)


def look_up(item: Item, path: Path) -> AttributeValue | None:
    """What stands at the path; None when nothing does."""
    value = item.get(str(path[0]))
    for step in path[1:]:
        if value is None:
            return None
        value = _child(value, step)
    return value


def operand_value(operand: Operand, item: Item, values: Values) -> AttributeValue | None:
    """The operand's value for this item; None when it has none."""
    match operand:
        case Value(name):
            return values[name]
        case Attribute(path):
            return look_up(item, path)
        case Size(path):
            value = look_up(item, path)
            return None if value is None else _size(value)


def check_operands(parameter: str, condition: Condition, values: Values) -> None:
    """Raises ValidationException for literal operands that could never fit, whatever the item."""
    match condition:
        case Every(terms) | Either(terms):
            for term in terms:
                check_operands(parameter, term, values)
        case Negation(term):
            check_operands(parameter, term, values)
        case Comparison(comparator, left, right) if comparator in ORDERINGS:
            _check_kinds(parameter, comparator, (left, right), ORDERED_KINDS, values)
        case Between(operand, low, high):
            _check_kinds(parameter, "BETWEEN", (operand, low, high), ORDERED_KINDS, values)
            _check_bounds(parameter, low, high, values)
        case BeginsWith(operand, prefix):
            _check_kinds(parameter, "begins_with", (operand, prefix), {"S", "B"}, values)
        case HasType(_, kind):
            _check_type_name(parameter, kind, values)
        case _:
            return


def _test(condition: Between | Within | HasType | BeginsWith | Contains, item: Item, values: Values) -> bool:
    match condition:
        case Between(operand, low, high):
            value = operand_value(operand, item, values)
            return _compare(">=", value, operand_value(low, item, values)) and _compare(
                "<=", value, operand_value(high, item, values)
            )
        case Within(operand, options):
            value = operand_value(operand, item, values)
            return value is not None and any(value == operand_value(option, item, values) for option in options)
        case HasType(path, kind):
            value = look_up(item, path)
            return value is not None and operand_value(kind, item, values) == {"S": kind_of(value)}
        case BeginsWith(operand, prefix):
            return _begins_with(operand_value(operand, item, values), operand_value(prefix, item, values))
        case Contains(container, member):
            return _contains(operand_value(container, item, values), operand_value(member, item, values))


def attributes_of(node: Condition | Operand) -> set[str]:
    """The names of the item's attributes that a condition looks at."""
    match node:
        case Value():
            return set()
        case Attribute(path) | Size(path) | Exists(path, _):
            return {str(path[0])}
        case Negation(term):
            return attributes_of(term)
        case Every(terms) | Either(terms):
            return set[str]().union(*map(attributes_of, terms))
        case HasType(path, kind):
            return {str(path[0])} | attributes_of(kind)
        case Comparison(_, left, right) | BeginsWith(left, right) | Contains(left, right):
            return attributes_of(left) | attributes_of(right)
        case Between(operand, low, high):
            return set[str]().union(*map(attributes_of, (operand, low, high)))
        case Within(operand, options):
            return attributes_of(operand).union(*map(attributes_of, options))


def _child(value: AttributeValue, step: str | int) -> AttributeValue | None:
    if isinstance(step, int):
        elements: list[AttributeValue] = value.get("L", [])
        return elements[step] if step < len(elements) else None
    members: Item = value.get("M", {})
    return members.get(step)


def _size(value: AttributeValue) -> AttributeValue | None:
    [(kind, content)] = value.items()
    match kind:
        case "S":
            return {"N": str(len(content.encode()))}
        case "B":
            return {"N": str(len(binary(content)))}
        case "M" | "L" | "SS" | "NS" | "BS":
            return {"N": str(len(content))}
        case _:
            return None


def _compare(comparator: str, left: AttributeValue | None, right: AttributeValue | None) -> bool:
    if comparator == "<>":
        return left != right  # also when one of them is absent
    if left is None or right is None:
        return False
    if comparator == "=":
        return left == right
    kind = kind_of(left)
    if kind not in ORDERED_KINDS or kind not in right:
        return False
    return ORDERINGS[comparator](_comparable(kind, left[kind]), _comparable(kind, right[kind]))


def _comparable(kind: str, content: str) -> Decimal | bytes:
    match kind:
        case "N":
            return Decimal(content)
        case "B":
            return binary(content)
        case _:
            return content.encode()


def _begins_with(value: AttributeValue | None, prefix: AttributeValue | None) -> bool:
    match value, prefix:
        case {"S": str(text)}, {"S": str(start)}:
            return text.startswith(start)
        case {"B": str(text)}, {"B": str(start)}:
            return binary(text).startswith(binary(start))
        case _:
            return False


def _contains(container: AttributeValue | None, member: AttributeValue | None) -> bool:
    match container, member:
        case {"S": str(text)}, {"S": str(part)}:
            return part in text
        case {"B": str(text)}, {"B": str(part)}:
            return binary(part) in binary(text)
        case {"SS": list(members)}, {"S": one}:
            return one in members
        case {"NS": list(members)}, {"N": one}:
            return one in members
        case {"BS": list(members)}, {"B": one}:
            return one in members
        case {"L": list(members)}, _:
            return member in members
        case _:
            return False


def _check_kinds(parameter: str, name: str, operands: tuple[Operand, ...], allowed: set[str], values: Values) -> None:
    for operand in operands:
        if isinstance(operand, Value) and (kind := kind_of(values[operand.name])) not in allowed:
            raise ValidationException(
                f"Invalid {parameter}: Incorrect operand type for operator or function; "
                f"operator or function: {name}, operand type: {kind}"
            )


def _check_bounds(parameter: str, low: Operand, high: Operand, values: Values) -> None:
    if not (isinstance(low, Value) and isinstance(high, Value)):
        return
    lower, upper = values[low.name], values[high.name]
    if kind_of(lower) != kind_of(upper):
        raise ValidationException(
            f"Invalid {parameter}: The BETWEEN operator requires same data type for lower and upper bounds; "
            f"lower bound operand: AttributeValue: {lower}, upper bound operand: AttributeValue: {upper}"
        )
    if _compare(">", lower, upper):
        raise ValidationException(
            f"Invalid {parameter}: The BETWEEN operator requires upper bound to be greater than or equal to lower "
            f"bound; lower bound operand: AttributeValue: {lower}, upper bound operand: AttributeValue: {upper}"
        )


def _check_type_name(parameter: str, kind: Operand, values: Values) -> None:
    if not isinstance(kind, Value) or values[kind.name].get("S") not in ALL_KINDS:
        raise ValidationException(
            f"Invalid {parameter}: Invalid attribute type name found; valid types: {{{','.join(sorted(ALL_KINDS))}}}"
        )
