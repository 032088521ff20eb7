"""The page in front of a scripted service: only the web tier and Chromium are real."""

import hashlib
import io
import random
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import Browser, BrowserContext
from starlette.types import ASGIApp, Receive, Scope, Send

from app.media.image.placeholder import MAX_EDGE, thumb_hash
from darkroom_shared.ids import ItemId, new_item_id
from darkroom_shared.items import Failure, FailureCode, Item, ItemKind, ItemState, Rendition
from tests.browser.sample_videos import SECONDS, SEGMENTS, SampleVideo, encode_video
from tests.browser.scripted_api import build_application
from tests.browser.scripted_service import Encode, ScriptedService
from tests.browser.visitor import Visitor
from tests.web.servers import serving, serving_web

DESKTOP, PHONE = (1440, 900), (390, 844)

FILES_OF_A_VIDEO = tuple(
    Rendition(name=name, file=file, content_type=content_type, width=width, height=height, size_bytes=1)
    for name, file, content_type, width, height in (
        ("video", "video.mp4", "video/mp4", 320, 180),
        ("storyboard", "storyboard.jpg", "image/jpeg", 640, 270),
        ("storyboard_track", "storyboard.vtt", "text/vtt", None, None),
    )
)

MakeItem = Callable[..., Item]


class ServedApplication:
    """The application of the current test, so that one server serves all tests."""

    def __init__(self) -> None:
        self.current: ASGIApp = build_application(ScriptedService())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.current(scope, receive, send)


@pytest.fixture(scope="session")
def served() -> ServedApplication:
    return ServedApplication()


@pytest.fixture(scope="session")
def api_url(served: ServedApplication) -> Iterator[str]:
    with serving(served, lifespan="off") as url:
        yield url


@pytest.fixture(scope="session")
def page_url(api_url: str) -> Iterator[str]:
    """One web tier for all tests: it keeps no state of a browser."""
    with serving_web(api_url, cdn_url=api_url, objects_url=api_url) as url:
        yield url


@pytest.fixture
def api(served: ServedApplication, api_url: str) -> ScriptedService:
    scripted = ScriptedService()
    scripted.url = api_url
    served.current = build_application(scripted)
    return scripted


@pytest_asyncio.fixture(loop_scope="session")
async def context(chromium: Browser, api: ScriptedService, page_url: str) -> AsyncIterator[BrowserContext]:
    """A browser context of the test's own: nothing is stored from earlier tests."""
    width, height = DESKTOP
    opened = await chromium.new_context(locale="en-GB", viewport={"width": width, "height": height})
    yield opened
    await opened.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(context: BrowserContext, page_url: str) -> AsyncIterator[Visitor]:
    """A signed-in user; the test fails if the page logged an error or violated its own content security policy."""
    visitor = Visitor(context, page_url)
    yield visitor
    await visitor.report()
    assert visitor.errors == []


@pytest.fixture
def make_item(api: ScriptedService) -> MakeItem:
    """Return a function that adds an item with its image: `make_item("dusk.jpg", state=..., minutes_ago=...)`."""

    def make(name: str = "photo.jpg", *, minutes_ago: float = 0, **fields: object) -> Item:
        at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
        item = Item(
            id=_item_id(at),
            kind=ItemKind.IMAGE,
            state=ItemState.UPLOADING,
            name=name,
            caption="",
            size_bytes=2_400_000,
            content_type="image/jpeg",
            digest=f"sha256:{hashlib.sha256(name.encode()).hexdigest()}",
            created_at=at,
            captured_at=at,
            deadline=None,
            version=1,
        ).model_copy(update=fields)
        api.items[item.id] = item
        return item

    return make


@pytest.fixture
def make_ready(api: ScriptedService, make_item: MakeItem) -> MakeItem:
    """Return a function that adds a ready item, processed before any page was open: no event reports it."""

    def make(name: str = "photo.jpg", *, sample: Image.Image | None = None, **fields: object) -> Item:
        image = sample or _sample_image(name)
        api.images[name] = jpeg(image)
        return api.make_ready(make_item(name, **fields), placeholder_of(image), *image.size, event=None)

    return make


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> SampleVideo:
    return encode_video(tmp_path_factory.mktemp("film"))


@pytest.fixture
def make_video(api: ScriptedService, make_item: MakeItem, video: SampleVideo) -> MakeItem:
    """Return a function that adds a video with its poster.

    `make_video("lake.mp4", made=3)` makes three segments playable; without `made` the video is ready.
    """

    def make(name: str = "film.mp4", *, made: int | None = None, **fields: object) -> Item:
        api.images[name] = jpeg(video.poster)
        item = make_item(name, kind=ItemKind.VIDEO, content_type="video/mp4", duration_seconds=float(SECONDS))
        api.encodes[item.id] = Encode(video, made=made or SEGMENTS)
        item = api.make_ready(item, placeholder_of(video.poster), *video.poster.size, event=None)
        state, files = (ItemState.READY, FILES_OF_A_VIDEO) if made is None else (ItemState.PROCESSING, ())
        known = {"state": state, "playable": True, "renditions": item.renditions + files}
        api.items[item.id] = item.model_copy(update=known | fields)
        return api.items[item.id]

    return make


@pytest.fixture
def make_failed(make_item: MakeItem) -> MakeItem:
    def make(name: str = "notes.jpg", **fields: object) -> Item:
        message = "This is not a picture that Darkroom can read. It looks like plain text."
        failure = Failure(code=FailureCode.UNSUPPORTED, message=message, retryable=False)
        return make_item(name, state=ItemState.FAILED, failure=failure, **fields)

    return make


def jpeg(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, "JPEG", quality=80)
    return content.getvalue()


def placeholder_of(image: Image.Image) -> str:
    """Return the ThumbHash as the service sends it."""
    small = image.convert("RGBA")
    small.thumbnail((MAX_EDGE, MAX_EDGE))
    return thumb_hash(*small.size, small.tobytes())


def _sample_image(name: str) -> Image.Image:
    """Draw a landscape of three colours that depend on the name."""
    chance = random.Random(name)
    colours = [tuple(chance.randrange(256) for _ in range(3)) for _ in range(3)]
    bands = Image.new("RGB", (1, 3))
    bands.putdata(colours)
    return bands.resize((600, 400), Image.Resampling.BICUBIC)


def _item_id(at: datetime) -> ItemId:
    """Return an item id with this creation time, so that the list stays in order."""
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    milliseconds = int(at.timestamp() * 1000)
    stamp = "".join(alphabet[milliseconds >> shift & 31] for shift in range(45, -1, -5))
    return ItemId(f"itm_{stamp}{new_item_id()[-16:]}")
