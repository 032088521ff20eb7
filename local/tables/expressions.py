"""The expressions of one request, with their names and values; unused names or values are an error."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from local.tables.conditions import check_operands
from local.tables.errors import ValidationException
from local.tables.parser import Names, frozen_names, parse_condition, parse_update
from local.tables.requests import Parameters, missing, optional_mapping, optional_text
from local.tables.syntax import ConditionExpression, UpdateExpression, Used
from local.tables.values import AttributeValue, canonical_item

Parsed = TypeVar("Parsed", ConditionExpression, UpdateExpression)


class Expressions:
    """Read the expressions that the request may have, then call `finish`."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._used: list[Used] = []
        self._names: Names = frozen_names(_map_of(parameters, "ExpressionAttributeNames"))
        self.values: dict[str, AttributeValue] = canonical_item(_map_of(parameters, "ExpressionAttributeValues"))

    def condition(self, parameter: str) -> ConditionExpression | None:
        """Return the parsed condition; None if the request has none under this parameter."""
        parsed = self._parse(parameter, lambda text: parse_condition(parameter, text, self._names))
        if parsed is not None:
            check_operands(parameter, parsed.root, self.values)
        return parsed

    def update(self) -> UpdateExpression:
        """Return the parsed update. Raises ValidationException if the request has none."""
        parsed = self._parse("UpdateExpression", lambda text: parse_update(text, self._names))
        if parsed is None:
            raise missing("UpdateExpression")
        return parsed

    def finish(self) -> None:
        """Raises ValidationException if the request has names or values that no expression uses."""
        names = frozenset[str]().union(*(used.names for used in self._used))
        values = frozenset[str]().union(*(used.values for used in self._used))
        self._refuse_unused("ExpressionAttributeNames", {name for name, _ in self._names} - names)
        self._refuse_unused("ExpressionAttributeValues", self.values.keys() - values)

    def _parse(self, parameter: str, parse: Callable[[str], Parsed]) -> Parsed | None:
        text = optional_text(self._parameters, parameter)
        if text is None:
            return None
        parsed = parse(text)
        self._used.append(parsed.used)
        for name in parsed.used.values:
            if name not in self.values:
                raise ValidationException(
                    f"Invalid {parameter}: An expression attribute value used in expression is not defined; "
                    f"attribute value: {name}"
                )
        return parsed

    def _refuse_unused(self, parameter: str, unused: Iterable[str]) -> None:
        left = sorted(unused)
        if not left:
            return
        if not self._used:
            raise ValidationException(f"{parameter} can only be specified when using expressions")
        raise ValidationException(f"Value provided in {parameter} unused in expressions: keys: {{{', '.join(left)}}}")


def _map_of(parameters: Parameters, name: str) -> dict[str, Any]:
    mapping = optional_mapping(parameters, name)
    if mapping is None:
        return {}
    if not mapping:
        raise ValidationException(f"{name} must not be empty")
    return mapping
