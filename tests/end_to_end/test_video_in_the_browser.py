"""Drop off a film in the browser and watch it while it is being made: Chromium and all real processes."""

from pathlib import Path

from playwright.async_api import expect

from tests.browser.films import phone_film
from tests.browser.visitor import DEVELOPED_MILLISECONDS, Visitor, drop, expect_pictures

SECONDS = 12
HEAR_PERCENT = """() => new MutationObserver(() => {
  window.percent ??= document.querySelector('.tile-state')?.textContent.match(/^\\d+ %/)?.[0];
}).observe(document, {subtree: true, childList: true, characterData: true})"""
PLAYS_WHILE_IT_IS_MADE = """() => document.querySelector('video')?.currentTime > 0.3
  && document.querySelector('.item-status').dataset.state === 'processing'"""


async def test_a_film_shows_its_poster_plays_while_it_is_being_made_and_becomes_ready(
    visitor: Visitor, tmp_path: Path
) -> None:
    film = phone_film(tmp_path / "IMG_0042.MOV", SECONDS)
    page = await visitor.register()
    await page.evaluate(HEAR_PERCENT)
    await drop(page, [film])
    await expect_pictures(page, 1)
    await page.locator(".tile-link").click()
    await page.locator(".video-start").click(timeout=DEVELOPED_MILLISECONDS)
    await page.wait_for_function(PLAYS_WHILE_IT_IS_MADE)
    await expect(page.locator(".item-status")).to_be_empty(timeout=DEVELOPED_MILLISECONDS)
    await expect(page.locator(".receipt-step").last).to_contain_text("Ready")

    assert await page.evaluate("window.percent") is not None
    position = page.get_by_role("slider", name="Position")
    await position.focus()
    await page.keyboard.press("End")
    await page.wait_for_function("() => document.querySelector('video').ended", timeout=DEVELOPED_MILLISECONDS)
    await position.hover()
    await expect(page.locator(".timeline-frame")).to_be_visible()
    [item] = await visitor.items()
    assert (item["state"], item["kind"], round(item["duration_seconds"])) == ("ready", "video", SECONDS)
    assert {"video", "storyboard", "storyboard_track", "fallback"} <= {each["name"] for each in item["renditions"]}
