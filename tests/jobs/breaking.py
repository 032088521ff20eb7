"""Parts of a pipeline that raise at one of their calls."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

UNTOUCHED = {"renew", "check", "lease"}
"""The heartbeat's calls: their number depends on time."""


class Script:
    """Records the calls of a pipeline by name, and raises at the first call of the name `at`."""

    def __init__(self, at: str | None = None, *, after: bool = False) -> None:
        """`after`: raise once the call has taken effect."""
        self.calls: list[str] = []
        self._at, self._after = at, after

    def around(self, name: str, part: Any) -> Any:
        return _Part(self, name, part)

    def call(self, name: str, function: Callable[..., Any], /, *words: Any, **named: Any) -> Any:
        breaks = name == self._at and name not in self.calls
        self.calls.append(name)
        if breaks and not (self._after and inspect.iscoroutinefunction(function)):
            raise KeyError(name)
        result = function(*words, **named)
        return _then_raise(result, name) if breaks else result


async def _then_raise(work: Awaitable[Any], name: str) -> None:
    await work
    raise KeyError(name)


class _Part:
    def __init__(self, script: Script, name: str, part: Any) -> None:
        self._script, self._name, self._part = script, name, part

    def __getattr__(self, attribute: str) -> Any:
        attribute_value = getattr(self._part, attribute)
        if not callable(attribute_value) or attribute in UNTOUCHED:
            return attribute_value
        name = f"{self._name}.{attribute}"
        return lambda *words, **named: self._script.call(name, attribute_value, *words, **named)
