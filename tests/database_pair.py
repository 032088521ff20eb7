"""A MariaDB writer and a reader that replicates it by GTID, which tests stop, delay and swap."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from darkroom_shared.ids import new_ulid
from tests.authority import Authority
from tests.servers import free_port, running

WAIT_SECONDS = 60
USER = "darkroom"
"""A user with the app's privileges. `read_only` applies to this user; it does not to root."""

_RIGHTS = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER, LOCK TABLES, CREATE VIEW, SHOW VIEW, "
    "PROCESS, SLAVE MONITOR, BINLOG MONITOR"
)
_ALONE = "alone"
_FIRST = f"CREATE DATABASE darkroom; GRANT {_RIGHTS} ON *.* TO '{USER}'@'127.0.0.1' IDENTIFIED BY '';"


def alone_name() -> str:
    """Return a new name of a database that the reader does not replicate: tests of one server need not wait for it."""
    return f"{_ALONE}_{new_ulid()}"


@dataclass(frozen=True, slots=True)
class MariaDb:
    """One server of the pair; its role may change."""

    port: int
    socket: Path

    def url(self, database: str = "darkroom", *, port: int | None = None, user: str = USER) -> str:
        """Return the URL of a database; `port` is that of a proxy before the server."""
        return f"mysql+asyncmy://{user}@127.0.0.1:{port or self.port}/{database}"

    def run(self, sql: str) -> str:
        """Run SQL as root, past every proxy. Return the rows as lines with tabs."""
        command = ["mariadb", "--no-defaults", f"--socket={self.socket}", "--batch", "--skip-column-names", "-e", sql]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WAIT_SECONDS * 2)  # noqa: S603
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def replicate_from(self, other: "MariaDb") -> None:
        # MASTER_DEMOTE_TO_SLAVE counts the server's own writes as received.
        position = "MASTER_USE_GTID = slave_pos, MASTER_DEMOTE_TO_SLAVE = 1"
        source = f"MASTER_HOST = '127.0.0.1', MASTER_PORT = {other.port}, MASTER_USER = 'root'"
        self.run(f"STOP SLAVE; CHANGE MASTER TO {source}, {position}, MASTER_CONNECT_RETRY = 1; START SLAVE;")


class DatabasePair:
    """`writer` and `reader` are the servers in their current roles; `swap` exchanges them.

    `@@read_only` replaces Aurora's `@@innodb_read_only`, which cannot be set on a running MariaDB.
    """

    def __init__(self, writer: MariaDb, reader: MariaDb, authority: Path) -> None:
        self.writer, self.reader = writer, reader
        self._first = writer
        self.authority = authority
        """The file of the authority that signed their certificates. Both accept connections with and without TLS."""

    async def stop_applying(self) -> None:
        """Stop the reader at its current position."""
        await self._on_reader("STOP SLAVE SQL_THREAD")

    async def start_applying(self) -> None:
        await self._on_reader("START SLAVE SQL_THREAD")

    async def delay(self, seconds: int) -> None:
        """Keep the reader this many seconds behind from now on; 0 means no delay."""
        await self._on_reader(f"STOP SLAVE; CHANGE MASTER TO MASTER_DELAY = {seconds}; START SLAVE")

    async def wait_applied(self) -> None:
        """Wait until the reader has applied all that the writer has committed at this moment."""
        await asyncio.to_thread(self._wait_applied)

    async def swap(self) -> None:
        """Exchange the roles of both servers. Open connections stay, and no committed row is lost.

        Aurora's servers share one storage and behave the same. Between the two steps there is no writer.
        """
        await asyncio.to_thread(self._swap)

    async def demote(self) -> None:
        """Make the writer read-only, the first half of `swap`."""
        await asyncio.to_thread(self._demote)

    async def promote(self) -> None:
        """Make the reader the writer, the second half of `swap`."""
        await asyncio.to_thread(self._promote)

    async def heal(self) -> None:
        """Restore the initial roles without delay, restart replication, and wait until the reader is in sync."""
        await asyncio.to_thread(self._heal)

    async def create_database(self) -> str:
        """Create an empty database on both servers and return its name."""
        name = f"darkroom_{new_ulid().lower()}"
        await asyncio.to_thread(self.writer.run, f"CREATE DATABASE {name}")
        await self.wait_applied()
        return name

    async def drop_database(self, name: str) -> None:
        await asyncio.to_thread(self.writer.run, f"DROP DATABASE {name}")

    async def _on_reader(self, sql: str) -> None:
        await asyncio.to_thread(self.reader.run, sql)

    def _wait_applied(self) -> None:
        position = self.writer.run("SELECT @@gtid_binlog_pos")
        reached = self.reader.run(f"SELECT MASTER_GTID_WAIT('{position}', {WAIT_SECONDS})")
        assert reached == "0", f"the reader has not applied {position}: {self.reader.run('SHOW SLAVE STATUS')}"

    def _demote(self) -> None:
        self.writer.run("SET GLOBAL read_only = 1")

    def _promote(self) -> None:
        self._wait_applied()
        self.reader.run("STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only = 0")
        self.writer, self.reader = self.reader, self.writer
        self.reader.replicate_from(self.writer)

    def _swap(self) -> None:
        self._demote()
        self._promote()

    def _heal(self) -> None:
        self.writer.run("SET GLOBAL read_only = 0")
        self.reader.run("STOP SLAVE; CHANGE MASTER TO MASTER_DELAY = 0; START SLAVE")
        self._wait_applied()
        if self.writer is not self._first:
            self._swap()
            self._wait_applied()


def _command(folder: Path, port: int, number: int, first: str, *more: str) -> list[str | Path]:
    (folder / "first.sql").write_text(first.replace("; ", ";\n") + "\n")
    return [
        "mariadbd", "--no-defaults", "--user=root", f"--datadir={folder / 'data'}", "--bind-address=127.0.0.1",
        f"--port={port}", f"--socket={folder / 'socket'}", f"--init-file={folder / 'first.sql'}",
        "--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0", "--skip-name-resolve",
        f"--server-id={number}", "--log-bin=binlog", "--log-slave-updates", "--gtid-domain-id=1", "--binlog-format=ROW",
        "--slave-net-timeout=10", f"--replicate-wild-ignore-table={_ALONE}\\_%.%", *more,
    ]  # fmt: skip


def install(folder: Path) -> None:
    """Create an empty data folder, in which root has no password."""
    command = [
        "mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={folder / 'data'}",
        "--auth-root-authentication-method=normal", "--skip-test-db",
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - the package's own command


@contextmanager
def running_database_pair(folder: Path) -> Iterator[DatabasePair]:
    """Start both servers from empty folders, with a database `darkroom`."""
    servers = []
    authority = Authority(folder)
    certificate, key = authority.sign("127.0.0.1")
    tls = (f"--ssl-cert={certificate}", f"--ssl-key={key}")
    with ExitStack() as stack:
        for number, role in enumerate(("writer", "reader"), start=1):
            place, port = folder / role, free_port()
            place.mkdir()
            install(place)
            # The reader receives even its users from the writer, so that it has no writes of its own.
            more = tls if role == "writer" else (*tls, "--read-only")
            stack.enter_context(
                running(
                    _command(place, port, number, _FIRST if role == "writer" else "", *more), "ready for connections"
                )
            )
            servers.append(MariaDb(port, place / "socket"))
        writer, reader = servers
        reader.replicate_from(writer)
        yield DatabasePair(writer, reader, authority.certificate)
