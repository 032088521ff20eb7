"""How the page handles service behaviour that is hard to provoke with the real service."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from darkroom_shared.events import EventType
from darkroom_shared.items import ItemState
from darkroom_shared.problems import Unavailable
from tests.browser.conftest import DESKTOP, PHONE, MakeItem
from tests.browser.photos import photos, text_file
from tests.browser.scripted_service import ScriptedService
from tests.browser.visitor import Visitor, drop, expect_images

SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


async def test_a_failed_photo_displays_the_error_and_the_actions(
    visitor: Visitor, api: ScriptedService, make_failed: MakeItem
) -> None:
    failed = make_failed()
    page = await visitor.open()
    tile = page.locator(f'[data-item="{failed.id}"]')
    assert failed.failure is not None
    await expect(tile).to_contain_text(failed.failure.message)
    async with page.expect_download() as download:
        await tile.get_by_role("button", name="Download original").click()
    assert (await download.value).suggested_filename == "notes.jpg"
    await tile.get_by_role("button", name="Retry").click()
    await expect(tile).to_have_attribute("data-state", "queued")
    assert api.requests["POST /v1/items/ID/retry"] == 1


async def test_a_failed_photo_can_be_deleted_on_its_tile(
    visitor: Visitor, api: ScriptedService, make_failed: MakeItem
) -> None:
    make_failed()
    page = await visitor.open()
    await page.get_by_role("button", name="Delete").click()
    await page.get_by_role("button", name="Really delete?").click()
    await expect(page.get_by_text("Nothing here yet")).to_be_visible()
    assert api.items == {}


async def test_images_with_expired_urls_are_reloaded_with_new_ones(
    visitor: Visitor, api: ScriptedService, make_ready: MakeItem
) -> None:
    make_ready()
    api.oldest_window = 2  # the list still contains URLs of window 1
    page = await visitor.open()
    await expect(page.locator(".tile canvas")).to_have_count(1)
    api.window = 2
    await expect_images(page, 1)


async def test_an_event_that_arrives_before_its_response_creates_one_tile(
    visitor: Visitor, api: ScriptedService, make_ready: MakeItem, tmp_path: Path
) -> None:
    api.holds_responses = True
    page = await visitor.open()
    await drop(page, [text_file(tmp_path / "diary.txt")])
    await expect(page.locator(".tile")).to_have_count(1)
    while not api.events:  # noqa: ASYNC110  # the service runs in another thread
        await asyncio.sleep(0.01)
    make_ready()
    api.append_event(EventType.ITEM_UPDATED, next(item for item in api.items.values() if item.state is ItemState.READY))
    await expect_images(page, 1)  # the previous event has been received, too
    await expect(page.locator(".tile")).to_have_count(2)
    api.holds_responses = False
    await expect(page.locator('.tile[data-state="queued"]')).to_have_count(1)
    await expect(page.locator(".tile")).to_have_count(2)


async def test_events_missed_during_a_disconnect_are_received_afterwards(
    visitor: Visitor, api: ScriptedService, make_item: MakeItem, make_ready: MakeItem
) -> None:
    page = await empty_gallery(visitor)
    api.cut_streams()
    for number in range(3):
        item = make_ready(f"{number}.jpg")
        api.append_event(EventType.ITEM_READY, item)
    await expect_images(page, 3)


async def test_an_expired_log_position_reloads_the_list(
    visitor: Visitor, api: ScriptedService, make_item: MakeItem, make_ready: MakeItem
) -> None:
    api.append_event(EventType.ITEM_CREATED, make_item("old.jpg"))
    page = await visitor.open()
    await expect(page.locator(".tile")).to_have_count(1)
    api.items.clear()
    make_ready("new.jpg")
    api.drop_events()
    api.cut_streams()
    await expect_images(page, 1)
    await expect(page.locator(".tile")).to_have_count(1)


async def test_all_tabs_share_one_stream_and_another_takes_over(
    visitor: Visitor, api: ScriptedService, make_ready: MakeItem
) -> None:
    first, second = await visitor.open(), await visitor.open()
    for page in (first, second):
        await expect(page.get_by_text("Nothing here yet")).to_be_visible()
    api.append_event(EventType.ITEM_READY, make_ready("both.jpg"))
    for page in (first, second):
        await expect_images(page, 1)
    assert (api.streams, visitor.streams) == (1, 1)
    await first.close()
    api.append_event(EventType.ITEM_READY, make_ready("later.jpg"))
    await expect_images(second, 2)
    while visitor.streams < 2:  # noqa: ASYNC110  # the closed tab may have handed the stream over in its last moment
        await asyncio.sleep(0.05)
    assert visitor.streams == 2


async def test_many_photos_that_become_ready_together_cost_few_requests(
    visitor: Visitor, api: ScriptedService, make_item: MakeItem, make_ready: MakeItem
) -> None:
    page = await empty_gallery(visitor)
    before = api.requests["GET /v1/items/ID"] + api.requests["GET /v1/items"]
    for item in [make_ready(f"{number}.jpg") for number in range(40)]:
        api.append_event(EventType.ITEM_READY, item)
    await expect(page.locator(".tile picture")).to_have_count(40)
    assert api.requests["GET /v1/items/ID"] + api.requests["GET /v1/items"] - before <= 20


async def test_an_ended_session_shows_the_sign_in_form(
    visitor: Visitor, api: ScriptedService, make_ready: MakeItem
) -> None:
    make_ready()
    page = await visitor.open()
    await expect_images(page, 1)
    api.signed_in = False
    api.cut_streams()
    await expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    await expect(page.locator(".tile")).to_have_count(0)


async def test_an_upload_survives_a_busy_service(visitor: Visitor, api: ScriptedService, tmp_path: Path) -> None:
    api.refused += [
        ("POST /v1/items", Unavailable(retry_after_seconds=1)),
        ("POST /v1/items/ID/complete", Unavailable()),
    ]
    page = await empty_gallery(visitor)
    (photo,) = photos(tmp_path, 1)
    await drop(page, [photo])
    await expect(page.locator('.tile[data-state="queued"]')).to_have_count(1)
    (item,) = api.items.values()
    assert api.stored[item.id] == photo.read_bytes()


async def test_the_page_survives_the_load_balancers_own_errors(
    visitor: Visitor, api: ScriptedService, tmp_path: Path
) -> None:
    """They are HTML: no problem document, no Retry-After."""
    own_errors = {"GET": [502, 503, 504], "POST": [502, 503, 504]}

    async def fail(route: Route) -> None:
        statuses = own_errors.get(route.request.method, [])
        if statuses:
            page = "<html><body><center><h1>502 Bad Gateway</h1></center></body></html>"
            await route.fulfill(status=statuses.pop(0), content_type="text/html", body=page)
        else:
            await route.continue_()

    page = await empty_gallery(visitor)
    await page.route("**/v1/items**", fail)
    (photo,) = photos(tmp_path, 1)
    await drop(page, [photo])
    await expect(page.locator('.tile[data-state="queued"]')).to_have_count(1)
    (item,) = api.items.values()
    assert api.stored[item.id] == photo.read_bytes()
    assert own_errors["POST"] == []


async def test_an_upload_gets_a_new_url_after_each_response_of_an_expired_one(
    visitor: Visitor, api: ScriptedService, tmp_path: Path
) -> None:
    """The browser cannot read a response without CORS headers, which AWS's errors may have."""
    readable = {"Access-Control-Allow-Origin": "*"}
    expired = "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"
    responses: list[dict[str, Any]] = [
        {"status": 400, "headers": readable, "body": expired},
        {"status": 403, "body": ""},
        {"status": 403, "headers": readable, "body": ""},
    ]

    async def refuse(route: Route) -> None:
        if route.request.method == "PUT" and responses:
            await route.fulfill(**responses.pop(0))
        else:
            await route.continue_()

    page = await empty_gallery(visitor)
    await page.route("**/objects/**", refuse)
    (photo,) = photos(tmp_path, 1)
    await drop(page, [photo])
    await expect(page.locator('.tile[data-state="queued"]')).to_have_count(1)
    (item,) = api.items.values()
    assert api.stored[item.id] == photo.read_bytes()
    assert api.requests["POST /v1/items"] == 4


async def test_an_empty_file_is_refused_on_its_tile_without_a_request(
    visitor: Visitor, api: ScriptedService, tmp_path: Path
) -> None:
    (tmp_path / "empty.jpg").touch()
    page = await empty_gallery(visitor)
    await drop(page, [tmp_path / "empty.jpg"])
    await expect(page.locator('.tile[data-state="stopped"]')).to_contain_text("empty")
    assert api.requests["POST /v1/items"] == 0


async def test_names_and_captions_are_rendered_as_text(visitor: Visitor, make_ready: MakeItem) -> None:
    name = '<img src=x onerror="document.title = 1">.jpg'
    item = make_ready(name.replace("/", ""), caption="<script>alert(1)</script>")
    page = await visitor.open(f"/items/{item.id}")
    await expect(page.get_by_role("heading", name=name)).to_be_visible()
    await expect(page.get_by_label("Caption")).to_have_value("<script>alert(1)</script>")
    assert await page.title() == "Darkroom"


async def test_a_caption_changed_elsewhere_is_not_overwritten_silently(
    visitor: Visitor, api: ScriptedService, make_ready: MakeItem
) -> None:
    item = make_ready(caption="first")
    page = await visitor.open(f"/items/{item.id}")
    caption = page.get_by_label("Caption")
    await expect(caption).to_have_value("first")
    await caption.fill("mine")
    api.change(item, caption="theirs", version=2)
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("theirs")).to_be_visible()
    assert api.items[item.id].caption == "theirs"
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved")).to_be_visible()
    assert api.items[item.id].caption == "mine"


async def test_arrow_keys_move_through_the_photos_and_escape_returns(visitor: Visitor, make_ready: MakeItem) -> None:
    older, newer = make_ready("older.jpg", minutes_ago=5), make_ready("newer.jpg")
    page = await visitor.open(f"/items/{newer.id}")
    await expect(page.get_by_role("heading", name="newer.jpg")).to_be_visible()
    await page.keyboard.press("ArrowRight")
    await expect(page).to_have_url(f"{visitor.url}/items/{older.id}")
    await page.keyboard.press("ArrowLeft")
    await expect(page.get_by_role("heading", name="newer.jpg")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page).to_have_url(f"{visitor.url}/")
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_a_gallery_of_thousands_loads_page_by_page_in_order(
    visitor: Visitor, api: ScriptedService, make_item: MakeItem
) -> None:
    count = 1_000
    for number in range(count):
        make_item(f"{number:04}.jpg", minutes_ago=number * 20, state=ItemState.CANCELLED)
    page = await visitor.open()
    await expect(page.locator(".tile").first).to_be_visible()
    assert await page.locator(".tile").count() <= 3 * api.page_items
    await expect(page.locator(".tile")).not_to_have_count(0)
    while await page.locator(".tile").count() < count:
        await page.mouse.wheel(0, 20_000)
    names = await page.locator(".tile-name").all_text_contents()
    assert names == [f"{number:04}.jpg" for number in range(count)]
    assert api.requests["GET /v1/items"] == count / api.page_items


async def test_a_pasted_image_is_uploaded(visitor: Visitor, api: ScriptedService) -> None:
    page = await empty_gallery(visitor)
    await page.evaluate("""() => {
      const data = new DataTransfer();
      data.items.add(new File(['pasted bytes'], 'pasted.png', {type: 'image/png'}));
      document.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true}));
    }""")
    await expect(page.locator('.tile[data-state="queued"]')).to_have_count(1)
    assert list(api.stored.values()) == [b"pasted bytes"]


@pytest.mark.parametrize(("width", "height"), [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_nothing_overflows_the_right_edge(
    visitor: Visitor, make_ready: MakeItem, make_failed: MakeItem, make_item: MakeItem, width: int, height: int
) -> None:
    item = make_ready("a-name-without-any-space-" * 8 + ".jpg")
    make_failed()
    make_item("unfinished.jpg")
    page = await visitor.open()
    await page.set_viewport_size({"width": width, "height": height})
    for path in ("/", f"/items/{item.id}", "/sessions", "/deleted"):
        await page.goto(visitor.url + path)
        await expect(page.locator(".day-title, .sessions h1, .trash h1, .item-title").first).to_be_visible()
        assert await page.evaluate(SIDEWAYS) <= 0, path
        assert await beyond(page, width) == [], path


async def empty_gallery(visitor: Visitor) -> Page:
    page = await visitor.open()
    await expect(page.get_by_text("Nothing here yet")).to_be_visible()
    return page


async def beyond(page: Page, width: int) -> list[str]:
    """Return the visible elements that extend beyond the right edge."""
    results: list[str] = await page.evaluate(
        """(width) => [...document.querySelectorAll('body *')]
             .filter((node) => node.checkVisibility() && !node.closest('canvas, svg'))
             .filter((node) => node.getBoundingClientRect().right > width + 0.5)
             .map((node) => `${node.tagName} ${node.className}`)""",
        width,
    )
    return results


async def test_the_page_uploads_a_file_that_is_not_a_photo_without_checking_it(
    visitor: Visitor, api: ScriptedService, tmp_path: Path
) -> None:
    page = await empty_gallery(visitor)
    await drop(page, [text_file(tmp_path / "diary.jpg")])
    await expect(page.locator('.tile[data-state="queued"]')).to_have_count(1)
