"""Cancelled or deleted items stop immediately and leave nothing behind."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from darkroom_shared.ids import ItemId
from darkroom_shared.items import CreateItem, PartRequest, PartsRequest
from darkroom_shared.uploads import SINGLE_PUT_BYTES
from local.installation import BUCKET
from tests.drills.installation import Installation
from tests.drills.people import Person, a_photo
from tests.drills.processes import DRILL_SECONDS, LONG_LEASE_SECONDS, PLENTY_SECONDS, Process, Processes

pytestmark = pytest.mark.timeout(DRILL_SECONDS)

WIDTH = 8000
"""Keeps the decoder busy for half a second, so that it can be paused during its work."""
GONE_SECONDS = 2.0
TRIES = 3
"""One of these attempts must end in time: other tests on a busy machine delay some, but not all."""


async def until(condition: Callable[[], object]) -> float:
    """Wait for the condition; return the seconds that it took."""
    began = asyncio.get_running_loop().time()
    async with asyncio.timeout(PLENTY_SECONDS):
        while not condition():  # noqa: ASYNC110  # other processes wake no event
            await asyncio.sleep(0.01)
    return asyncio.get_running_loop().time() - began


async def hang_a_decoder(worker: Process) -> tuple[str, int]:
    """Pause the media child of the next item; return the item's id and the child's process id."""
    item = (await worker.logged("step.began", step="make"))["item"]
    await until(worker.decoders)
    (child,) = worker.decoders()
    os.kill(child, signal.SIGSTOP)
    return item, child


async def until_gone(pid: int) -> float:
    """Wait until the process is gone; return the seconds that it took."""
    return await until(lambda: not Path(f"/proc/{pid}").exists())


async def cancel(person: Person, item: ItemId) -> None:
    await person.client.items.cancel(item)


async def delete(person: Person, item: ItemId) -> None:
    await person.client.items.delete(item)


@pytest.mark.parametrize("end", [cancel, delete])
async def test_cancelling_or_deleting_an_item_leaves_no_process_and_no_file(
    processes: Processes, person: Person, end: Callable[[Person, ItemId], Awaitable[None]]
) -> None:
    worker = processes.worker(slots=1, lease_seconds=LONG_LEASE_SECONDS)
    await worker.ready()
    for _ in range(TRIES):
        cancelled = await person.upload(a_photo(WIDTH))
        item, child = await hang_a_decoder(worker)
        assert item == cancelled
        await end(person, cancelled)
        seconds = await until_gone(child)
        await until(lambda: not list(worker.scratch.iterdir()))
        person.sent.remove(cancelled)
        if seconds <= GONE_SECONDS:
            break
    assert seconds <= GONE_SECONDS
    await person.upload()
    await person.all_ready_once()


async def test_a_cancelled_multipart_upload_is_aborted(
    installation: Installation, processes: Processes, person: Person
) -> None:
    body = CreateItem(name="large.jpg", size_bytes=SINGLE_PUT_BYTES + 1, content_type="image/jpeg")
    item = (await person.client.items.create(body)).item.id
    last = PartRequest(number=2, sha256=sha256(b"x").hexdigest())
    (part,) = (await person.client.items.request_parts(item, PartsRequest(parts=(last,)))).parts
    async with httpx.AsyncClient(timeout=60) as http:
        assert (await http.put(part.url, headers=part.headers, content=b"x")).status_code == 200
    assert item in uploads_in_parts(installation)
    processes.worker()
    await person.client.items.cancel(item)
    await until(lambda: item not in uploads_in_parts(installation))


def uploads_in_parts(installation: Installation) -> set[str]:
    """Return the items that have a multipart upload in S3."""
    s3 = installation.client("s3", installation.objects)
    results = s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    return {upload["Key"].split("/")[2] for upload in results}
