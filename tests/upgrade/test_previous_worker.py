"""A worker of an earlier release beside the current app, as during a rolling upgrade: each understands the other."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from darkroom_client.client import DarkroomClient
from darkroom_shared.exports import ExportState
from darkroom_shared.ids import new_ulid
from darkroom_shared.items import Item, ItemState
from tests.drills.installation import PASSWORD, Installation, running_installation
from tests.drills.people import a_photo
from tests.drills.processes import DRILL_SECONDS, stopping_processes
from tests.upgrade.previous_release import running_worker, unpack_release
from tests.worker.sample_videos import a_video

pytestmark = [pytest.mark.timeout(DRILL_SECONDS)]
WAIT_SECONDS = 240.0
ENDED = frozenset({ExportState.READY, ExportState.FAILED})
FINAL = frozenset({ItemState.READY, ItemState.FAILED})


@dataclass(frozen=True, slots=True)
class Mixed:
    """The current installation without a worker, and the code of the earlier release."""

    present: Installation
    release: Path
    folder: Path


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mixed]:
    folder = tmp_path_factory.mktemp("mixed")
    with ExitStack() as stack:
        release = unpack_release(folder / "release")
        yield Mixed(stack.enter_context(running_installation(folder / "data")), release, folder)


async def signed_up(client: DarkroomClient) -> None:
    email = f"{new_ulid().lower()}@example.com"
    await client.sessions.register(email, PASSWORD)
    await client.sessions.sign_in(email, PASSWORD)


async def uploaded(client: DarkroomClient, file: Path, content: bytes) -> Item:
    """Upload the file and return the item in its final state, after fetching its files."""
    await asyncio.to_thread(file.write_bytes, content)
    item = (await client.upload(file)).item
    async with asyncio.timeout(WAIT_SECONDS):
        while item.state not in FINAL:
            await asyncio.sleep(0.2)
            item = await client.items.require(item.id)
    for rendition in item.renditions:
        await client.download_rendition(item, rendition, file.with_name(f"{item.id}-{rendition.file}"))
    return item


async def exported(client: DarkroomClient) -> ExportState:
    export = (await client.exports.start()).id
    async with asyncio.timeout(WAIT_SECONDS):
        while (state := (await client.exports.require(export)).state) not in ENDED:  # noqa: ASYNC110  no event here
            await asyncio.sleep(0.2)
    return state


async def test_workers_of_both_releases_process_what_the_current_app_accepts(mixed: Mixed, tmp_path: Path) -> None:
    async with DarkroomClient(mixed.present.url) as client:
        await signed_up(client)
        made = []
        with running_worker(mixed.release, mixed.present.app, tmp_path / "previous"):
            made.append(await uploaded(client, tmp_path / "photo.jpg", a_photo()))
            made.append(await uploaded(client, tmp_path / "video.mp4", a_video(seconds=2, size="160x90")))
            assert await exported(client) is ExportState.READY
            assert (await uploaded(client, tmp_path / "broken.jpg", b"no picture")).state is ItemState.FAILED
        assert [(item.state, bool(item.renditions)) for item in made] == [(ItemState.READY, True)] * 2
        assert made[1].playable
        (tmp_path / "present").mkdir()
        with stopping_processes(mixed.present.app, tmp_path / "present") as processes:
            await processes.worker().ready()
            assert await exported(client) is ExportState.READY
            assert (await uploaded(client, tmp_path / "second.jpg", a_photo())).state is ItemState.READY
        assert mixed.present.verify() == ""
