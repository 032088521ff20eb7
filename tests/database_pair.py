"""A writer and a reader that replicates it by GTID, which tests stop, delay and swap: MariaDB's or MySQL's."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from darkroom_shared.ids import new_ulid
from tests.authority import Authority
from tests.database_engines import ALONE, USER, Engine
from tests.servers import free_port, running

WAIT_SECONDS = 60


def alone_name() -> str:
    """Return a new name of a database that the reader does not replicate: tests of one server need not wait for it."""
    return f"{ALONE}_{new_ulid()}"


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    """One server of the pair; its role may change."""

    engine: Engine
    port: int
    socket: Path

    def url(self, database: str = "darkroom", *, port: int | None = None, user: str = USER) -> str:
        """Return the URL of a database; `port` is that of a proxy before the server."""
        return f"mysql+asyncmy://{user}@127.0.0.1:{port or self.port}/{database}"

    def run(self, *statements: str) -> str:
        """Run SQL as root, past every proxy. Return the rows as lines with tabs."""
        command = [*self.engine.client(self.socket), "-e", "; ".join(statements)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WAIT_SECONDS * 2)  # noqa: S603
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def replicate_from(self, other: "DatabaseServer") -> None:
        sql = self.engine.replicates
        self.run(sql.stop, sql.connect.format(port=other.port), sql.start)


class DatabasePair:
    """`writer` and `reader` are the servers in their current roles; `swap` exchanges them.

    `@@read_only` replaces Aurora's `@@innodb_read_only`, which cannot be set on a running server.
    """

    def __init__(self, writer: DatabaseServer, reader: DatabaseServer, authority: Path) -> None:
        self.writer, self.reader, self._sql = writer, reader, writer.engine.replicates
        self._first = writer
        self.authority = authority
        """The file of the authority that signed their certificates. Both accept connections with and without TLS."""

    async def stop_applying(self) -> None:
        """Stop the reader at its current position."""
        await self._on_reader(self._sql.stop_applying)

    async def start_applying(self) -> None:
        await self._on_reader(self._sql.start_applying)

    async def delay(self, seconds: int) -> None:
        """Keep the reader this many seconds behind from now on; 0 means no delay."""
        await self._on_reader(self._sql.stop, self._sql.delay.format(seconds=seconds), self._sql.start)

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

    async def _on_reader(self, *statements: str) -> None:
        await asyncio.to_thread(self.reader.run, *statements)

    def _wait_applied(self) -> None:
        position = self.writer.run(self._sql.position).replace("\\n", "")
        reached = self.reader.run(self._sql.wait_for.format(position=position, seconds=WAIT_SECONDS))
        assert reached == "0", f"the reader has not applied {position}: {self.reader.run(self._sql.status)}"

    def _demote(self) -> None:
        self.writer.run("SET GLOBAL read_only = 1")

    def _promote(self) -> None:
        self._wait_applied()
        self.reader.run(self._sql.stop, self._sql.reset, "SET GLOBAL read_only = 0")
        self.writer, self.reader = self.reader, self.writer
        self.reader.replicate_from(self.writer)

    def _swap(self) -> None:
        self._demote()
        self._promote()

    def _heal(self) -> None:
        self.writer.run("SET GLOBAL read_only = 0")
        self.reader.run(self._sql.stop, self._sql.delay.format(seconds=0), self._sql.start)
        self._wait_applied()
        if self.writer is not self._first:
            self._swap()
            self._wait_applied()


@contextmanager
def running_database_pair(folder: Path, engine: Engine = Engine.MARIADB) -> Iterator[DatabasePair]:
    """Start both servers from empty folders, with a database `darkroom`."""
    servers = []
    authority = Authority(folder)
    certificate, key = authority.sign("127.0.0.1")
    with ExitStack() as stack:
        for number, role in enumerate(("writer", "reader"), start=1):
            place, port = folder / role, free_port()
            place.mkdir()
            engine.install(place)
            statements = engine.first_statements if role == "writer" else []
            (place / "first.sql").write_text("".join(f"{statement};\n" for statement in statements))
            more = (f"--ssl-cert={certificate}", f"--ssl-key={key}", *(["--read-only"] if role == "reader" else []))
            command = [*engine.server(place, port, number), *more]
            stack.enter_context(running(command, "ready for connections"))
            servers.append(DatabaseServer(engine, port, place / "socket"))
        writer, reader = servers
        reader.replicate_from(writer)
        yield DatabasePair(writer, reader, authority.certificate)
