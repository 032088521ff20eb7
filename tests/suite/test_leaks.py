"""A test that leaks a task, socket, process or Redis key without expiry fails; the next test does not."""

from pathlib import Path

from tests.suite.small_run import run

PLUGINS = "tests.tiers tests.leaks"
START = "import asyncio, socket, subprocess\nkept = []\n"
TASK = "async def test_task(): kept.append(asyncio.create_task(asyncio.sleep(60), name='the-task'))\n"
SOCKET = "def test_socket(): kept.append(socket.create_server(('127.0.0.1', 0)))\n"
PROCESS = "def test_process(): kept.append(subprocess.Popen(['sleep', '60']))\n"
AFTERWARDS = """
def test_nothing(): pass
async def test_nothing_in_a_loop(): pass
def test_what_is_closed():
    with socket.create_server(('127.0.0.1', 0)): pass
    subprocess.run(['true'], check=True)
def teardown_module():
    for each in kept:
        (getattr(each, 'kill', None) or getattr(each, 'close', None) or each.cancel)()
        if isinstance(each, subprocess.Popen): each.wait()
"""
REDIS = """
import pytest
from redis import Redis

@pytest.fixture(scope="session")
def valkey_url():
    return "{url}"

def test_leak(valkey_url):
    with Redis.from_url(valkey_url) as redis: redis.set("{key}", 1)

def test_with_expiry(valkey_url):
    with Redis.from_url(valkey_url) as redis: redis.set("{key}-2", 1, ex=60)
"""


def test_a_leak_is_an_error_of_the_test_that_caused_it(tmp_path: Path) -> None:
    files = {
        f"items/test_{number}.py": START + leak + AFTERWARDS for number, leak in enumerate((TASK, SOCKET, PROCESS))
    }
    ended = run(tmp_path, files, plugins=PLUGINS)
    assert "12 passed, 3 errors" in ended.text, ended.text
    for number, leak, output in ((0, "task", "task: the-task"), (1, "socket", "socket: "), (2, "process", "process: ")):
        report = ended.text.partition(f"ERROR at teardown of test_{leak} ")[2].partition("ERROR at teardown")[0]
        assert output in report, ended.text
        assert f"ERROR tests/items/test_{number}.py::test_{leak}" in ended.text


def test_a_redis_key_without_expiry_is_an_error_of_the_test_that_wrote_it(tmp_path: Path, valkey_url: str) -> None:
    url = valkey_url.removesuffix("/0") + "/7"  # not the database in which the leak check watches this test
    files = {"items/test_leaks.py": REDIS.format(url=url, key="left-for-ever")}
    ended = run(tmp_path, files, plugins=PLUGINS)
    assert "2 passed, 1 error" in ended.text, ended.text
    assert "Redis key without expiry: left-for-ever" in ended.text


def test_resources_of_a_module_fixture_are_not_leaks_before_its_teardown(tmp_path: Path) -> None:
    text = """
        import asyncio, subprocess, socket
        import pytest, pytest_asyncio

        class Services:
            def start(self):
                self.child = subprocess.Popen(["sleep", "60"])

            def stop(self):
                self.child.kill()
                self.child.wait()

            async def run(self):
                await self.event.wait()
                self.second = asyncio.create_task(asyncio.sleep(60))
                await self.second

        @pytest_asyncio.fixture(scope="module")
        async def services():
            opened = Services()
            opened.event = asyncio.Event()
            opened.start()
            task = asyncio.create_task(opened.run())
            with socket.create_server(("127.0.0.1", 0)):
                yield opened
            opened.stop()
            task.cancel()

        async def test_one(services): pass
        def test_two(services): pass

        async def test_a_task_of_the_services(services):
            services.event.set()
            while not hasattr(services, "second"): await asyncio.sleep(0)

        def test_a_restart(services):
            services.stop()
            services.start()
    """
    ended = run(tmp_path, {"items/test_services.py": text}, plugins=PLUGINS)
    assert ended.status == 0, ended.text


def test_a_failure_is_reported_although_a_finalizer_formats_a_traceback_meanwhile(tmp_path: Path) -> None:
    text = """
        import ast, gc

        def format_a_traceback(phase, info):
            if phase == "stop":
                ast.parse("1 + 1")  # as the formatting of a traceback does

        def test_one():
            gc.callbacks.append(format_a_traceback)
            gc.set_threshold(10)
            assert sum([1, 2, 3]) == 7, "the reason"

        def teardown_module():
            gc.callbacks.remove(format_a_traceback)
            gc.set_threshold(700)
    """
    ended = run(tmp_path, {"items/test_one.py": text}, plugins=PLUGINS)
    assert "AssertionError: the reason" in ended.text, ended.text
    assert "SystemError" not in ended.text, ended.text
