"""The app is killed after the commit of a relational change, before or while the event is published."""

import asyncio
from collections import Counter

import httpx
import pytest
from sqlalchemy import func, select

from app.events.schema.tables import event_outbox
from app.stores.aurora import Database
from darkroom_shared.events import EventType
from tests.drills.installation import Installation, Rule, inject, injected
from tests.drills.processes import DRILL_SECONDS, PLENTY_SECONDS, Processes
from tests.drills.test_same_request import signed_in

pytestmark = pytest.mark.timeout(DRILL_SECONDS)

APPEND = "TransactWriteItems"
FAULTS = {
    "not yet in the log": Rule(APPEND, "latency", seconds=60.0),
    "in the log, but still in the outbox": Rule(APPEND, "drop_response"),
}
"""What the app's publication meets when it is killed, by how far it has come."""
POLL_SECONDS = 0.05
EVENTS_PER_PAGE = 500


@pytest.mark.parametrize("moment", FAULTS)
async def test_an_event_of_a_killed_app_is_published_once_by_a_worker(
    installation: Installation, processes: Processes, moment: str
) -> None:
    """Album events are read in the log only; SNS carries completed items, whose kills test_kills.py covers."""
    app = processes.app()
    web = processes.web(app)
    await asyncio.gather(app.ready(), web.ready())
    async with signed_in(installation) as http:
        await inject(installation.tables, FAULTS[moment])
        response = await http.post(f"{web.url}/v1/albums", json={"title": "Brest"})
        assert response.status_code == 201, response.text
        async with asyncio.timeout(PLENTY_SECONDS):
            while not await injected(installation.tables):  # noqa: ASYNC110  # another process wakes no event
                await asyncio.sleep(POLL_SECONDS)
        app.kill()
        await inject(installation.tables)
        worker = processes.worker()
        await worker.ready()
        album = response.json()["id"]
        async with asyncio.timeout(PLENTY_SECONDS):
            while await _waiting(installation) or not await _published(installation, http):  # noqa: ASYNC110  # as above
                await asyncio.sleep(POLL_SECONDS)
        assert await _published(installation, http) == Counter({album: 1})


async def _published(installation: Installation, http: httpx.AsyncClient) -> Counter[str]:
    """Count the events of created albums in the log, by album."""
    page = await http.get(f"{installation.url}/v1/events", params={"after": 0, "limit": EVENTS_PER_PAGE})
    page.raise_for_status()
    return Counter(each["subject"] for each in page.json()["events"] if each["type"] == EventType.ALBUM_CREATED)


async def _waiting(installation: Installation) -> int:
    """Return the number of rows in the outbox."""
    database = Database(installation.app["DARKROOM_DATABASE_URL"])
    try:
        async with database.writer.read() as connection:
            return int(await connection.scalar(select(func.count()).select_from(event_outbox)) or 0)
    finally:
        await database.close()
