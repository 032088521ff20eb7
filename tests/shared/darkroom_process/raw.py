"""Raw sockets: send bytes and read responses until the server closes the connection."""

import contextlib
import json
import socket
from dataclasses import dataclass

import httpx

WAIT_SECONDS = 60
"""Limit of each socket operation, so that no test hangs."""


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> str:
        """The problem type without its prefix, or an empty string."""
        if self.headers.get("content-type") != "application/problem+json":
            return ""
        return str(json.loads(self.body)["type"]).removeprefix("urn:darkroom:problem:")


def connect(url: str) -> socket.socket:
    parsed = httpx.URL(url)
    connection = socket.create_connection((parsed.host, parsed.port or 80), timeout=WAIT_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def exchange(url: str, *pieces: bytes) -> list[Response]:
    """Send the pieces one by one and return all responses. Returns only after the server has closed the connection."""
    with connect(url) as connection:
        with contextlib.suppress(OSError):  # the server may close before it has received everything
            for piece in pieces:
                connection.sendall(piece)
        return read_to_end(connection)


def read_to_end(connection: socket.socket) -> list[Response]:
    received = b""
    with contextlib.suppress(ConnectionResetError):  # the server closed before it had read everything
        while piece := connection.recv(65_536):
            received += piece
    return _responses(received)


def _responses(received: bytes) -> list[Response]:
    responses = []
    while received:
        head, _, received = received.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        size_bytes = int(headers.get("content-length", 0))
        responses.append(Response(int(lines[0].split()[1]), headers, received[:size_bytes]))
        received = received[size_bytes:]
    return responses
