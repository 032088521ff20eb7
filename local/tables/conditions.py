"""Evaluate a condition on an item."""

import operator
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from local.tables.errors import ValidationException
from local.tables.syntax import And, Comparison, Condition, Exists, Or
from local.tables.values import AttributeValue, Item, kind_of

Values = Mapping[str, AttributeValue]
"""ExpressionAttributeValues, canonical, by placeholder."""

ORDERED_KINDS: Final = {"S", "N"}

ORDERINGS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def holds(condition: Condition, item: Item, values: Values) -> bool:
    """Evaluate a condition. An absent attribute or another type makes a comparison false, never an error."""
    match condition:
        case And(terms):
            return all(holds(term, item, values) for term in terms)
        case Or(terms):
            return any(holds(term, item, values) for term in terms)
        case Exists(attribute, expected):
            return (attribute in item) == expected
        case Comparison(attribute, comparator, value):
            return _compare(comparator, item.get(attribute), values[value])


def check_operands(parameter: str, condition: Condition, values: Values) -> None:
    """Raises ValidationException for values that have no order, whatever the item."""
    match condition:
        case And(terms) | Or(terms):
            for term in terms:
                check_operands(parameter, term, values)
        case Comparison(_, comparator, value) if comparator in ORDERINGS:
            if (kind := kind_of(values[value])) not in ORDERED_KINDS:
                raise ValidationException(
                    f"Invalid {parameter}: Incorrect operand type for operator or function; "
                    f"operator or function: {comparator}, operand type: {kind}"
                )
        case _:
            return


def _compare(comparator: str, left: AttributeValue | None, right: AttributeValue) -> bool:
    if left is None:
        return False
    if comparator == "=":
        return left == right
    kind = kind_of(left)
    if kind not in ORDERED_KINDS or kind not in right:
        return False
    return ORDERINGS[comparator](_comparable(kind, left[kind]), _comparable(kind, right[kind]))


def _comparable(kind: str, content: str) -> Decimal | bytes:
    return Decimal(content) if kind == "N" else content.encode()
