"""Applies an update expression to an item and makes the next one."""

from collections.abc import Iterator
from typing import Final

from local.tables import numbers
from local.tables.conditions import Values, look_up
from local.tables.errors import ValidationException
from local.tables.syntax import (
    Action,
    AddAction,
    Arithmetic,
    Attribute,
    DeleteAction,
    IfNotExists,
    ListAppend,
    Path,
    RemoveAction,
    SetAction,
    SetOperand,
    UpdateExpression,
    Value,
)
from local.tables.values import AttributeValue, Item, kind_of, sorted_set

SET_KINDS: Final = {"SS", "NS", "BS"}
WRONG_TYPE = "An operand in the update expression has an incorrect data type"
WRONG_PATH = "The document path provided in the update expression is invalid for update"
NO_ATTRIBUTE = "The provided expression refers to an attribute that does not exist in the item"


def apply(update: UpdateExpression, item: Item, values: Values) -> Item:
    """The next item; `item` stays as it is, and every operand is read from it as it was before the update."""
    changed = dict(item)
    for path, value in [_outcome(action, item, values) for action in _sets_first(update.actions)]:
        if value is None:
            _remove(changed, path)
        else:
            _put(changed, path, value)
    return changed


def check_literals(update: UpdateExpression, values: Values) -> None:
    """Raises ValidationException for literal operands that could never fit, whatever the item."""
    for action in update.actions:
        match action:
            case AddAction(_, value):
                _check_literal("ADD", values[value.name], SET_KINDS | {"N"})
            case DeleteAction(_, value):
                _check_literal("DELETE", values[value.name], SET_KINDS)
            case SetAction(_, operand):
                _check_set_literals(operand, values)
            case _:
                continue


def _sets_first(actions: tuple[Action, ...]) -> Iterator[Action]:
    # A list is first written to, in the order of positions, and then shortened, from its end: so every position
    # means the one before the update, and what lies past the end is appended in order.
    removals = [action for action in actions if isinstance(action, RemoveAction)]
    yield from sorted((action for action in actions if not isinstance(action, RemoveAction)), key=_positions)
    yield from sorted(removals, key=_positions, reverse=True)


def _positions(action: Action) -> list[int]:
    return [step for step in action.path if isinstance(step, int)]


def _outcome(action: Action, item: Item, values: Values) -> tuple[Path, AttributeValue | None]:
    """What will stand at the action's path; None for nothing."""
    match action:
        case SetAction(path, operand):
            return path, _operand(operand, item, values)
        case RemoveAction(path):
            _require_parent(item, path)
            return path, None
        case AddAction(path, value):
            return path, _added(look_up(item, path), values[value.name])
        case DeleteAction(path, value):
            return path, _without(look_up(item, path), values[value.name])


def _operand(operand: SetOperand, item: Item, values: Values) -> AttributeValue:
    match operand:
        case Value(name):
            return values[name]
        case Attribute(path):
            value = look_up(item, path)
            if value is None:
                raise ValidationException(NO_ATTRIBUTE)
            return value
        case IfNotExists(path, fallback):
            value = look_up(item, path)
            return _operand(fallback, item, values) if value is None else value
        case ListAppend(first, second):
            lists = [_operand(part, item, values) for part in (first, second)]
            if any("L" not in part for part in lists):
                raise ValidationException(WRONG_TYPE)
            return {"L": [*lists[0]["L"], *lists[1]["L"]]}
        case Arithmetic(operator, left, right):
            sides = [_operand(side, item, values) for side in (left, right)]
            if any("N" not in side for side in sides):
                raise ValidationException(WRONG_TYPE)
            calculate = numbers.add if operator == "+" else numbers.subtract
            return {"N": calculate(sides[0]["N"], sides[1]["N"])}


def _added(present: AttributeValue | None, addition: AttributeValue) -> AttributeValue:
    if present is None:
        return addition
    kind = kind_of(addition)
    if kind not in present:
        raise ValidationException(WRONG_TYPE)
    if kind == "N":
        return {"N": numbers.add(present["N"], addition["N"])}
    return {kind: sorted_set(kind, {*present[kind], *addition[kind]})}


def _without(present: AttributeValue | None, members: AttributeValue) -> AttributeValue | None:
    if present is None:
        return None
    kind = kind_of(members)
    if kind not in present:
        raise ValidationException(WRONG_TYPE)
    left = set(present[kind]) - set(members[kind])
    return {kind: sorted_set(kind, left)} if left else None


def _require_parent(item: Item, path: Path) -> None:
    if len(path) == 1:
        return
    parent = look_up(item, path[:-1])
    if parent is None or ("L" if isinstance(path[-1], int) else "M") not in parent:
        raise ValidationException(WRONG_PATH)


def _put(item: Item, path: Path, value: AttributeValue) -> None:
    container = _own_container(item, path)
    step = path[-1]
    if isinstance(container, dict) and isinstance(step, str):
        container[step] = value
    elif isinstance(container, list) and isinstance(step, int):
        if step < len(container):
            container[step] = value
        else:
            container.append(value)  # a position past the end means the end
    else:
        raise ValidationException(WRONG_PATH)


def _remove(item: Item, path: Path) -> None:
    container = _own_container(item, path)
    step = path[-1]
    if isinstance(container, dict) and isinstance(step, str):
        container.pop(step, None)
    elif isinstance(container, list) and isinstance(step, int):
        if step < len(container):
            del container[step]
    else:
        raise ValidationException(WRONG_PATH)


def _own_container(item: Item, path: Path) -> Item | list[AttributeValue]:
    """The map or list that holds the path's last step, copied on the way so that the old item keeps its own."""
    container: Item | list[AttributeValue] = item
    for step in path[:-1]:
        match container, step:
            case dict(), str() if step in container:
                container[step] = child = _copy(container[step])
            case list(), int() if step < len(container):
                container[step] = child = _copy(container[step])
            case _:
                raise ValidationException(WRONG_PATH)
        container = next(iter(child.values()))
    return container


def _copy(value: AttributeValue) -> AttributeValue:
    match value:
        case {"M": dict(members)}:
            return {"M": dict(members)}
        case {"L": list(elements)}:
            return {"L": list(elements)}
        case _:
            raise ValidationException(WRONG_PATH)


def _check_literal(name: str, value: AttributeValue, allowed: set[str]) -> None:
    if (kind := kind_of(value)) not in allowed:
        raise ValidationException(
            "Invalid UpdateExpression: Incorrect operand type for operator or function; "
            f"operator: {name}, operand type: {kind}, typeSet: ALLOWED_FOR_{name}_OPERAND"
        )


def _check_set_literals(operand: SetOperand, values: Values) -> None:
    match operand:
        case Arithmetic(operator, left, right):
            _check_parts(operator, (left, right), "N", values)
        case ListAppend(first, second):
            _check_parts("list_append", (first, second), "L", values)
        case IfNotExists(_, fallback):
            _check_set_literals(fallback, values)
        case _:
            return


def _check_parts(name: str, parts: tuple[SetOperand, ...], wanted: str, values: Values) -> None:
    for part in parts:
        if isinstance(part, Value) and (kind := kind_of(values[part.name])) != wanted:
            raise ValidationException(
                "Invalid UpdateExpression: Incorrect operand type for operator or function; "
                f"operator or function: {name}, operand type: {kind}"
            )
        _check_set_literals(part, values)
