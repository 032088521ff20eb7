"""The overview while AWS fails: it is where an administrator sees the errors."""

from collections.abc import Callable

import httpx

from tests.api import open_app, signed_in
from tests.servers import free_port
from tests.services import Stores


async def overview(stores: Stores, database_url: str, **changes: str) -> httpx.Response:
    """Return the response to the first account, which is the administrator."""
    async with open_app(stores.settings(database_url=database_url, **changes)) as (client, _state):
        client.headers.update(await signed_in(client))
        return await client.get("admin/overview")


async def test_the_overview_shows_the_other_figures_while_the_queues_are_away(
    stores: Stores, make_sqlite: Callable[[], str]
) -> None:
    response = await overview(stores, make_sqlite(), sqs_endpoint=f"http://127.0.0.1:{free_port()}")
    assert response.status_code == 200, response.text
    assert response.json()["lanes"] == {}
    assert len(response.json()["warnings"]) == 4


async def test_the_overview_shows_the_queues_while_the_tables_are_away(
    stores: Stores, make_sqlite: Callable[[], str]
) -> None:
    response = await overview(stores, make_sqlite(), dynamodb_endpoint=f"http://127.0.0.1:{free_port()}")
    assert response.status_code == 200, response.text
    figures = response.json()
    assert figures["lanes"].keys() == {"express", "bulk", "exports", "dead_letters"}
    assert figures["oldest_wait_seconds"] is figures["items_past_deadline"] is figures["events_not_relayed"] is None
    assert figures["warnings"] == ["The waiting items cannot be read.", "The late events cannot be read."]
