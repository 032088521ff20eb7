"""Every dependency on the lifespan's state names a member of that state, with its type."""

from collections.abc import Iterator
from typing import get_type_hints

from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from app.http.dependencies import FromState
from app.main import ROUTERS, State


def dependencies_on_state(router: APIRouter) -> Iterator[FromState]:
    for route in router.routes:
        assert isinstance(route, APIRoute)
        yield from _within(route.dependant)


def _within(dependant: Dependant) -> Iterator[FromState]:
    if isinstance(dependant.call, FromState):
        yield dependant.call
    for each in dependant.dependencies:
        yield from _within(each)


def test_routes_depend_on_what_the_state_has() -> None:
    state = get_type_hints(State)
    depended = {each for router in ROUTERS for each in dependencies_on_state(router)}
    assert len(depended) > 20
    assert {each.name: each.kind for each in depended} == {each.name: state.get(each.name) for each in depended}
