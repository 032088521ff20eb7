"""Users of the service during a drill: they upload small photos, wait for the final states and read the whole log."""

import asyncio
import io
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from darkroom_client.client import DarkroomClient
from darkroom_client.retry import RetryPolicy
from darkroom_shared.events import Event, EventType
from darkroom_shared.ids import ItemId, new_ulid
from darkroom_shared.items import Item, ItemState
from tests.drills.installation import PASSWORD, Installation
from tests.worker.sample_videos import a_video

LONG_RETRIES = RetryPolicy(attempts=60, total_seconds=60.0, max_wait_seconds=1.0)
"""A drill makes the service refuse requests more often than the client's default policy tolerates."""
NO_RETRIES = RetryPolicy(attempts=1, total_seconds=60.0)
"""For requests that must succeed whatever is away."""
TERMINAL = frozenset({ItemState.READY, ItemState.FAILED, ItemState.CANCELLED, ItemState.EXPIRED})
ALL_ENDED_SECONDS = 240.0
"""An item whose worker was killed three times waits 5 s, 30 s and 2 min, and for three leases."""
EVENTS_PER_PAGE = 500


@cache
def _scene(width: int) -> bytes:
    file = io.BytesIO()
    Image.radial_gradient("L").resize((width, width * 3 // 4)).convert("RGB").save(file, "JPEG", quality=85)
    return file.getvalue()


def a_photo(width: int = 1600) -> bytes:
    """Return a JPEG with unique bytes: a comment contains a unique id."""
    comment, scene = new_ulid().encode(), _scene(width)
    start, rest = scene[:2], scene[2:]
    return start + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + rest


@dataclass(slots=True)
class Person:
    client: DarkroomClient
    folder: Path
    email: str
    sent: list[ItemId] = field(default_factory=list)

    async def upload(self, content: bytes | None = None, suffix: str = ".jpg") -> ItemId:
        """Upload a photo and return its item. The service has accepted it, so it must not be lost."""
        file = self.folder / f"{new_ulid()}{suffix}"
        await asyncio.to_thread(file.write_bytes, content or a_photo())
        item = (await self.client.upload(file)).item.id
        self.sent.append(item)
        return item

    async def upload_many(self, count: int) -> list[ItemId]:
        return await asyncio.gather(*(self.upload() for _ in range(count)))

    async def upload_video(self, *, seconds: int = 3, size: str = "160x90") -> ItemId:
        return await self.upload(await asyncio.to_thread(a_video, seconds=seconds, size=size), ".mp4")

    async def items(self) -> dict[ItemId, Item]:
        return {item.id: item async for item in self.client.items.list_all()}

    async def all_ended(self, seconds: float = ALL_ENDED_SECONDS) -> dict[ItemId, Item]:
        """Return every accepted item once all are in a terminal state. Raises TimeoutError after `seconds`."""
        async with asyncio.timeout(seconds):
            while True:
                items = await self.items()
                assert set(self.sent) <= items.keys(), "an accepted item is lost"
                if all(items[item].state in TERMINAL for item in self.sent):
                    return items
                await asyncio.sleep(0.2)

    async def log(self) -> list[Event]:
        events: list[Event] = []
        while True:
            after = events[-1].number if events else 0
            page = await self.client.event_page(after=after, limit=EVENTS_PER_PAGE)
            if not page.events:
                return events
            events += page.events

    async def published(self, type_: EventType) -> Counter[str]:
        """Count the events of this type in the log per item."""
        return Counter(event.subject for event in await self.log() if event.type is type_)

    async def all_ready_once(self) -> None:
        """Assert what every drill promises of its valid photos: all are ready, and published as ready once."""
        items = await self.all_ended()
        assert {items[item].state for item in self.sent} == {ItemState.READY}
        assert await self.published(EventType.ITEM_READY) == Counter(self.sent)
        assert [event.number for event in await self.log()] == list(range(1, len(await self.log()) + 1))


@asynccontextmanager
async def a_person(
    installation: Installation, *, email: str | None = None, retries: RetryPolicy = LONG_RETRIES
) -> AsyncIterator[Person]:
    """Register a new account, unless an address is passed."""
    async with DarkroomClient(installation.url, retries=retries) as client:
        if email is None:
            email = f"{new_ulid()}@example.com"
            await client.sessions.register(email, PASSWORD)
        await client.sessions.sign_in(email, PASSWORD)
        with TemporaryDirectory() as folder:
            yield Person(client, Path(folder), email)
