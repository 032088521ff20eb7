"""The names of all steps in an item's receipt, read from the source code."""

import ast
import inspect
from collections.abc import Iterator
from types import ModuleType

from app.items.service.lifecycle import Change
from app.worker.steps import Steps
from tests.golden.code import modules
from tests.golden.flat import text_of

_PLACE = 1
"""Index of the step's name in the arguments of a change."""


def receipt_steps() -> str:
    """Return all step names. Raises AssertionError for a step whose name is not visible in the source code."""
    return text_of(step for module in modules() for step in _steps(module))


def _steps(module: ModuleType) -> Iterator[str]:
    tree = ast.parse(inspect.getsource(module))
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for call in _calls(function):
                if isinstance(call.func, ast.Name) and getattr(module, call.func.id, None) is Change:
                    yield from _texts(tree, function, call.args[_PLACE])
                if isinstance(call.func, ast.Attribute) and call.func.attr == Steps.step.__name__:
                    yield from _texts(tree, function, call.args[0])


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _texts(tree: ast.AST, function: ast.FunctionDef | ast.AsyncFunctionDef, name: ast.expr) -> Iterator[str]:
    """Yield the literal name; for a parameter, yield what the function's callers in the module pass for it."""
    if isinstance(name, ast.Constant) and isinstance(name.value, str):
        yield name.value
        return
    parameters = [each.arg for each in function.args.args]
    assert isinstance(name, ast.Name), f"line {name.lineno}: a step's name must be a text"
    assert name.id in parameters, f"line {name.lineno}: a step's name must be a text or a parameter"
    for call in _calls(tree):
        if isinstance(call.func, ast.Name) and call.func.id == function.name:
            yield from _texts(tree, function, call.args[parameters.index(name.id)])
