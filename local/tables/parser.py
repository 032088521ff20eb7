"""Parse conditions, key conditions and updates; results are cached by text."""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, cast

from local.tables.syntax import (
    Action,
    And,
    Comparator,
    Comparison,
    Condition,
    ConditionExpression,
    Exists,
    Or,
    RemoveAction,
    SetAction,
    UpdateExpression,
)
from local.tables.tokens import END, Tokens

EXPRESSION_CACHE_SIZE = 1024
COMPARATORS = ("=", "<", "<=", ">", ">=")

Names = tuple[tuple[str, str], ...]
"""ExpressionAttributeNames as sorted pairs, which are hashable and so can be cached."""


def frozen_names(names: Mapping[str, str]) -> Names:
    """Return the names in the form that the parse functions take."""
    return tuple(sorted(names.items()))


@lru_cache(EXPRESSION_CACHE_SIZE)
def parse_condition(parameter: str, text: str, names: Names) -> ConditionExpression:
    """Parse a condition. Raises ValidationException, whose message names the expression by `parameter`."""
    tokens = Tokens(parameter, text, dict(names))
    root = _or(tokens)
    tokens.finish()
    return ConditionExpression(root, tokens.used)


@lru_cache(EXPRESSION_CACHE_SIZE)
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
    for name, count in Counter(action.attribute for action in actions).items():
        if count > 1:
            tokens.refuse(
                "Two document paths overlap with each other; must remove or rewrite one of these paths; "
                f"path one: [{name}], path two: [{name}]"
            )
    return UpdateExpression(tuple(actions), tokens.used)


def _or(tokens: Tokens) -> Condition:
    terms = [_and(tokens)]
    while tokens.accept("OR"):
        terms.append(_and(tokens))
    return terms[0] if len(terms) == 1 else Or(tuple(terms))


def _and(tokens: Tokens) -> Condition:
    terms = [_term(tokens)]
    while tokens.accept("AND"):
        terms.append(_term(tokens))
    return terms[0] if len(terms) == 1 else And(tuple(terms))


def _term(tokens: Tokens) -> Condition:
    if tokens.next == "(":
        opened = tokens.open_group()
        inner = _or(tokens)
        tokens.close_group(opened)
        return inner
    for function, requested in (("attribute_exists", True), ("attribute_not_exists", False)):
        if tokens.calls(function):
            test = Exists(tokens.attribute(), requested)
            tokens.expect(")")
            return test
    attribute = tokens.attribute()
    if tokens.next not in COMPARATORS:
        tokens.syntax_error()
    comparator = cast(Comparator, tokens.take())
    return Comparison(attribute, comparator, tokens.value())


def _set(tokens: Tokens) -> SetAction:
    attribute = tokens.attribute()
    tokens.expect("=")
    if not tokens.calls("if_not_exists"):
        return SetAction(attribute, tokens.value())
    present = tokens.attribute()
    tokens.expect(",")
    value = tokens.value()
    tokens.expect(")")
    return SetAction(attribute, value, present)


CLAUSES: Final[dict[str, Callable[[Tokens], Action]]] = {
    "SET": _set,
    "REMOVE": lambda tokens: RemoveAction(tokens.attribute()),
}
