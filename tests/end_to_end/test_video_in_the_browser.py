"""Upload a video in the browser and watch it during encoding: Chromium and all real processes."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import expect

from tests.browser.sample_videos import phone_video
from tests.browser.visitor import DEVELOPED_MILLISECONDS, Visitor, drop, expect_images
from tests.drills.processes import children
from tests.drills.test_videos import program
from tests.installation import Installation

SECONDS, PLAYABLE_SECONDS = 12, 6
"""After the seconds that make it playable the video is so detailed that the encoder still runs at that moment."""
SIZE = "960x540"
POLL_SECONDS = 0.02
OBSERVE_PERCENT = """() => new MutationObserver(() => {
  window.percent ??= document.querySelector('.tile-state')?.textContent.match(/^\\d+ %/)?.[0];
}).observe(document, {subtree: true, childList: true, characterData: true})"""
PLAYS = "from => document.querySelector('video')?.currentTime > from + 0.3"


@asynccontextmanager
async def paused_encoder(darkroom: Installation, visitor: Visitor) -> AsyncIterator[None]:
    """Pause the encoder of the only video as soon as it is playable, so that the test has time to watch."""
    async with asyncio.timeout(DEVELOPED_MILLISECONDS / 1000):
        while not (await visitor.items())[0]["playable"]:  # noqa: ASYNC110  # other processes wake no event
            await asyncio.sleep(POLL_SECONDS)
    worker = darkroom.pid("-m app worker")
    decoders = [child for template in children(worker) for child in children(template)]
    encoders = [pid for pid in decoders if program(pid).startswith("ffmpeg")]
    assert encoders
    for encoder in encoders:
        os.kill(encoder, signal.SIGSTOP)
    try:
        yield
    finally:
        for encoder in encoders:
            os.kill(encoder, signal.SIGCONT)


async def test_a_video_displays_its_poster_plays_while_encoding_and_becomes_ready(
    visitor: Visitor, darkroom: Installation, tmp_path: Path
) -> None:
    video = phone_video(tmp_path / "IMG_0042.MOV", SECONDS, SIZE, noise_from_seconds=PLAYABLE_SECONDS)
    page = await visitor.register()
    await page.evaluate(OBSERVE_PERCENT)
    await drop(page, [video])
    await expect_images(page, 1)
    await page.locator(".tile-link").click()
    position = page.get_by_role("slider", name="Position")
    async with paused_encoder(darkroom, visitor):
        await page.locator(".video-start").click(timeout=DEVELOPED_MILLISECONDS)
        await page.wait_for_function(PLAYS, arg=0)
        await position.evaluate("(bar, to) => { bar.value = to; bar.dispatchEvent(new Event('input')); }", 4)
        await page.wait_for_function(PLAYS, arg=4)
        await position.focus()
        await page.keyboard.press("End")
        await expect(page.locator(".video-said")).to_contain_text("still being made")
        [item] = await visitor.items()
        assert (item["state"], item["playable"]) == ("processing", True)
    await expect(page.locator(".item-status")).to_be_empty(timeout=DEVELOPED_MILLISECONDS)
    await expect(page.locator(".receipt-step").last).to_contain_text("Ready")

    assert await page.evaluate("window.percent") is not None
    await page.wait_for_function("() => document.querySelector('video').ended", timeout=DEVELOPED_MILLISECONDS)
    await position.hover()
    await expect(page.locator(".timeline-frame")).to_be_visible()
    [item] = await visitor.items()
    assert (item["state"], item["kind"], round(item["duration_seconds"])) == ("ready", "video", SECONDS)
    assert {"video", "storyboard", "storyboard_track", "fallback"} <= {each["name"] for each in item["renditions"]}
