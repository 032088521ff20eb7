"""After `kill -9` during writes, each acknowledged write exists, and every other write is complete or absent."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tests.local.tables.place import Place, connect, photos, wire
from tests.servers import Server, free_port, tables_command

WRITERS = 6
KILLS = 3
WRITES_BEFORE_KILL = 60


def test_a_killed_server_has_every_acknowledged_write(tmp_path: Path) -> None:
    acknowledged: set[tuple[str, int]] = set()
    for life in range(KILLS):
        port = free_port()
        server = _start(port, tmp_path)
        place = Place(connect(f"http://127.0.0.1:{port}"), "photos")
        if life == 0:
            place.client.create_table(**photos("photos"))
        _require(place, acknowledged)
        acknowledged |= _write_until_killed(place, life, server)
        place.client.close()
        server.stop()
    port = free_port()
    server = _start(port, tmp_path)
    place = Place(connect(f"http://127.0.0.1:{port}"), "photos")
    _require(place, acknowledged)
    _require_whole_transactions(place)
    place.client.close()
    server.stop()


def _start(port: int, folder: Path) -> Server:
    return Server(tables_command(port, folder / "tables.db"), "server.ready")


def _write_until_killed(place: Place, life: int, server: Server) -> set[tuple[str, int]]:
    """Write pairs of items, one transaction per pair, until the server is killed; return the acknowledged pairs."""
    acknowledged: set[tuple[str, int]] = set()

    def write(writer: int) -> None:
        account = f"writer-{life}-{writer}"
        for number in range(10_000):
            if not _succeeds(lambda: _write_pair(place, account, number)):  # noqa: B023  # called immediately
                return
            acknowledged.add((account, number))
            if writer == 0 and number == WRITES_BEFORE_KILL:
                server.process.kill()

    with ThreadPoolExecutor(WRITERS) as writers:
        list(writers.map(write, range(WRITERS)))
    assert len(acknowledged) > WRITES_BEFORE_KILL
    return acknowledged


def _write_pair(place: Place, account: str, number: int) -> None:
    place.transact(
        {"Put": {"Item": wire({"account": account, "number": number, "taken_at": str(number)})}},
        {"Put": {"Item": wire({"account": f"{account}-twin", "number": number, "digest": str(number)})}},
    )


def _succeeds(call: Callable[[], Any]) -> bool:
    try:
        call()
    except (BotoCoreError, ClientError):
        return False
    return True


def _require(place: Place, acknowledged: set[tuple[str, int]]) -> None:
    missing = [(account, number) for account, number in sorted(acknowledged) if place.get(number, account) is None]
    assert missing == []


def _require_whole_transactions(place: Place) -> None:
    pages = place.client.get_paginator("scan").paginate(TableName=place.table)
    results = {(item["account"]["S"], item["number"]["N"]) for page in pages for item in page["Items"]}
    assert results
    for account, number in results:
        copy = account.removesuffix("-twin") if account.endswith("-twin") else f"{account}-twin"
        assert (copy, number) in results
