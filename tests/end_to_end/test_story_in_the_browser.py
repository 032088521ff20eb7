"""Upload photos in the browser and find them processed: Chromium and all real processes."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.photos import MEBIBYTE, large_photo, text_file
from tests.browser.visitor import DEVELOPED_MILLISECONDS, Connection, Visitor, drop, expect_images
from tests.installation import Installation

WHAT_TILES_SHOW = """() => {
  const seen = window.seen = {};
  const record = () => document.querySelectorAll('.tile').forEach((tile) => {
    const phases = seen[tile.querySelector('.tile-name').textContent] ??= [];
    const note = (phase) => phases.at(-1) === phase || phases.push(phase);
    const {value, hidden} = tile.querySelector('progress');
    if (!hidden && value > 0 && value < 1) note('progress');
    if (tile.querySelector('picture[data-loaded]')) note('picture');
    else if (tile.querySelector('.tile-stage canvas')) note('placeholder');
  });
  new MutationObserver(record).observe(document, {subtree: true, childList: true, attributes: true});
}"""


async def test_thirty_dropped_photos_display_progress_placeholder_and_image(
    visitor: Visitor, thirty_photos: list[Path]
) -> None:
    page = await visitor.register()
    await (await Connection.of(page)).limit_uploads(1_500_000)
    await page.evaluate(WHAT_TILES_SHOW)
    await drop(page, thirty_photos)
    await expect(page.locator(".tile")).to_have_count(30)
    await expect_images(page, 30)
    seen = await page.evaluate("window.seen")
    assert seen == {photo.name: ["progress", "placeholder", "picture"] for photo in thirty_photos}


async def test_photos_chosen_with_the_button_are_uploaded_like_dropped_ones(
    visitor: Visitor, thirty_photos: list[Path]
) -> None:
    page = await visitor.register()
    await page.get_by_label("Add photos").set_input_files(thirty_photos[:3])
    await expect_images(page, 3)
    assert len(await visitor.items()) == 3


@pytest.mark.parametrize("count", [12, pytest.param(30, marks=pytest.mark.tier("full", "more photos"))])
async def test_uploads_of_a_closed_tab_are_resumed_without_duplicates(
    visitor: Visitor, thirty_photos: list[Path], count: int
) -> None:
    chosen = thirty_photos[:count]
    page = await visitor.register()
    await (await Connection.of(page)).limit_uploads(500_000)
    await drop(page, chosen)
    await expect(page.locator(".tile[data-item]")).to_have_count(count)
    while len(await _completed(visitor)) < 3:  # noqa: ASYNC110  no event outside of the page
        await asyncio.sleep(0.1)
    await page.close()

    page = await visitor.open()
    await expect(page.locator(".tile")).to_have_count(count)
    interrupted = page.locator(".tile", has_text="drop the same file again to go on where it stopped")
    completed = await _completed(visitor)
    while await interrupted.count() != count - len(
        completed
    ):  # the closed page's last request may still be in progress
        await asyncio.sleep(0.1)
        completed = await _completed(visitor)
    assert 3 <= len(completed) < count

    visitor.sent.clear()
    await drop(page, chosen)
    await expect_images(page, count)
    items = await visitor.items()
    assert sorted(item["name"] for item in items) == [photo.name for photo in chosen]
    assert {item["state"] for item in items} == {"ready"}
    assert len(visitor.sent) == len(set(visitor.sent))
    assert completed.isdisjoint(visitor.sent)
    visitor.allow("409 POST /v1/items/ID/complete")  # sent in case only the completion was missing


async def _completed(visitor: Visitor) -> set[str]:
    return {item["id"] for item in await visitor.items() if item["state"] != "uploading"}


LARGE_PARTS = 7


async def test_a_large_upload_resumes_without_sending_a_part_twice(visitor: Visitor, tmp_path: Path) -> None:
    large = large_photo(tmp_path / "large.jpg", LARGE_PARTS * 16 * MEBIBYTE - 1)
    page = await visitor.register()
    await (await Connection.of(page)).limit_uploads(16_000_000)  # the last parts are sent seconds after the first
    async with page.expect_response(lambda response: response.request.method == "PUT", timeout=DEVELOPED_MILLISECONDS):
        await drop(page, [large])
    await page.close()
    [item] = await visitor.items()
    stored = (await visitor.request(f"/items/{item['id']}/parts"))["parts"]
    assert 1 <= len(stored) < LARGE_PARTS

    page = await visitor.open()
    await expect(page.get_by_text("drop the same file again")).to_be_visible()
    visitor.sent.clear()
    await drop(page, [large])
    await expect_images(page, 1)
    missing = set(range(1, LARGE_PARTS + 1)) - {part["number"] for part in stored}
    # A part in flight when the tab closed may have arrived after the list was read.
    assert len(visitor.sent) == len(set(visitor.sent))
    assert set(visitor.sent) <= {f"{item['id']} part {number}" for number in missing}
    assert [each["id"] for each in await visitor.items()] == [item["id"]]


async def test_an_unsupported_file_is_reported_and_can_be_retried_fetched_and_deleted(
    visitor: Visitor, tmp_path: Path
) -> None:
    text_upload = text_file(tmp_path / "diary.jpg")
    page = await visitor.register()
    await drop(page, [text_upload])
    tile = page.locator(".tile", has_text="diary.jpg")
    await expect(tile).to_have_count(1)  # the event may arrive before the response: two tiles for a moment
    await expect(tile.locator(".tile-state")).to_have_text("Could not be developed", timeout=DEVELOPED_MILLISECONDS)
    await expect(tile.locator(".tile-trouble p")).to_have_text(
        "This file is not a picture or video that Darkroom can read."
    )

    [item] = await visitor.items()
    async with page.expect_response(f"**/{item['id']}/retry") as retried:
        await tile.get_by_role("button", name="Retry").click()
    assert (await retried.value).ok
    await expect(tile.locator(".tile-state")).to_have_text("Could not be developed", timeout=DEVELOPED_MILLISECONDS)

    async with page.expect_download() as download:
        await tile.get_by_role("button", name="Download original").click()
    fetched = await (await download.value).path()
    assert fetched.read_bytes() == text_upload.read_bytes()

    await tile.get_by_role("button", name="Delete").click()
    await tile.get_by_role("button", name="Really delete?").click()
    await expect(page.get_by_text("Nothing here yet")).to_be_visible()
    assert await visitor.items() == []


async def test_uploads_continue_after_the_web_process_is_killed(
    visitor: Visitor, darkroom: Installation, thirty_photos: list[Path]
) -> None:
    page = await visitor.register()
    await (await Connection.of(page)).limit_uploads(1_200_000)
    await drop(page, thirty_photos[:12])
    await expect(page.locator(".tile progress:visible").first).to_be_visible()
    os.kill(darkroom.pid("-m web"), signal.SIGKILL)
    await expect_images(page, 12)
    assert len(await visitor.items()) == 12
    assert len(visitor.sent) == len(set(visitor.sent)) == 12


async def test_uploads_wait_for_the_connection_and_resume_automatically(
    visitor: Visitor, thirty_photos: list[Path]
) -> None:
    page = await visitor.register()
    connection = await Connection.of(page)
    await connection.limit_uploads(300_000)
    await drop(page, thirty_photos[:8])
    await expect(page.locator(".tile progress:visible").first).to_be_visible()
    await connection.cut()
    await expect(page.get_by_text("No connection to Darkroom")).to_be_visible()
    await expect(page.get_by_text("Waiting for a connection").first).to_be_visible()
    await connection.restore()
    await expect_images(page, 8)
    await expect(page.get_by_text("No connection to Darkroom")).to_be_hidden()
    assert len(await visitor.items()) == 8
