"""An animation is ready after one stage, with stills and with a video that needs no playlist."""

import io

from PIL import Image

from darkroom_shared.events import EventType
from darkroom_shared.items import ItemKind, ItemState
from tests.worker.harness import WorkerHarness


def a_gif(*colours: str) -> bytes:
    written = io.BytesIO()
    first, *rest = [Image.new("RGB", (40, 30), colour) for colour in colours]
    first.save(written, "GIF", save_all=True, append_images=rest, duration=250)
    return written.getvalue()


async def test_an_animation_is_a_video_without_a_playlist_after_one_stage(harness: WorkerHarness) -> None:
    services = harness.services
    row = await harness.handle(await services.queued(a_gif("red", "blue")))
    item = services.representation.to_wire(row)
    assert (row.state, item.kind) == (ItemState.READY, ItemKind.VIDEO)
    assert (item.duration_seconds, item.playable, item.playlist_url) == (0.5, False, None)
    assert [each.name for each in item.renditions] == ["large", "fallback", "medium", "small", "video"]
    page = await services.base.events.log.read(services.account, 0, limit=100)
    assert [event.type for event in page.events].count(EventType.ITEM_READY) == 1


async def test_a_gif_with_one_frame_is_an_image(harness: WorkerHarness) -> None:
    row = await harness.handle(await harness.services.queued(a_gif("red")))
    item = harness.services.representation.to_wire(row)
    assert (row.state, item.kind, item.duration_seconds) == (ItemState.READY, ItemKind.IMAGE, None)
