"""What another user of the machine, or a page in a browser, can send to the ports of a running Darkroom."""

import base64
import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

SECONDS = 20.0
LISTENING = "0A"  # linux/tcp_states.h


def descendants(pid: int) -> list[int]:
    """Return the process id, those of its children, and those of all their descendants."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [pid, *(each for child in children for each in descendants(int(child)))]


def listening_ports(pids: Iterable[int]) -> set[int]:
    """Return every TCP port on which one of these processes listens."""
    inodes = {inode for pid in pids for inode in _sockets(pid)}
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == LISTENING and row[9] in inodes}


def _sockets(pid: int) -> set[str]:
    results = set()
    with contextlib.suppress(FileNotFoundError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                target = str(entry.readlink())
                if target.startswith("socket:["):
                    results.add(target[8:-1])
    return results


def exchange(port: int, request: bytes) -> bytes:
    """Return the first bytes of the response, or nothing if the connection was closed without one."""
    with socket.socket() as connection:
        connection.settimeout(SECONDS)
        connection.connect(("127.0.0.1", port))
        connection.sendall(request)
        with contextlib.suppress(ConnectionResetError):
            return connection.recv(65_536)
    return b""


def request(method: str, target: str, host: str, *lines: str, body: str = "") -> bytes:
    head = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close", *lines]
    if body:
        head.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


def status(response: bytes) -> int:
    """Return the status code, or 0 if the response is not HTTP."""
    words = response.split(b" ", 2)
    return int(words[1]) if response.startswith(b"HTTP/1.1 ") else 0


@dataclass(frozen=True, slots=True)
class Seen:
    responses: list[bytes]
    readable: list[str]


def as_another_user(requests: Sequence[tuple[int, bytes]], files: Sequence[Path] = ()) -> Seen:
    """Send the requests in order as another user of the machine; return the responses and the files it can read."""
    encoded = [[port, base64.b64encode(sent).decode()] for port, sent in requests]
    plan = {"requests": encoded, "files": [*map(str, files)]}
    done = subprocess.run(
        [sys.executable, "-m", "tests.local.up.unauthorised"],
        input=json.dumps(plan),
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=True,
    )
    seen = json.loads(done.stdout)
    return Seen([base64.b64decode(each) for each in seen["responses"]], seen["readable"])
