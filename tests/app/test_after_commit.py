"""Whatever is lost after the commit of a change, its request succeeds: a matrix of all routes and classes of errors."""

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from app.stores.aws_errors import ErrorClass
from app.stores.cache.mode import CacheMode
from tests.app.after_commit import Outage, Preparation, batches_written, subject_to
from tests.app.changing_routes import PREPARATIONS
from tests.services import ManualClock, Stores, open_services
from tests.share_links.sharing_services import SharingServices, open_sharing_services

CALLS_AFTER_COMMIT = {
    "POST /v1/account/exports": {"get_queue_url"},
    "POST /v1/items/{item}/complete": {"get_queue_url"},
    "POST /v1/items/{item}/retry": {"get_queue_url"},
    "DELETE /v1/account": {"update_item"},
}
"""What each route calls after its commit; the others call nothing."""


@pytest.fixture(scope="module")
def outage() -> Outage:
    return Outage()


@pytest_asyncio.fixture(scope="module")
async def sharing(stores: Stores, make_sqlite: Callable[[], str], outage: Outage) -> AsyncIterator[SharingServices]:
    """An app whose stores are subject to the outage. Without a cache, each read is a statement."""
    async with (
        open_services(stores, ManualClock()) as services,
        open_sharing_services(stores, services, database_url=make_sqlite(), cache=CacheMode.OFF) as sharing,
    ):
        subject_to(outage, sharing.state)
        yield sharing


async def test_every_changing_route_is_in_the_matrix(sharing: SharingServices) -> None:
    paths = (await sharing.http.get("openapi.json")).json()["paths"]
    changing = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods if method != "get"}
    assert {each for each in changing if " /v1/" in each} == set(PREPARATIONS)


MATRIX = [pytest.param(route, ErrorClass.UNREACHABLE, id=f"{route}-unreachable") for route in PREPARATIONS] + [
    pytest.param(
        route, error_class, id=f"{route}-{error_class or 'no response'}", marks=pytest.mark.tier("full", "each class")
    )
    for route in CALLS_AFTER_COMMIT
    for error_class in (*ErrorClass, None)
    if error_class is not ErrorClass.UNREACHABLE
]


@pytest.mark.parametrize(("route", "error_class"), MATRIX)
async def test_stores_unavailable_after_the_commit_fail_no_request(
    sharing: SharingServices, outage: Outage, route: str, error_class: ErrorClass | None
) -> None:
    request = await PREPARATIONS[route](Preparation(sharing, await sharing.user()))
    await batches_written(sharing.state)
    with outage.after_commit(error_class):
        response = await request.caller.request(route.partition(" ")[0], request.path, request.body)
    assert response.is_success, (response.text, outage.refused)
    assert set(outage.refused) == CALLS_AFTER_COMMIT.get(route, set())
    assert outage.committed or route == "POST /v1/shared/unlock"


async def test_a_queue_that_never_responds_does_not_use_up_the_deadline(
    sharing: SharingServices, outage: Outage
) -> None:
    """The deadline is shorter than the time that a request waits after its commit."""
    request = await PREPARATIONS["POST /v1/items/{item}/complete"](Preparation(sharing, await sharing.user()))
    await batches_written(sharing.state)
    with outage.after_commit(None):
        response = await request.caller.request("POST", request.path, headers={"X-Deadline": "1900"})
    assert response.status_code == 202, response.text
    assert outage.refused
