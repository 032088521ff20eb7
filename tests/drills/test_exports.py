"""A worker may be killed while it makes an export."""

import asyncio
import io
import json
import zipfile

import httpx
import pytest

from darkroom_shared.events import EventType
from darkroom_shared.exports import ExportState
from tests.drills.installation import Installation, Rule, inject
from tests.drills.people import Person
from tests.drills.processes import DRILL_SECONDS, PLENTY_SECONDS, Processes

pytestmark = pytest.mark.timeout(DRILL_SECONDS)

A_MOMENT_SECONDS = 0.05
"""Injected latency of every object store call, so that the kill hits a step in progress."""


async def test_an_export_survives_killed_workers_and_is_published_once(
    installation: Installation, processes: Processes, person: Person
) -> None:
    await person.upload_many(5)
    await inject(installation.objects, Rule("*", "latency", seconds=A_MOMENT_SECONDS))
    export = await person.client.exports.start()
    for step in ("export_originals", "export_finish"):
        worker = processes.worker()
        await worker.logged("step.began", step=step, export=export.id)
        worker.kill()
    processes.worker()
    async with asyncio.timeout(PLENTY_SECONDS):
        while (ready := await person.client.exports.require(export.id)).state is not ExportState.READY:  # noqa: ASYNC110  other processes
            await asyncio.sleep(0.2)
    assert ready.url is not None
    assert (await person.published(EventType.EXPORT_READY)) == {export.id: 1}
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        content = (await http.get(ready.url)).content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert {each["item"]["id"] for each in json.loads(archive.read("items.json"))} == set(person.sent)
        assert len(archive.namelist()) == 1 + len(person.sent)
    await person.all_ready_once()
