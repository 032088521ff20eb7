"""The page plays video: during encoding, after every interruption, and with whatever the browser supports."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest_asyncio
from playwright.async_api import Page, Route, expect

from darkroom_shared.events import EventType
from darkroom_shared.items import Item, ItemState
from tests.browser.conftest import FILES_OF_A_VIDEO, PHONE, MakeItem
from tests.browser.sample_videos import SECONDS, SEGMENT_SECONDS, SEGMENTS
from tests.browser.scripted_service import ScriptedService
from tests.browser.visitor import Connection, Visitor

Watch = Callable[[Item], Awaitable["Watched"]]
BUFFERED = "({buffered}) => [...Array(buffered.length).keys()].map(n => [buffered.start(n), buffered.end(n)])"
IS_FILLED = "video.buffered.length && video.buffered.end(video.buffered.length - 1) >"
MAX_BUFFERED_SECONDS = 110
"""30 s behind and 60 s ahead of the position, plus a margin so that not every segment causes a removal."""
UNMADE = "This part is still being made"


class Watched:
    """The page of an item with its video."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.video = page.locator("video")
        self.status_text = page.locator(".video-said")
        self.position = page.get_by_role("slider", name="Position")

    async def play(self) -> None:
        await self.page.locator(".video-start").click()

    async def seek(self, seconds: float) -> None:
        await self.position.evaluate(
            "(bar, to) => { bar.value = to; bar.dispatchEvent(new Event('input', {bubbles: true})); }", seconds
        )

    async def is_at(self) -> float:
        at: float = await self.video.evaluate("video => video.currentTime")
        return at

    async def until(self, condition: str) -> None:
        """Wait until a JavaScript expression about `video` is true."""
        await self.page.wait_for_function(
            f"() => {{ const video = document.querySelector('video'); return {condition}; }}"
        )

    async def buffered(self) -> list[list[float]]:
        ranges: list[list[float]] = await self.video.evaluate(BUFFERED)
        return ranges


async def delay_requests(visitor: Visitor, pattern: str) -> asyncio.Event:
    """Delay the requests for these URLs until the returned event is set."""
    may_continue = asyncio.Event()

    async def wait_and_continue(request: Route) -> None:
        await may_continue.wait()
        await request.continue_()

    await visitor.context.route(pattern, wait_and_continue)
    return may_continue


@pytest_asyncio.fixture(loop_scope="session")
async def watch(visitor: Visitor) -> Watch:
    async def open_(item: Item) -> Watched:
        page = await visitor.open(f"/items/{item.id}")
        await expect(page.locator(".video")).to_be_visible()
        return Watched(page)

    return open_


async def test_a_video_plays(watch: Watch, make_video: MakeItem) -> None:
    watched = await watch(make_video())
    await watched.play()
    await watched.until("video.currentTime > 0.5 && !video.paused")
    assert await watched.video.evaluate("video => video.duration") == SECONDS


async def test_a_video_plays_from_its_start_while_only_three_segments_exist(
    watch: Watch, make_video: MakeItem, api: ScriptedService
) -> None:
    item = make_video(made=3)
    watched = await watch(item)
    await watched.play()
    await watched.until("video.currentTime > 0.3")
    assert api.items[item.id].state is ItemState.PROCESSING
    assert await watched.video.evaluate("video => video.duration") == SECONDS


async def test_segments_made_during_playback_are_played_without_a_message(
    watch: Watch, make_video: MakeItem, api: ScriptedService
) -> None:
    item = make_video(made=3)
    watched = await watch(item)
    await watched.play()
    await watched.until("video.currentTime > 0.3")
    api.encodes[item.id].made = 10
    await watched.seek(5)
    await watched.until("video.currentTime > 3 * 2 + 0.5")
    await expect(watched.status_text).to_be_empty()


async def test_seeking_works_in_the_finished_part(watch: Watch, make_video: MakeItem) -> None:
    watched = await watch(make_video(made=40))
    await watched.play()
    await watched.seek(70)
    await watched.until("video.currentTime > 70.3 && !video.seeking")
    await watched.seek(20)
    await watched.until("video.currentTime > 20.3 && video.currentTime < 30")


async def test_an_unfinished_part_is_announced_and_resumes_by_itself(
    watch: Watch, make_video: MakeItem, api: ScriptedService
) -> None:
    item = make_video(made=4)
    watched = await watch(item)
    await watched.play()
    await watched.seek(50)
    await expect(watched.status_text).to_contain_text(UNMADE)
    api.encodes[item.id].made = SEGMENTS
    await watched.until("video.currentTime > 50.3 && video.currentTime < 60")
    await expect(watched.status_text).to_be_empty()


async def test_playback_waits_at_the_end_of_the_finished_part(
    watch: Watch, make_video: MakeItem, api: ScriptedService
) -> None:
    item = make_video(made=3)
    watched = await watch(item)
    await watched.play()
    await watched.seek(5)
    await expect(watched.status_text).to_contain_text(UNMADE)
    assert 5 < await watched.is_at() < 3 * SEGMENT_SECONDS + 0.5
    api.encodes[item.id].made = 6
    await watched.until("video.currentTime > 6.5")


async def test_nothing_is_called_unfinished_before_the_playlist_is_known(
    watch: Watch, make_video: MakeItem, visitor: Visitor
) -> None:
    is_checked = await delay_requests(visitor, "**/low.m3u8*")
    watched = await watch(make_video(made=3))
    await watched.play()
    await watched.seek(3)
    await watched.video.evaluate("video => video.dispatchEvent(new Event('timeupdate'))")
    await expect(watched.status_text).to_be_empty()
    is_checked.set()
    await watched.until("video.currentTime > 3.3")


async def test_playback_of_a_new_attempt_continues_at_the_same_second(
    watch: Watch, make_video: MakeItem, api: ScriptedService
) -> None:
    """The worker was lost: its segments no longer count, and the next worker begins from the start."""
    item = make_video(made=4)
    watched = await watch(item)
    await watched.play()
    await watched.until("video.currentTime > 0.3")
    api.encodes[item.id].attempt, api.encodes[item.id].made = 2, 1
    api.change(item, playable=False)
    await watched.seek(7)
    await expect(watched.status_text).to_contain_text(UNMADE)
    before = await watched.is_at()
    api.change(item, playable=True)
    api.encodes[item.id].made = SEGMENTS
    await watched.until(f"video.currentTime > {before} + 0.5 && video.currentTime < {before} + 5")


async def test_expired_urls_are_replaced_during_playback(
    watch: Watch, make_video: MakeItem, api: ScriptedService
) -> None:
    item = make_video()
    watched = await watch(item)
    await watched.play()
    await watched.until("video.currentTime > 0.3")
    api.window = api.oldest_window = 2
    await watched.seek(90)
    await watched.until("video.currentTime > 90.3")


async def test_the_rung_is_chosen_by_the_bandwidth_of_the_connection(
    watch: Watch, make_video: MakeItem, api: ScriptedService
) -> None:
    watched = await watch(make_video())
    await watched.play()
    await watched.until("video.currentTime > 0.3 && video.videoHeight === 180")
    assert api.fetched[1].startswith("low_")
    connection = await Connection.of(watched.page)
    await connection.limit_downloads(40_000)
    await watched.seek(60)
    await watched.until("video.currentTime > 60.3")
    await expect(watched.page.locator(".video-rung")).to_have_text("90p")


async def test_the_buffer_stays_small_during_long_playback(watch: Watch, make_video: MakeItem) -> None:
    watched = await watch(make_video())
    await watched.play()
    for at in range(0, SECONDS, 25):
        await watched.seek(at)
        await watched.until(f"video.currentTime > {at} && !video.seeking")
        await watched.until(f"{IS_FILLED} {min(SECONDS - 1, at + 25)}")
    held = await watched.buffered()
    assert sum(end - start for start, end in held) < MAX_BUFFERED_SECONDS
    assert held[0][0] > 40


async def test_a_browser_with_a_full_buffer_loads_less_and_continues(
    watch: Watch, make_video: MakeItem, visitor: Visitor
) -> None:
    await visitor.context.add_init_script("""
      const append = SourceBuffer.prototype.appendBuffer;
      SourceBuffer.prototype.appendBuffer = function (bytes) {
        const {buffered} = this;
        let held = 0;
        for (let n = 0; n < buffered.length; n += 1) held += buffered.end(n) - buffered.start(n);
        if (held > 12) throw new DOMException('full', 'QuotaExceededError');
        append.call(this, bytes);
      };""")
    watched = await watch(make_video())
    await watched.video.evaluate("video => { video.playbackRate = 8; }")
    await watched.play()
    await watched.until("video.currentTime > 30")


async def test_a_video_can_be_played_again_after_its_end(watch: Watch, make_video: MakeItem) -> None:
    watched = await watch(make_video())
    await watched.play()
    await watched.seek(SECONDS - 1)
    await watched.until("video.ended")
    await watched.page.get_by_role("button", name="Play", exact=True).click()
    await watched.until("!video.paused && video.currentTime > 0.3 && video.currentTime < 10")


async def test_a_browser_without_the_codecs_plays_the_mp4(
    watch: Watch, make_video: MakeItem, visitor: Visitor, api: ScriptedService
) -> None:
    await visitor.context.add_init_script("MediaSource.isTypeSupported = () => false;")
    item = make_video(made=5)
    watched = await watch(item)
    await expect(watched.status_text).to_contain_text("when all of it is made")
    api.change(item, EventType.ITEM_READY, state=ItemState.READY, renditions=item.renditions + FILES_OF_A_VIDEO)
    await expect(watched.status_text).to_be_empty()
    await watched.play()
    await watched.until("video.currentTime > 0.3 && video.currentSrc.includes('video.mp4')")
    assert api.fetched == []


async def test_a_browser_without_media_source_plays_the_playlist_natively(
    watch: Watch, make_video: MakeItem, visitor: Visitor
) -> None:
    await visitor.context.add_init_script("delete window.MediaSource;")
    watched = await watch(make_video())
    await watched.play()
    await watched.until("video.currentTime > 0.3 && video.currentSrc.includes('main.m3u8')")


async def test_an_animated_image_plays_by_itself_muted_and_looped(watch: Watch, make_video: MakeItem) -> None:
    watched = await watch(make_video("cat.gif", playable=False))
    await watched.until("video.currentTime > 0.3 && !video.paused && video.muted && video.loop")


async def test_the_storyboard_shows_the_moment_under_the_pointer(watch: Watch, make_video: MakeItem) -> None:
    watched = await watch(make_video())
    box = await watched.position.bounding_box()
    assert box is not None
    await watched.page.mouse.move(box["x"] + 5, box["y"] + box["height"] / 2)
    frame = watched.page.locator(".timeline-frame")
    await watched.page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] / 2)
    await expect(frame).to_be_visible()
    await expect(watched.page.locator(".timeline-preview span")).to_have_text("1:00")
    assert await frame.locator("img").evaluate("image => image.style.transform") == "translate(-320px, -90px)"
    assert await frame.locator("img").evaluate("image => image.naturalWidth") == 640


async def test_the_moment_under_a_resting_pointer_is_called_unfinished_when_that_is_known(
    watch: Watch, make_video: MakeItem, visitor: Visitor
) -> None:
    playlist_may_arrive = await delay_requests(visitor, "**/low.m3u8*")
    watched = await watch(make_video(made=3))
    box = await watched.position.bounding_box()
    assert box is not None
    for share in (0.4, 0.5):
        await watched.page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)
    moment = watched.page.locator(".timeline-preview span")
    await expect(moment).to_have_text("1:00")
    playlist_may_arrive.set()
    await expect(moment).to_have_text("1:00 · still being made")


async def test_a_video_can_be_controlled_with_the_keyboard_alone(watch: Watch, make_video: MakeItem) -> None:
    watched = await watch(make_video())
    await watched.page.keyboard.press("k")
    await watched.until("video.currentTime > 0.3 && !video.paused")
    await watched.page.keyboard.press("k")
    await watched.until("video.paused")
    await watched.position.focus()
    before = await watched.is_at()
    await watched.page.keyboard.press("ArrowRight")
    await watched.until(f"Math.abs(video.currentTime - {before} - 5) < 0.5")
    await expect(watched.position).to_have_attribute("aria-valuetext", "0:05 of 2:00")
    await watched.page.keyboard.press("m")
    await watched.until("video.muted")


async def test_a_video_started_just_before_its_source_is_set_plays(
    watch: Watch, make_video: MakeItem, visitor: Visitor
) -> None:
    # The player sets its source when it has the playlist. A source set later than the click must be the player's own:
    # one loaded again after the first segments could not be opened twice.
    is_started = await delay_requests(visitor, "**/main.m3u8*")
    watched = await watch(make_video())
    # Loading discards the event `play` of the click.
    await watched.page.evaluate(
        "() => { document.querySelector('.video-start').click(); document.querySelector('video').load(); }"
    )
    is_started.set()
    await watched.until("video.currentTime > 0.3 && !video.paused")


async def test_a_first_touch_shows_the_controls_and_the_next_one_pauses(
    visitor: Visitor, page_url: str, make_video: MakeItem
) -> None:
    assert visitor.context.browser is not None
    width, height = PHONE
    phone = await visitor.context.browser.new_context(
        has_touch=True, is_mobile=True, viewport={"width": width, "height": height}
    )
    page = await Visitor(phone, page_url).open(f"/items/{make_video().id}")
    watched = Watched(page)
    await page.locator(".video-start").tap()
    await watched.until("!video.paused && video.currentTime > 0.3")
    await expect(page.locator(".video")).not_to_have_attribute("data-active", "true")
    await watched.video.tap(position={"x": 60, "y": 90})
    await expect(page.locator(".video")).to_have_attribute("data-active", "true")
    await watched.until("!video.paused")
    await watched.video.tap(position={"x": 60, "y": 90})
    await watched.until("video.paused")
    await phone.close()


async def test_leaving_a_video_stops_it(watch: Watch, make_video: MakeItem) -> None:
    watched = await watch(make_video())
    await watched.play()
    await watched.until("video.currentTime > 0.3")
    video = await watched.video.element_handle()
    assert video is not None
    await watched.page.keyboard.press("Escape")
    await expect(watched.page.locator("dialog")).to_have_count(0)
    await watched.page.wait_for_function("video => video.paused || !video.src", arg=video)
