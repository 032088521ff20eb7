"""After a task group fails, time limits and cancellation still work in its task, and its error can be unwrapped."""

import ast
import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from darkroom_shared.task_group import TaskGroup, first_of, unwrapped

PROJECT = Path(__file__).parents[2]


async def fail() -> None:
    await asyncio.sleep(0)
    raise ConnectionResetError


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


async def test_the_first_error_is_raised_by_itself() -> None:
    with pytest.raises(ConnectionResetError), unwrapped(OSError):
        await fail_inside_another()


def test_errors_of_another_class_stay_in_their_group() -> None:
    errors = [OSError(), ValueError()]
    with pytest.raises(ExceptionGroup) as raised, unwrapped(OSError):
        raise ExceptionGroup("two", errors)
    assert list(raised.value.exceptions) == errors


@pytest.mark.parametrize("folder", ["app", "client", "local", "shared", "web"])
def test_no_handler_of_a_group_raises(folder: str) -> None:
    """Python 3.11.2 puts into a group what `except*` raises, so it would not be handled as an error of its class."""
    raising = [
        f"{path}:{node.lineno}"
        for path in (PROJECT / folder).rglob("*.py")
        for group in ast.walk(ast.parse(path.read_text()))
        if isinstance(group, ast.TryStar)
        for handler in group.handlers
        for node in ast.walk(handler)
        if isinstance(node, ast.Raise)
    ]
    assert raising == []


def test_the_first_error_of_nested_groups_of_any_kind_is_returned() -> None:
    first = KeyboardInterrupt()
    inner = BaseExceptionGroup("inner", [first, OSError()])
    assert first_of(BaseExceptionGroup("outer", [inner, OSError()])) is first
