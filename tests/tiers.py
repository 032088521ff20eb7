"""The three tiers of tests: selection, order, deadline, and a summary of what a run left to the others.

`--tier test`, `full` and `all` are `make test`, `make test-full` and `make test-all`; each includes the ones before
it.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pytest


class Tier(StrEnum):
    TEST = "test"
    FULL = "full"
    ALL = "all"


TIERS = list(Tier)


@dataclass(frozen=True, slots=True)
class Place:
    """The smallest tier that includes a test, and the reason why no smaller one does."""

    tier: Tier
    reason: str = ""


_PLACES = {
    "drills/": Place(Tier.FULL, "drills"),
    "end_to_end/": Place(Tier.FULL, "more stories"),
    "end_to_end/test_story_": Place(Tier.TEST),
    "end_to_end/test_video_in_the_browser.py": Place(Tier.TEST),
    "local/": Place(Tier.FULL, "local/ suites"),
    "media/hostile/": Place(Tier.FULL, "hostile files"),
    "media/video/": Place(Tier.FULL, "all videos"),
    "reads/": Place(Tier.FULL, "outages"),
    "upgrade/": Place(Tier.FULL, "an earlier release's data and worker"),
}
"""By the beginning of a test's path. The longest match decides; a marker `tier` overrides it."""

_OTHER_SERVERS = {
    "mariadb": Place(Tier.FULL, "MariaDB"),
    "mysql": Place(Tier.ALL, "MySQL"),
    "debian_redis_pair": Place(Tier.FULL, "Redis 7"),
    "debian_redis_servers": Place(Tier.FULL, "Redis 7"),
}
"""By the fixture or parameter that starts the server. A test of the largest tier belongs to it for its own reason."""

_GROUPS = {
    "mysql": {"mysql"},
    "databases": {"mariadb", "valkey_servers", "valkey_pair", "debian_redis_pair"},
    "drills": {"installation"},
    "chromium": {"chromium", "darkroom"},
    "services": {"stores", "valkey_url"},
}
"""Tests with one of these fixtures or parameters share a process, which starts the servers once. The first match
decides.
"""

_PARTS = {
    "services": {
        "services of albums": ("access/", "albums/", "comments/", "share_links/"),
        "services of workers": ("exports/", "jobs/", "worker/"),
    }
}
"""The parts of a long group, by the folders of their tests: each has its own servers, which start in 5 seconds."""

_ORDER = ("databases", "mysql", "drills", "chromium", "services of workers", "services", "services of albums")
"""The order of the groups; after them each file is a group, in the order of `_FILES`."""

_FILES = (
    "upgrade/",
    "cache_chaos/",
    "end_to_end/",
    "media/video/",
    "media/hostile/",
    "client/",
    "web/",
    "media/",
    "local/",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("tiers")
    group.addoption("--tier", choices=TIERS, default=Tier.ALL, help="the tier to run (default: all)")
    group.addoption("--beyond", choices=TIERS, help="leave out what this smaller tier holds")
    group.addoption("--until", type=float, help="begin no test after this time, in seconds since 1970")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "tier(name, reason): the smallest tier that holds the test")
    config.pluginmanager.register(Selection(config), "darkroom-selection")


class Selection:
    """Selects, groups and sorts the tests of a process, and prints the summary where the results are printed."""

    def __init__(self, config: pytest.Config) -> None:
        self._tier, self._beyond = Tier(config.option.tier), config.option.beyond
        self._until: float | None = config.option.until
        self._left: list[tuple[str, str]] = []
        """Folder and reason of each test of this process that another run includes."""
        self._not_reached: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        chosen: list[pytest.Item] = []
        for item in items:
            place = place_of(item)
            if self._holds(place.tier):
                chosen.append(item)
            else:
                self._left.append((folder_of(item.nodeid), place.reason or "decides right or wrong"))
        groups = {item: group_of(item) for item in chosen}
        chosen.sort(key=lambda item: _rank(groups[item]))
        for item in chosen:
            item.add_marker(pytest.mark.xdist_group(groups[item]))
            if "chromium" in _needs(item):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)  # that of the one browser
        config.hook.pytest_deselected(items=[item for item in items if item not in groups])
        items[:] = chosen

    def _holds(self, tier: Tier) -> bool:
        beyond = self._beyond is not None and TIERS.index(tier) <= TIERS.index(self._beyond)
        return TIERS.index(tier) <= TIERS.index(self._tier) and not beyond

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        if self._until is None or time.time() < self._until:
            return None
        self._not_reached.append(_without_group(item.nodeid))
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Print a test under the name by which it can be run again. Only the controller has `node`: pytest-xdist
        compares the names of a worker's reports with those of its items."""
        if hasattr(report, "node"):
            report.nodeid = _without_group(report.nodeid)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["left"], output["not_reached"] = self._left, self._not_reached
        if session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and self._until is not None:
            session.exitstatus = pytest.ExitCode.OK
        yield

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        output: dict[str, Any] = getattr(node, "workeroutput", None) or {}
        self._left = [(folder, reason) for folder, reason in output.get("left", self._left)]  # the same in each process
        self._not_reached += output.get("not_reached", [])

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._left:
            terminalreporter.section("left to other runs", sep="-")
            for line in _counted(self._left):
                terminalreporter.write_line(line)
        if self._not_reached:
            terminalreporter.section(f"{len(self._not_reached)} tests not reached before the deadline", sep="-")
            counts = Counter(name.partition("::")[0] for name in self._not_reached)
            for name, count in counts.items():
                terminalreporter.write_line(f"{count:5}  {name}")


def place_of(item: pytest.Item) -> Place:
    """Return the place of a test: by its marker `tier`, its path, and the servers it needs."""
    name = item.nodeid.removeprefix("tests/")
    prefix = max((prefix for prefix in _PLACES if name.startswith(prefix)), key=len, default="")
    place = _PLACES.get(prefix, Place(Tier.TEST))
    marker = item.get_closest_marker("tier")
    if marker is not None:
        place = Place(Tier(marker.args[0]), *marker.args[1:])
    servers = [_OTHER_SERVERS[need] for need in sorted(_needs(item)) if need in _OTHER_SERVERS]
    return max([place, *servers], key=lambda each: TIERS.index(each.tier))  # the first of equal ones


def group_of(item: pytest.Item) -> str:
    """Return the group of a test; its tests run in one process, one after the other."""
    needs = _needs(item)
    name = item.nodeid.removeprefix("tests/")
    group = next((group for group, servers in _GROUPS.items() if needs & servers), None)
    if group is None:
        return name.partition(".py::")[0]
    return next((part for part, folders in _PARTS.get(group, {}).items() if name.startswith(folders)), group)


def _needs(item: pytest.Item) -> set[str]:
    """Return the fixtures of a test, and the parameters that name fixtures."""
    call = getattr(item, "callspec", None)
    parameters = [value for value in call.params.values() if isinstance(value, str)] if call else []
    return {*getattr(item, "fixturenames", ()), *parameters}


def _rank(group: str) -> tuple[int, int]:
    if group in _ORDER:
        return _ORDER.index(group), 0
    return len(_ORDER), next((rank for rank, start in enumerate(_FILES) if group.startswith(start)), len(_FILES))


def folder_of(nodeid: str) -> str:
    """Return the folder of a test or a test file, below `tests/`."""
    return nodeid.partition("::")[0].removeprefix("tests/").rpartition("/")[0]


def _without_group(nodeid: str) -> str:
    """Remove the suffix that pytest-xdist appends to the name of a test with a group."""
    return nodeid[: nodeid.rfind("@")] if nodeid.rfind("@") > nodeid.rfind("]") else nodeid


def _counted(left: Iterable[tuple[str, str]]) -> Iterator[str]:
    for (folder, reason), count in sorted(Counter(left).items()):
        yield f"{count:5}  {folder} ({reason})"
