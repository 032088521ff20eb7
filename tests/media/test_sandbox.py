"""A confined child can only read its source and write into its folder, as root and as another user."""

import os
import platform
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pytest

from app.media.sandbox import seccomp
from app.media.sandbox.confinement import ENCODER_LIMITS, GIB, MIB, Limits, prepare
from app.media.sandbox.system_calls import numbers
from app.media.video.encoder import open_encoder
from tests.media import sandbox_actions
from tests.media.sandbox_actions import DONE, REFUSED, Ending, run_confined

Action = Callable[[], object]
Confine = Callable[..., Ending]


@pytest.fixture(scope="module")
def small_process() -> Iterator[ProcessPoolExecutor]:
    """A process without threads and with little memory, as the template is; the children are forked from it."""
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=prepare) as pool:
        pool.submit(os.getpid).result()  # start it here: it belongs to the module
        yield pool


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "source"
    file.write_bytes(b"seen")
    return file


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file beside the source and the scratch folder, as another item's files are."""
    file = tmp_path / "secret"
    file.write_bytes(b"another account's photo")
    file.chmod(0o644)
    return file


@pytest.fixture
def confined(small_process: ProcessPoolExecutor, folder: Path, source: Path, secret: Path) -> Confine:
    """Return a function that runs an action in a confined child."""

    def run(action: Action, *, limits: Limits | None = None, encoder: Path | None = None) -> Ending:
        return small_process.submit(run_confined, action, folder, source, limits, encoder).result()

    return run


def encoder_program() -> Path:
    descriptor = open_encoder()
    with open(descriptor, "rb") as file:  # noqa: PTH123  closes it
        return Path(f"/proc/self/fd/{file.fileno()}").readlink()


OUTSIDE: dict[str, Action] = {
    "reads the password hashes of the machine": partial(sandbox_actions.read, "/etc/shadow"),
    "reads the list of accounts": partial(sandbox_actions.read, "/etc/passwd"),
    "reads a neighbour's file": partial(sandbox_actions.read, "../secret"),
    "reads another process's environment": partial(sandbox_actions.read, "/proc/1/environ"),
    "reads its own memory map": partial(sandbox_actions.read, "/proc/self/maps"),
    "lists the root": partial(sandbox_actions.list_folder, "/"),
    "lists the folder above": partial(sandbox_actions.list_folder, ".."),
    "writes beside its folder": partial(sandbox_actions.write, "../written"),
    "writes its source": partial(sandbox_actions.write, "../source"),
    "moves a file out": partial(sandbox_actions.move, Path("mine"), "../moved"),
    "moves a neighbour's file in": partial(sandbox_actions.move, Path("../secret"), "taken"),
    "removes a neighbour's file": partial(sandbox_actions.remove, Path("../secret")),
    "links a neighbour's file": partial(sandbox_actions.link, Path("../secret")),
    "makes a symbolic link to a neighbour's file": partial(sandbox_actions.link_symbolically, Path("../secret")),
    "changes a mode": partial(sandbox_actions.change_mode, Path("../secret")),
    "changes an owner": partial(sandbox_actions.change_owner, Path("../secret")),
    "makes a named pipe": sandbox_actions.make_pipe,
    "makes a folder, which could contain others without limit": sandbox_actions.make_folder,
    "takes the rights on its folder from the process that empties it": sandbox_actions.close_its_folder,
}

BEYOND: dict[str, Action] = {
    "opens a socket": partial(sandbox_actions.open_socket, socket.AF_INET),
    "opens a datagram socket": partial(sandbox_actions.open_socket, socket.AF_INET6, socket.SOCK_DGRAM),
    "opens a Unix socket": partial(sandbox_actions.open_socket, socket.AF_UNIX),
    "opens a pair of sockets": sandbox_actions.open_pair,
    "starts a shell": partial(sandbox_actions.start_program, "/bin/sh"),
    "starts a program by descriptor": partial(sandbox_actions.start_by_descriptor, "/proc/cpuinfo"),
    "forks": sandbox_actions.fork,
    "clones itself sharing memory": partial(sandbox_actions.clone_with, 0x100),
    "clones into a new user namespace": partial(sandbox_actions.clone_with, 0x10000000),
    "clones a thread into a new network": partial(sandbox_actions.clone_with, 0x40000000 | 0x10000),
    "takes too much memory": partial(sandbox_actions.take_memory, 1900 * MIB),
    "takes too much memory piece by piece": sandbox_actions.take_memory_piece_by_piece,
    "opens too many files": sandbox_actions.open_files_without_end,
    "raises its memory limit": partial(sandbox_actions.raise_limit, resource.RLIMIT_AS),
    "raises its time limit": partial(sandbox_actions.raise_limit, resource.RLIMIT_CPU),
    "changes its parent's limits": sandbox_actions.raise_limit_of_parent,
    "signals its parent": partial(sandbox_actions.signal_process, 1),
    "signals its group": partial(sandbox_actions.signal_process, 0),
    "signals every process": partial(sandbox_actions.signal_process, -1),
    "redirects its signals to its parent": sandbox_actions.own_signals_to_parent,
    "would outlive its parent": sandbox_actions.outlive_parent,
    "raises its priority": sandbox_actions.raise_priority,
    "leaves its process group": sandbox_actions.leave_group,
    "becomes another user": sandbox_actions.change_user,
    "makes a file in memory": sandbox_actions.make_memory_file,
    "pushes input into a terminal": sandbox_actions.push_terminal_input,
}

LEGAL: dict[str, Action] = {
    "reads its source": partial(sandbox_actions.read, "../source"),
    "works in its folder": sandbox_actions.work_in_folder,
    "starts a thread": sandbox_actions.start_thread,
    "counts processors": partial(sandbox_actions.read, "/proc/cpuinfo"),
    "discards output": partial(sandbox_actions.write, "/dev/null"),
}


def cases(named: dict[str, Action]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("action", named.values(), ids=named.keys())


@cases(OUTSIDE | BEYOND)
def test_is_refused_when_it(action: Action, confined: Confine, folder: Path, secret: Path) -> None:
    (folder / "mine").write_bytes(b"mine")
    ending = confined(action)
    assert ending.exit_code == REFUSED, ending
    assert secret.read_bytes() == b"another account's photo"
    assert secret.stat().st_mode & 0o777 == 0o644
    assert {path.name for path in folder.parent.iterdir()} == {"scratch", "source", "secret"}


@cases(OUTSIDE | BEYOND)
def test_is_refused_even_beside_an_encoder_when_it(action: Action, confined: Confine, folder: Path) -> None:
    (folder / "mine").write_bytes(b"mine")
    ending = confined(action, encoder=encoder_program())
    assert ending.exit_code == REFUSED, ending


@cases(LEGAL)
def test_may_do_its_work_when_it(action: Action, confined: Confine) -> None:
    ending = confined(action)
    assert ending.exit_code == DONE, ending


@pytest.mark.parametrize("name", [name for name in seccomp.KILLED.split() if name in numbers()])
def test_is_killed_when_it_calls(name: str, confined: Confine) -> None:
    assert confined(partial(sandbox_actions.call, name)) == Ending(-signal.SIGSYS, "")


def test_is_killed_on_another_architectures_system_calls(confined: Confine) -> None:
    another: list[Action] = []
    if platform.machine() == "x86_64":
        another = [
            sandbox_actions.call_as_32_bits,
            partial(sandbox_actions.call_number, seccomp.X32_BIT | numbers()["getpid"]),
        ]
    for action in another:
        assert confined(action) == Ending(-signal.SIGSYS, "")


def test_endless_output_ends(confined: Confine, folder: Path) -> None:
    ending = confined(sandbox_actions.write_without_end, limits=Limits(file_bytes=8 * MIB))
    assert ending.exit_code == -signal.SIGXFSZ
    assert (folder / "endless").stat().st_size <= 8 * MIB


def test_endless_work_ends(confined: Confine) -> None:
    assert confined(sandbox_actions.run_without_end, limits=Limits(cpu_seconds=1)).exit_code == -signal.SIGXCPU


def test_a_child_without_a_limit_of_cpu_seconds_has_the_other_limits(confined: Confine) -> None:
    ending = confined(partial(sandbox_actions.take_memory, 7 * GIB), limits=ENCODER_LIMITS)
    assert ending.exit_code == REFUSED
