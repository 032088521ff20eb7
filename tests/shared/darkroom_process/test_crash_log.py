"""A background task that crashes is logged once; one that ends or is cancelled is not."""

import asyncio

from structlog.testing import capture_logs

from darkroom_process.crash_log import log_crash


async def crash() -> None:
    raise ZeroDivisionError


async def test_only_a_crash_is_logged() -> None:
    with capture_logs() as entries:
        tasks = [asyncio.create_task(work) for work in (crash(), asyncio.sleep(0), asyncio.sleep(60))]
        for task in tasks:
            task.add_done_callback(log_crash("part.crashed"))
        await asyncio.sleep(0)
        tasks[2].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [entry["event"] for entry in entries] == ["part.crashed"]
    assert entries[0]["exc_info"] is results[0]
