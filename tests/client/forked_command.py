"""`darkroom …` in a process of its own, forked from one that has imported the command.

A new interpreter needs most of a second to import it. What depends on the interpreter's start needs a new one.
"""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from io import TextIOWrapper
from multiprocessing import forkserver, get_context
from multiprocessing.connection import Connection
from threading import Timer
from typing import Self

from darkroom_client.command import main
from darkroom_client.connection import tls_context

_CONTEXT = get_context("forkserver")


# Before the fork, like the imports. httpx imports the two modules with its first client.
tls_context()
for _name in ("httpcore", "anyio._backends._asyncio"):
    import_module(_name)


def start_fork_server() -> None:
    """Start the process that imports the command. It ends with this one."""
    _CONTEXT.set_forkserver_preload([__name__])
    forkserver.ensure_running()


class ForkedCommand:
    """A running command with the methods of `subprocess.Popen` that the tests use."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        stdout, stdout_writer = _CONTEXT.Pipe(duplex=False)
        stderr, stderr_writer = _CONTEXT.Pipe(duplex=False)
        with stdout, stderr, stdout_writer, stderr_writer:
            self._process = _CONTEXT.Process(
                target=_run, args=(list(arguments), dict(environment), stdout_writer, stderr_writer)
            )
            self._process.start()
            self.returncode: int | None = None
            """The exit code, from the first `poll` or `communicate` after the end."""
            self.stdout = os.fdopen(os.dup(stdout.fileno()), encoding="utf-8")
            self.stderr = os.fdopen(os.dup(stderr.fileno()), encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._process.join()
        self._process.close()
        self.stdout.close()
        self.stderr.close()

    def poll(self) -> int | None:
        self.returncode = self._process.exitcode
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        self._process.kill()

    def communicate(self, *, timeout: float) -> tuple[str, str]:
        """Return all that it prints to stdout and stderr until it ends; after `timeout` seconds it is killed."""
        limit = Timer(timeout, self.kill)
        limit.start()
        with ThreadPoolExecutor(2) as threads:
            printed, remarks = threads.map(lambda stream: stream.read(), (self.stdout, self.stderr))
        self._process.join()
        limit.cancel()
        limit.join()
        self.poll()
        return printed, remarks


def _run(arguments: Sequence[str], environment: Mapping[str, str], stdout: Connection, stderr: Connection) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored if pytest was started in the background
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    sys.stdout = _stream(stdout, 1)
    sys.stderr = _stream(stderr, 2)
    sys.exit(main(arguments))


def _stream(connection: Connection, descriptor: int) -> TextIOWrapper:
    """Return a text stream on the standard `descriptor`, which becomes a duplicate of the connection's."""
    os.dup2(connection.fileno(), descriptor)
    return os.fdopen(descriptor, "w", encoding="utf-8", closefd=False)
