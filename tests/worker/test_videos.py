"""A video's two stages: what is there after each, and what every moment of the second one shows."""

import asyncio
from pathlib import Path

import pytest

from app.items.row import Lane
from shared.events import EventType
from shared.items import ItemKind, ItemState
from tests.house import House
from tests.worker.bench import Bench
from tests.worker.films import a_film

POSTER = ["large", "fallback", "medium", "small"]


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("films")


async def told(house: House) -> list[str]:
    page = await house.base.event_log.read(house.account, 0, limit=100)
    return [event.type for event in page.events]


async def test_the_first_stage_leaves_poster_and_facts_and_the_second_one_the_rest(bench: Bench, films: Path) -> None:
    house = bench.house
    row = await bench.handle(await house.queued(await asyncio.to_thread(a_film, films, seconds=7)))
    assert (row.state, row.lane, row.kind) == (ItemState.QUEUED, Lane.BULK, ItemKind.VIDEO)
    item = house.items.shown(row)
    assert (item.width, item.height, item.playable, item.playlist_url) == (320, 180, False, None)
    assert item.duration_seconds == pytest.approx(7, abs=0.1)
    assert item.placeholder is not None
    assert [each.name for each in item.renditions] == POSTER
    row = await bench.make(row)
    item = house.items.shown(row)
    assert (row.state, item.playable) == (ItemState.READY, True)
    assert [each.name for each in item.renditions] == [*POSTER, "video", "storyboard", "storyboard_track"]
    events = [EventType.ITEM_CREATED, EventType.ITEM_UPDATED, EventType.ITEM_PLAYABLE, EventType.ITEM_READY]
    assert await told(house) == events
    assert not list(bench.scratch.iterdir())
