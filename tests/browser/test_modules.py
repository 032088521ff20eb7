"""The page's modules, tested separately in the browser."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image, ImageChops, ImageStat
from playwright.async_api import Browser, Page

from tests.browser.conftest import placeholder_of
from tests.browser.visitor import Visitor

Modules = Callable[[str, str, Any], Awaitable[Any]]

DECODE = """(module, hash) => {
  const {width, height, pixels} = module.decodeThumbHash(hash);
  return {width, height, pixels: Array.from(pixels)};
}"""
SLIGHTLY = 24
"""Mean difference per channel, of 255, that the few coefficients of a ThumbHash cause; a wrong decoder exceeds 40."""
STREAM = (
    'id: 7\nevent: item.ready\ndata: {"number": 7}\n\n: still here\n\nevent: progress\r\ndata: {"percent":\r\n'
    'data: 50}\r\n\r\nevent: reset\ndata: {"head": 9}\n\n'
)
EVENTS = [
    {"type": "item.ready", "data": '{"number": 7}'},
    {"type": "progress", "data": '{"percent":\n50}'},
    {"type": "reset", "data": '{"head": 9}'},
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def page(chromium: Browser, page_url: str) -> AsyncIterator[Page]:
    """The page from which all tests import modules."""
    visitor = Visitor(await chromium.new_context(), page_url)
    yield await visitor.open()
    await visitor.context.close()
    assert visitor.errors == []


@pytest.fixture
def modules(page: Page) -> Modules:
    """Return a caller of a module: `await modules("live.js", "(module, argument) => …", argument)`."""

    async def call(name: str, function: str, argument: Any) -> Any:
        folder = await page.locator("script[type=module]").evaluate("script => script.src.replace('app.js', '')")
        source = f"async ([url, argument]) => ({function})(await import(url), argument)"
        return await page.evaluate(source, [folder + name, argument])

    return call


@pytest.mark.parametrize("text", ["", "AA==", "not base64!"])
async def test_a_malformed_placeholder_is_rejected(modules: Modules, text: str) -> None:
    assert await modules("thumbhash.js", "(module, text) => module.placeholderCanvas(text)", text) is None


@pytest.mark.parametrize("size", [(600, 400), (300, 600), (200, 200)], ids=["landscape", "portrait", "square"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
async def test_placeholders_resemble_the_image(modules: Modules, size: tuple[int, int], mode: str) -> None:
    """Smooth images lose little in a ThumbHash, so a mistake in the decoder gives a clearly different image."""
    slope = Image.linear_gradient("L")
    channels = [slope, slope.rotate(90), slope.rotate(180), slope.rotate(270).point(lambda value: 128 + value // 2)]
    image = Image.merge(mode, channels[: len(mode)]).resize(size)
    decoded = await modules("thumbhash.js", DECODE, placeholder_of(image))
    drawn = Image.frombytes("RGBA", (decoded["width"], decoded["height"]), bytes(decoded["pixels"]))
    assert drawn.width / drawn.height == pytest.approx(image.width / image.height, rel=0.2)
    difference = ImageChops.difference(drawn, image.convert("RGBA").resize(drawn.size))
    assert max(ImageStat.Stat(difference).mean) < SLIGHTLY


async def test_events_are_parsed_equally_at_any_chunk_boundaries(modules: Modules) -> None:
    """Parse the stream character by character, split at every position, and as a whole."""
    received = await modules(
        "live.js",
        """(module, stream) => {
          const read = (pieces) => {
            const events = [];
            const parse = module.eventParser((event) => events.push(event));
            pieces.forEach(parse);
            return events;
          };
          const halves = [...stream].map((_, at) => read([stream.slice(0, at), stream.slice(at)]));
          return [read([...stream]), ...halves];
        }""",
        STREAM,
    )
    assert len(received) == len(STREAM) + 1
    assert all(events == EVENTS for events in received)


async def test_slots_are_granted_in_order_and_survive_a_cancelled_waiter(modules: Modules) -> None:
    done = await modules(
        "slots.js",
        """async (module) => {
          const slots = new module.Slots(2);
          const done = [];
          let running = 0;
          const stopper = new AbortController();
          const never = new AbortController().signal;
          const use = (name, signal = never) => slots.use(signal, async () => {
            running += 1;
            await new Promise((resolve) => setTimeout(resolve, 1));
            done.push([name, running]);
            running -= 1;
            if (name === 'b') throw new Error('b fails');
          }).catch((error) => done.push([name, error.message]));
          const all = ['a', 'b'].map((name) => use(name));
          const leaving = use('c', stopper.signal);
          all.push(leaving, use('d'), use('e'));
          stopper.abort(new Error('left'));
          await Promise.all(all);
          return done;
        }""",
        None,
    )
    assert [each for each in done if isinstance(each[1], str)] == [["c", "left"], ["b", "b fails"]]
    assert [name for name, running in done if isinstance(running, int)] == ["a", "b", "d", "e"]
    assert all(running <= 2 for _, running in done if isinstance(running, int))


MAIN = """#EXTM3U
#EXT-X-VERSION:7
#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=1280x720,CODECS="avc1.64001f,mp4a.40.2",FRAME-RATE=30
7/720p.m3u8?grant=g
#EXT-X-STREAM-INF:BANDWIDTH=300000,AVERAGE-BANDWIDTH=1,RESOLUTION=640x360,CODECS="avc1.64001e"
7/360p.m3u8?grant=g
"""
MEDIA = """#EXTM3U\r
#EXT-X-TARGETDURATION:2\r
#EXT-X-MAP:URI="https://cdn.example/a_init.mp4?Signature=a,b"\r
#EXTINF:2.000000,\r
https://cdn.example/a_00000.m4s?Signature=c\r
#EXTINF:1.5,\r
a_00001.m4s\r
"""


async def test_playlists_are_sorted_by_bandwidth_and_have_absolute_urls(modules: Modules) -> None:
    base = "https://darkroom.example/v1/items/itm_1/hls/main.m3u8"
    read = "(module, [text, base]) => module.mainPlaylist(text, base)"
    low, high = await modules("playlist.js", read, [MAIN, base])
    assert low == {
        "url": "https://darkroom.example/v1/items/itm_1/hls/7/360p.m3u8?grant=g",
        "bandwidth": 300_000,
        "codecs": "avc1.64001e",
        "width": 640,
        "height": 360,
    }
    assert high["codecs"] == "avc1.64001f,mp4a.40.2"


async def test_an_unfinished_playlist_is_parsed_to_its_current_end(modules: Modules) -> None:
    base = "https://darkroom.example/v1/items/itm_1/hls/7/a.m3u8"
    read = "(module, [text, base]) => module.mediaPlaylist(text, base)"
    growing = await modules("playlist.js", read, [MEDIA, base])
    assert growing["init"] == "https://cdn.example/a_init.mp4?Signature=a,b"
    assert [(each["start"], each["end"]) for each in growing["segments"]] == [(0, 2), (2, 3.5)]
    assert growing["segments"][1]["url"] == "https://darkroom.example/v1/items/itm_1/hls/7/a_00001.m4s"
    assert (growing["end"], growing["ended"]) == (3.5, False)
    whole = await modules("playlist.js", read, [MEDIA + "#EXT-X-ENDLIST\n", base])
    assert whole["ended"]


async def test_a_storyboard_track_is_parsed_with_and_without_hours(modules: Modules) -> None:
    cues = [
        "00:05.000 --> 00:10.500\ns.jpg#xywh=160,0,160,90",
        "1\n01:00:00.000 --> 01:00:01.000\ns.jpg#xywh=0,90,160,90",
    ]
    track = "\n\n".join(["WEBVTT", *cues]) + "\n"
    first, second = await modules("playlist.js", "(module, text) => module.storyboardTrack(text)", track)
    assert first == {"start": 5, "end": 10.5, "x": 160, "y": 0, "width": 160, "height": 90}
    assert (second["start"], second["y"]) == (3600, 90)


@pytest.mark.parametrize(
    ("percent", "seconds_left", "words"),
    [
        (0, None, "0 %"),
        (99.9, 2, "99 % · almost done"),
        (80, 31, "80 % · 40 s left"),
        (50, 59, "50 % · 1 min left"),
        (7.2, 61, "7 % · 2 min left"),
        (1, 3 * 3600 + 90, "1 % · 3 h 2 min left"),
    ],
)
async def test_progress_is_displayed_in_words(
    modules: Modules, percent: float, seconds_left: int | None, words: str
) -> None:
    texts = await modules(
        "words.js",
        """(module, [percent, left]) =>
          module.progressInWords({percent, ready_at: left === null ? null : new Date(left * 1000).toISOString()}, 0)""",
        [percent, seconds_left],
    )
    assert texts == words
