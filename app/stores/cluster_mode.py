"""Refuse a Redis with cluster mode, in which the keys of one script may be on different servers."""

from pathlib import Path

from app.stores.cache.connection import Connection
from app.stores.cache.faults import ConnectionLost, ErrorReply
from app.stores.cache.timing import TIMING


class ClusterMode(Exception):
    """The text is one line for the operator."""

    def __init__(self) -> None:
        super().__init__(
            "This Redis has cluster mode enabled, which Darkroom cannot use: create one with cluster mode disabled."
        )


async def refuse_cluster_mode(url: str, password_file: Path | None) -> None:
    """Raises ClusterMode. A Redis that is unavailable is accepted: it is not needed for a start."""
    try:
        connection = await Connection.open(url, TIMING, password_file)
    except ConnectionLost:
        return
    try:
        reply = await connection.execute(b"INFO", b"cluster")
    except (ConnectionLost, ErrorReply):
        return
    finally:
        connection.close("checked")
    if isinstance(reply, bytes) and b"cluster_enabled:1" in reply:
        raise ClusterMode
