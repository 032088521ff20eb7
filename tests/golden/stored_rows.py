"""The attributes of everything that is written to DynamoDB, taken from the requests of the stores."""

import inspect
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import partial
from typing import Any

from app.stores import dynamo
from app.stores.dynamo import Action, Dynamo
from darkroom_shared.problems import Problem
from tests.golden.code import functions_returning, modules
from tests.golden.flat import Leaf, merged, of_dynamodb, text_of
from tests.golden.full_values import MAX_CHOICES, arguments

_ASSIGNED = re.compile(r"(#?\w+) = (?:if_not_exists\(\S+ )?(:\w+)")
_REMOVED = re.compile(r"REMOVE ([#\w, ]+)$")


class RecordingClient:
    """Replaces botocore's client: records the requests and returns no rows."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        async def call(**request: Any) -> dict[str, Any]:
            self.requests.append((operation, request))
            return {"Items": [], "Responses": {}, "Count": 0}

        return call


async def stored_attributes() -> str:
    """Return a line for each attribute: table, path, type, and the texts of enums and composed keys."""
    leaves: list[tuple[str, Leaf]] = []
    for action in _actions():
        leaves += [(action.table, leaf) for leaf in _written(action.verb, action.arguments)]
    client = RecordingClient()
    for call in _store_calls(Dynamo(client)):  # type: ignore[arg-type]  # only its calls are used
        await _run(call)
    for operation, request in client.requests:
        verb = operation.removesuffix("_item").title()
        if verb in {"Put", "Update", "Delete"}:
            leaves += [(request["TableName"], leaf) for leaf in _written(verb, request)]
    tables = {table for table, _ in leaves}
    return text_of(line for table in tables for line in merged(table, (leaf for name, leaf in leaves if name == table)))


def _actions() -> Iterator[Action]:
    """Yield the result of every function that builds a write action, with every argument set."""
    for module in modules():
        if module is dynamo:
            continue
        for function in functions_returning(Action, module):
            for choice in range(MAX_CHOICES):
                yield function(**arguments(function, choice=choice))


def _store_calls(client: Dynamo) -> Iterator[Callable[[], Any]]:
    """Yield a call of every method of every store whose constructor takes only a Dynamo."""
    for module in modules():
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if kind.__module__ != module.__name__ or _made_of(kind) != [Dynamo]:
                continue
            make: Any = kind
            store = make(client)
            for _, method in inspect.getmembers(store, inspect.ismethod):
                if not method.__name__.startswith("_"):
                    yield partial(method, **arguments(method))


def _made_of(kind: type) -> list[Any]:
    """Return the types of the constructor's parameters."""
    declared = dict(getattr(inspect.getattr_static(kind, "__init__"), "__annotations__", {}))
    declared.pop("return", None)
    return list(declared.values())


async def _run(call: Callable[[], Any]) -> None:
    try:
        result = call()
        if isinstance(result, AsyncIterator):
            async for _ in result:
                pass
        else:
            await result
    except (Problem, LookupError):
        return  # the client returns no rows; the request is recorded already


def _written(verb: str, request: Mapping[str, Any]) -> Iterator[Leaf]:
    if verb == "Put":
        yield from of_dynamodb(request["Item"])
        return
    names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
    yield from ((path, kind, "") for path, kind, _ in of_dynamodb(request["Key"]))
    expression = request.get("UpdateExpression", "")
    for name, value in _ASSIGNED.findall(expression):
        yield from ((path, kind, "") for path, kind, _ in of_dynamodb({names.get(name, name): values[value]}))
    for removed in _REMOVED.findall(expression):
        yield from ((names.get(name, name), "removed", "") for name in removed.split(", "))
    condition: str = request.get("ConditionExpression", "")
    yield from ((name, "compared", "") for name in _compared(condition, names))


def _compared(condition: str, names: Mapping[str, str]) -> Iterator[str]:
    words = set(re.findall(r"(?<![:\w])#?[a-z_]\w*", condition))
    yield from (names.get(word, word) for word in words - {"attribute_not_exists", "attribute_exists", "if_not_exists"})
