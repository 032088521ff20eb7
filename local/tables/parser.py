"""Parses conditions, key conditions, filters, updates and projections; the same text is parsed once."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Final, Literal, cast

from local.tables.syntax import (
    Action,
    AddAction,
    Arithmetic,
    Attribute,
    BeginsWith,
    Between,
    Comparator,
    Comparison,
    Condition,
    ConditionExpression,
    Contains,
    DeleteAction,
    Either,
    Every,
    Exists,
    HasType,
    IfNotExists,
    ListAppend,
    Negation,
    Operand,
    Path,
    ProjectionExpression,
    RemoveAction,
    SetAction,
    SetOperand,
    Size,
    UpdateExpression,
    Value,
    Within,
)
from local.tables.tokens import END, Tokens

REMEMBERED_EXPRESSIONS = 1024
MOST_OPTIONS = 100  # operands of IN: "Comparison operator and function reference"
COMPARATORS = ("=", "<>", "<", "<=", ">", ">=")

Names = tuple[tuple[str, str], ...]
"""ExpressionAttributeNames as sorted pairs, so that they can be remembered."""


def frozen_names(names: Mapping[str, str]) -> Names:
    """The names as the parse functions take them."""
    return tuple(sorted(names.items()))


@lru_cache(REMEMBERED_EXPRESSIONS)
def parse_condition(parameter: str, text: str, names: Names) -> ConditionExpression:
    """Raises ValidationException, in whose message `parameter` names the expression."""
    tokens = Tokens(parameter, text, dict(names))
    root = _either(tokens)
    tokens.finish()
    return ConditionExpression(root, tokens.used)


@lru_cache(REMEMBERED_EXPRESSIONS)
def parse_projection(text: str, names: Names) -> ProjectionExpression:
    """Raises ValidationException."""
    tokens = Tokens("ProjectionExpression", text, dict(names))
    paths = [tokens.path()]
    while tokens.accept(","):
        paths.append(tokens.path())
    tokens.finish()
    _refuse_overlaps(tokens, paths)
    return ProjectionExpression(tuple(paths), tokens.used)


@lru_cache(REMEMBERED_EXPRESSIONS)
def parse_update(text: str, names: Names) -> UpdateExpression:
    """Raises ValidationException."""
    tokens = Tokens("UpdateExpression", text, dict(names))
    actions: list[Action] = []
    met: set[str] = set()
    while tokens.next != END:
        clause = tokens.next.upper()
        parse = CLAUSES.get(clause)
        if parse is None:
            tokens.syntax_error()
        if clause in met:
            tokens.refuse(f'The "{clause}" section can only be used once in an update expression;')
        met.add(clause)
        tokens.take()
        actions.append(parse(tokens))
        while tokens.accept(","):
            actions.append(parse(tokens))
    _refuse_overlaps(tokens, [action.path for action in actions])
    return UpdateExpression(tuple(actions), tokens.used)


def _either(tokens: Tokens) -> Condition:
    terms = [_every(tokens)]
    while tokens.accept("OR"):
        terms.append(_every(tokens))
    return terms[0] if len(terms) == 1 else Either(tuple(terms))


def _every(tokens: Tokens) -> Condition:
    terms = [_negation(tokens)]
    while tokens.accept("AND"):
        terms.append(_negation(tokens))
    return terms[0] if len(terms) == 1 else Every(tuple(terms))


def _negation(tokens: Tokens) -> Condition:
    if tokens.accept("NOT"):
        return Negation(_negation(tokens))
    if tokens.next == "(":
        return _group(tokens)
    return _function(tokens) or _comparison(tokens)


def _group(tokens: Tokens) -> Condition:
    opened = tokens.open_group()
    inner = _either(tokens)
    tokens.close_group(opened)
    return inner


def _function(tokens: Tokens) -> Condition | None:
    for name, parse in FUNCTIONS.items():
        if tokens.calls(name):
            condition = parse(tokens)
            tokens.expect(")")
            return condition
    return None


def _comparison(tokens: Tokens) -> Condition:
    left = _operand(tokens)
    if tokens.accept("BETWEEN"):
        low = _operand(tokens)
        tokens.expect("AND")
        return Between(left, low, _operand(tokens))
    if tokens.accept("IN"):
        return _within(tokens, left)
    if tokens.next not in COMPARATORS:
        tokens.syntax_error()
    comparator = cast(Comparator, tokens.take())
    return Comparison(comparator, left, _operand(tokens))


def _within(tokens: Tokens, operand: Operand) -> Within:
    tokens.expect("(")
    options = [_operand(tokens)]
    while tokens.accept(","):
        options.append(_operand(tokens))
    tokens.expect(")")
    if len(options) > MOST_OPTIONS:
        tokens.refuse(f"The IN operator takes at most {MOST_OPTIONS} operands; number of operands: {len(options)}")
    return Within(operand, tuple(options))


def _operand(tokens: Tokens) -> Operand:
    if tokens.calls("size"):
        path = tokens.path()
        tokens.expect(")")
        return Size(path)
    if tokens.next.startswith(":"):
        return Value(tokens.value())
    return Attribute(tokens.path())


def _pair(tokens: Tokens) -> tuple[Operand, Operand]:
    first = _operand(tokens)
    tokens.expect(",")
    return first, _operand(tokens)


def _has_type(tokens: Tokens) -> HasType:
    path = tokens.path()
    tokens.expect(",")
    return HasType(path, _operand(tokens))


FUNCTIONS: Final[dict[str, Callable[[Tokens], Condition]]] = {
    "attribute_exists": lambda tokens: Exists(tokens.path(), wanted=True),
    "attribute_not_exists": lambda tokens: Exists(tokens.path(), wanted=False),
    "attribute_type": _has_type,
    "begins_with": lambda tokens: BeginsWith(*_pair(tokens)),
    "contains": lambda tokens: Contains(*_pair(tokens)),
}


def _set(tokens: Tokens) -> SetAction:
    path = tokens.path()
    tokens.expect("=")
    operand = _set_operand(tokens)
    if tokens.next in ("+", "-"):
        operator = cast(Literal["+", "-"], tokens.take())
        operand = Arithmetic(operator, operand, _set_operand(tokens))
    return SetAction(path, operand)


def _set_operand(tokens: Tokens) -> SetOperand:
    if tokens.accept("("):
        operand = _set_operand(tokens)
        tokens.expect(")")
        return operand
    if tokens.calls("if_not_exists"):
        path = tokens.path()
        tokens.expect(",")
        fallback = _set_operand(tokens)
        tokens.expect(")")
        return IfNotExists(path, fallback)
    if tokens.calls("list_append"):
        first = _set_operand(tokens)
        tokens.expect(",")
        second = _set_operand(tokens)
        tokens.expect(")")
        return ListAppend(first, second)
    if tokens.next.startswith(":"):
        return Value(tokens.value())
    return Attribute(tokens.path())


CLAUSES: Final[dict[str, Callable[[Tokens], Action]]] = {
    "SET": _set,
    "REMOVE": lambda tokens: RemoveAction(tokens.path()),
    "ADD": lambda tokens: AddAction(tokens.path(), Value(tokens.value())),
    "DELETE": lambda tokens: DeleteAction(tokens.path(), Value(tokens.value())),
}


def _refuse_overlaps(tokens: Tokens, paths: list[Path]) -> None:
    ordered = sorted(paths, key=lambda path: [(isinstance(step, int), str(step)) for step in path])
    for first, second in pairwise(ordered):
        if second[: len(first)] == first:
            tokens.refuse(
                "Two document paths overlap with each other; must remove or rewrite one of these paths; "
                f"path one: {_spell(first)}, path two: {_spell(second)}"
            )


def _spell(path: Path) -> str:
    return "[" + ", ".join(f"[{step}]" if isinstance(step, int) else step for step in path) + "]"
