"""What the gallery and an item's panel show of a video: poster, duration and progress."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import expect

from darkroom_shared.events import EventType, Progress
from darkroom_shared.items import ItemState
from tests.browser.conftest import DESKTOP, FILES_OF_A_VIDEO, PHONE, MakeItem
from tests.browser.scripted_service import ScriptedService
from tests.browser.test_page_alone import SIDEWAYS, beyond
from tests.browser.visitor import Visitor, expect_images


def far(item_id: str, percent: float, seconds: float) -> Progress:
    return Progress(id=item_id, percent=percent, ready_at=datetime.now(UTC) + timedelta(seconds=seconds))


@pytest.mark.parametrize("state", [ItemState.QUEUED, ItemState.PROCESSING])
async def test_a_tile_displays_progress_and_remaining_time(
    visitor: Visitor, make_video: MakeItem, api: ScriptedService, state: ItemState
) -> None:
    """No event reports the start of a queued video; its progress does."""
    item = make_video("lake.mp4", made=3, state=state)
    page = await visitor.open()
    await expect_images(page, 1)
    tile = page.locator(".tile")
    api.publish_progress(far(item.id, 42.7, seconds=110))
    await expect(tile.locator(".tile-state")).to_have_text("42 % · 2 min left")
    assert await tile.locator("progress").evaluate("bar => bar.value") == pytest.approx(0.427)
    api.change(item, EventType.ITEM_READY, state=ItemState.READY, renditions=item.renditions + FILES_OF_A_VIDEO)
    await expect(tile).to_have_attribute("data-state", "ready")
    await expect(tile.locator("progress")).to_be_hidden()
    await expect(tile.locator(".tile-state")).to_be_empty()


async def test_an_opened_video_displays_its_progress(
    visitor: Visitor, make_video: MakeItem, api: ScriptedService
) -> None:
    item = make_video("lake.mp4", made=3)
    page = await visitor.open(f"/items/{item.id}")
    await expect(page.locator(".item-status")).to_have_text("Developing")
    api.publish_progress(far(item.id, 90, seconds=25))
    await expect(page.locator(".item-status")).to_have_text("Developing · 90 % · 30 s left")
    await expect(page.get_by_role("progressbar", name="Developing", exact=True)).to_have_attribute("value", "90")


async def test_a_video_tile_shows_its_poster_and_duration_but_not_its_storyboard(
    visitor: Visitor, make_video: MakeItem
) -> None:
    make_video()
    page = await visitor.open()
    await expect_images(page, 1)
    assert "storyboard" not in await page.locator(".tile picture").inner_html()
    assert "null" not in await page.locator(".tile picture").inner_html()
    await expect(page.get_by_role("link", name="Video 2:00 film.mp4")).to_be_visible()
    await expect(page.locator(".day-count")).to_have_text("1 video")


async def test_an_opened_video_can_be_played_as_soon_as_it_is_playable(
    visitor: Visitor, make_video: MakeItem, api: ScriptedService
) -> None:
    item = make_video(made=1, playable=False)
    page = await visitor.open(f"/items/{item.id}")
    await expect(page.locator(".item-stage picture")).to_be_visible()
    await expect(page.locator("video")).to_have_count(0)
    api.encodes[item.id].made = 3
    api.change(item, EventType.ITEM_PLAYABLE, playable=True)
    await page.locator(".video-start").click()
    await page.wait_for_function("() => document.querySelector('video').currentTime > 0.3")


@pytest.mark.parametrize("shape", [(1920, 1080), (1080, 1920)], ids=["landscape", "upright"])
@pytest.mark.parametrize(("width", "height"), [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_a_player_stays_within_the_screen_and_covers_nothing(
    visitor: Visitor, make_video: MakeItem, width: int, height: int, shape: tuple[int, int]
) -> None:
    item = make_video(made=3, width=shape[0], height=shape[1])
    page = await visitor.open()
    await page.set_viewport_size({"width": width, "height": height})
    await page.goto(f"{visitor.url}/items/{item.id}")
    await expect(page.get_by_role("slider", name="Position")).to_be_visible()
    await expect(page.get_by_role("slider", name="Position")).to_be_in_viewport()
    stage, title = await page.locator(".video").bounding_box(), await page.locator(".item-title").bounding_box()
    assert stage is not None
    assert title is not None
    assert title["y"] >= stage["y"] + stage["height"] or title["x"] >= stage["x"] + stage["width"]
    assert await page.evaluate(SIDEWAYS) <= 0
    assert await beyond(page, width) == []
