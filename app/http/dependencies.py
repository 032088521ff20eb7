"""Dependencies that routes of all capabilities use: a service of the state, a page's parameters, `no-store`."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response

Cursor = Annotated[str | None, Query(max_length=500)]
Limit = Annotated[int, Query(ge=1, le=200)]


@dataclass(frozen=True, slots=True)
class FromState:
    """The dependency on `request.state.<name>`, which the composition root sets to an instance of `kind`."""

    name: str
    kind: type[object]

    async def __call__(self, request: Request) -> Any:
        return getattr(request.state, self.name)


def from_state(name: str, kind: type[object]) -> Any:
    """Return what `Annotated[kind, …]` needs. `tests/app/test_state.py` compares `kind` with the state's own type."""
    return Depends(FromState(name, kind))


async def forbid_storing(response: Response) -> None:
    """Mark the response as one that no cache may store."""
    response.headers["Cache-Control"] = "no-store"
