"""After a task group fails, time limits still raise TimeoutError and cancellation still works in its task."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from darkroom_shared.task_group import TaskGroup


async def fail() -> None:
    await asyncio.sleep(0)
    raise OSError


async def fail_when_cancelled() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        raise OSError


async def fail_at_the_end() -> None:
    async with TaskGroup() as tasks:
        tasks.create_task(fail())
        tasks.create_task(asyncio.Event().wait())


async def fail_in_the_body() -> None:
    async with TaskGroup() as tasks:
        tasks.create_task(fail())
        await asyncio.Event().wait()


async def fail_inside_another() -> None:
    async with TaskGroup() as tasks:
        tasks.create_task(fail())
        await fail_at_the_end()


def cancel_requests() -> int:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


@pytest.mark.parametrize("failing", [fail_at_the_end, fail_in_the_body, fail_inside_another])
async def test_a_time_limit_after_a_failed_group_raises_a_timeout_error(failing: Callable[[], Awaitable[None]]) -> None:
    with pytest.raises(ExceptionGroup):
        await failing()
    assert cancel_requests() == 0
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await asyncio.Event().wait()


async def test_a_cancellation_from_outside_still_works_after_a_failed_group() -> None:
    requests = asyncio.get_running_loop().create_future()

    async def work() -> None:
        try:
            async with TaskGroup() as tasks:
                tasks.create_task(fail_when_cancelled())
        except* OSError:
            requests.set_result(cancel_requests())

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    assert await requests == 1
    await asyncio.wait([task])
