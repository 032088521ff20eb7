"""A MariaDB writer and a reader that follows it by GTID, which tests hold back, delay and swap."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.ids import new_ulid
from tests.authority import Authority
from tests.servers import free_port, running

WAIT_SECONDS = 60
USER = "darkroom"
"""May do what the app does, and is held by `read_only`; root is not."""

_RIGHTS = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER, LOCK TABLES, CREATE VIEW, SHOW VIEW, "
    "PROCESS, SLAVE MONITOR, BINLOG MONITOR"
)
_FIRST = f"CREATE DATABASE darkroom; GRANT {_RIGHTS} ON *.* TO '{USER}'@'127.0.0.1' IDENTIFIED BY '';"


@dataclass(frozen=True, slots=True)
class MariaDb:
    """One server of the pair; which role it has changes."""

    port: int
    socket: Path

    def url(self, database: str = "darkroom", *, port: int | None = None, user: str = USER) -> str:
        """`port`: of a proxy before it."""
        return f"mysql+asyncmy://{user}@127.0.0.1:{port or self.port}/{database}"

    def run(self, sql: str) -> str:
        """As root, past every proxy; the rows as lines with tabs."""
        command = ["mariadb", "--no-defaults", f"--socket={self.socket}", "--batch", "--skip-column-names", "-e", sql]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WAIT_SECONDS * 2)  # noqa: S603
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def replicate_from(self, other: "MariaDb") -> None:
        # MASTER_DEMOTE_TO_SLAVE: what it has written itself counts as received.
        position = "MASTER_USE_GTID = slave_pos, MASTER_DEMOTE_TO_SLAVE = 1"
        source = f"MASTER_HOST = '127.0.0.1', MASTER_PORT = {other.port}, MASTER_USER = 'root'"
        self.run(f"STOP SLAVE; CHANGE MASTER TO {source}, {position}, MASTER_CONNECT_RETRY = 1; START SLAVE;")


class DatabasePair:
    """`writer` and `reader` name the servers by the roles that they have now; `swap` exchanges them.

    `@@read_only` is what `@@innodb_read_only` is on Aurora: that one can't be set on a running MariaDB.
    """

    def __init__(self, writer: MariaDb, reader: MariaDb, authority: Path) -> None:
        self.writer, self.reader = writer, reader
        self.authority = authority
        """The file of who has signed their certificates; both take TLS and go without."""

    async def stop_applying(self) -> None:
        """The reader stays at this moment."""
        await self._on_reader("STOP SLAVE SQL_THREAD")

    async def start_applying(self) -> None:
        await self._on_reader("START SLAVE SQL_THREAD")

    async def delay(self, seconds: int) -> None:
        """The reader is so far behind from now on; 0: as fast as it can."""
        await self._on_reader(f"STOP SLAVE; CHANGE MASTER TO MASTER_DELAY = {seconds}; START SLAVE")

    async def wait_applied(self) -> None:
        """Until the reader has all that the writer has at this moment."""
        await asyncio.to_thread(self._wait_applied)

    async def swap(self) -> None:
        """The reader becomes the writer and the other way round, open connections stay; nothing committed is lost.

        As on Aurora, whose servers share one storage. Between the two moments there is no writer.
        """
        await asyncio.to_thread(self._swap)

    async def demote(self) -> None:
        """The first half of `swap`: nobody takes writes any more."""
        await asyncio.to_thread(self._demote)

    async def promote(self) -> None:
        """The second half of `swap`."""
        await asyncio.to_thread(self._promote)

    async def heal(self) -> None:
        """Writer and reader, no delay, nothing held back, all applied."""
        await asyncio.to_thread(self._heal)

    async def create_database(self) -> str:
        """The name of a new, empty database, there on both servers."""
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
        assert reached == "0", f"the reader has not come to {position}: {self.reader.run('SHOW SLAVE STATUS')}"

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


def _command(folder: Path, port: int, number: int, first: str, *more: str) -> list[str | Path]:
    (folder / "first.sql").write_text(first.replace("; ", ";\n") + "\n")
    return [
        "mariadbd", "--no-defaults", "--user=root", f"--datadir={folder / 'data'}", "--bind-address=127.0.0.1",
        f"--port={port}", f"--socket={folder / 'socket'}", f"--init-file={folder / 'first.sql'}",
        "--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0", "--skip-name-resolve",
        f"--server-id={number}", "--log-bin=binlog", "--log-slave-updates", "--gtid-domain-id=1", "--binlog-format=ROW",
        "--slave-net-timeout=10", *more,
    ]  # fmt: skip


def install(folder: Path) -> None:
    """An empty data folder; root has no password."""
    command = [
        "mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={folder / 'data'}",
        "--auth-root-authentication-method=normal", "--skip-test-db",
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - the package's own command


@contextmanager
def running_database_pair(folder: Path) -> Iterator[DatabasePair]:
    """Both servers, from empty, with a database `darkroom`."""
    servers = []
    authority = Authority(folder)
    certificate, key = authority.sign("127.0.0.1")
    tls = (f"--ssl-cert={certificate}", f"--ssl-key={key}")
    with ExitStack() as stack:
        for number, role in enumerate(("writer", "reader"), start=1):
            place, port = folder / role, free_port()
            place.mkdir()
            install(place)
            # The reader gets even its users from the writer, so that it has nothing of its own.
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
