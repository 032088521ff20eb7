"""Drop off photos in the browser, carry on, find them developed: Chromium and all real processes."""

from pathlib import Path

from playwright.async_api import expect

from tests.browser.visitor import Visitor, drop, expect_pictures, limit_uploads

WHAT_TILES_SHOW = """() => {
  const seen = window.seen = {};
  const look = () => document.querySelectorAll('.tile').forEach((tile) => {
    const phases = seen[tile.querySelector('.tile-name').textContent] ??= [];
    const note = (phase) => phases.at(-1) === phase || phases.push(phase);
    const {value, hidden} = tile.querySelector('progress');
    if (!hidden && value > 0 && value < 1) note('progress');
    if (tile.querySelector('picture[data-loaded]')) note('picture');
    else if (tile.querySelector('.tile-stage canvas')) note('placeholder');
  });
  new MutationObserver(look).observe(document, {subtree: true, childList: true, attributes: true});
}"""


async def test_thirty_photos_dropped_at_once_each_show_progress_then_placeholder_then_picture(
    visitor: Visitor, thirty_photos: list[Path]
) -> None:
    page = await visitor.register()
    await limit_uploads(page, 3_000_000)
    await page.evaluate(WHAT_TILES_SHOW)
    await drop(page, thirty_photos)
    await expect(page.locator(".tile")).to_have_count(30)
    await expect_pictures(page, 30)
    seen = await page.evaluate("window.seen")
    assert seen == {photo.name: ["progress", "placeholder", "picture"] for photo in thirty_photos}
