"""How the stand-ins serve: on a socket that is theirs from the start, until SIGTERM or SIGINT, without dying of it."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator

import uvicorn

from local.refusal import Refusal

BACKLOG = 2048


class Server(uvicorn.Server):
    """Does not raise the signal again once it has stopped, as uvicorn's own does: there are files to be closed."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)


def listen(host: str, port: int, name: str) -> socket.socket:
    """Raises Refusal, in which `name` says who cannot listen."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise Refusal(f"{name} cannot listen on {host}:{port}: {error.strerror}.") from error
