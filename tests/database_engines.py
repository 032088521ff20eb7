"""The two engines of the relational tests, MariaDB and a real MySQL: commands of their servers, and their SQL."""

import os
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import assert_never

from sqlalchemy import make_url

MYSQL_ROOT = Path(os.environ.get("MYSQL_ROOT") or Path.home() / ".cache" / "darkroom" / "mysql")
"""The root of MySQL's packages that `.ci/mysql-root` makes; the Makefile has the same default."""

USER = "darkroom"
"""The app's user, with the least privileges. `read_only` applies to this user; it does not to root."""
MIGRATING_USER = "darkroom_migrations"
"""The user of `python -m app migrate`. Tests that create tables of their own do it as this user."""
ROWS = "SELECT, INSERT, UPDATE, DELETE"
TABLES = f"{ROWS}, CREATE, ALTER, DROP, INDEX, REFERENCES"
"""Rights of the app's and of the migrating user on the app's tables; docs/SETTINGS.md lists them."""

ALONE = "alone"
"""The beginning of the names of databases that a reader does not replicate."""


def as_migrating_user(url: str) -> str:
    """Return the URL of the same database for the user who may create tables. SQLite has no users."""
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        return url
    return address.set(username=MIGRATING_USER).render_as_string(hide_password=False)


class Engine(StrEnum):
    MARIADB = "mariadb"
    MYSQL = "mysql"

    @property
    def replicates(self) -> "Replication":
        match self:
            case Engine.MARIADB:
                return _MARIADB
            case Engine.MYSQL:
                return _MYSQL
            case _:
                assert_never(self)

    @property
    def first_statements(self) -> list[str]:
        """Return what a new writer executes. The reader receives even its users from it, and has no writes of its
        own.
        """
        users = [f"CREATE USER '{user}'@'127.0.0.1' IDENTIFIED BY ''" for user in (USER, MIGRATING_USER)]
        return [
            "CREATE DATABASE darkroom",
            *(_ROOT_BY_TCP if self is Engine.MYSQL else ()),
            *users,
            f"GRANT {ROWS} ON *.* TO '{USER}'@'127.0.0.1'",
            f"GRANT {self.replicates.lag_right} ON *.* TO '{USER}'@'127.0.0.1'",
            f"GRANT {TABLES} ON *.* TO '{MIGRATING_USER}'@'127.0.0.1'",
        ]

    def client(self, socket: Path) -> list[str | Path]:
        """Return the command of the engine's client, as root."""
        options = ["--no-defaults", "--user=root", f"--socket={socket}", "--batch", "--skip-column-names"]
        return [*(["mariadb"] if self is Engine.MARIADB else _mysql_program("bin/mysql")), *options]

    def install(self, folder: Path) -> None:
        """Create an empty data folder, in which root has no password."""
        options = ["--no-defaults", "--user=root", f"--datadir={folder / 'data'}"]
        command: list[str | Path] = ["mariadb-install-db", *options, "--auth-root-authentication-method=normal"]
        command += ["--skip-test-db"]
        if self is Engine.MYSQL:
            command = [*_mysql_program("sbin/mysqld"), *options, *_MYSQL_OPTIONS, "--initialize-insecure"]
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - the packages' own
        assert done.returncode == 0, done.stderr

    def server(self, folder: Path, port: int, number: int) -> list[str | Path]:
        """Return the command of a server on a folder that `install` has made, in which `first.sql` is."""
        engine: list[str | Path] = ["mariadbd", "--no-defaults", *_MARIADB_OPTIONS]
        if self is Engine.MYSQL:
            engine = [*_mysql_program("sbin/mysqld"), "--no-defaults", *_MYSQL_OPTIONS]
        return [
            *engine, "--user=root", f"--datadir={folder / 'data'}", "--bind-address=127.0.0.1", f"--port={port}",
            f"--socket={folder / 'socket'}", f"--pid-file={folder / 'pid'}", f"--init-file={folder / 'first.sql'}",
            "--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0", "--skip-name-resolve",
            f"--server-id={number}", "--log-bin=binlog", f"--replicate-wild-ignore-table={ALONE}\\_%.%",
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Replication:
    """The SQL of one engine about writer and reader, with placeholders."""

    lag_right: str
    """The privilege to query a reader's lag."""
    stop: str
    start: str
    stop_applying: str
    start_applying: str
    delay: str
    connect: str
    reset: str
    """Become independent of the writer."""
    position: str
    wait_for: str
    """Returns 0 when the position is reached."""
    status: str


_MARIADB = Replication(
    lag_right="SLAVE MONITOR",
    stop="STOP SLAVE",
    start="START SLAVE",
    stop_applying="STOP SLAVE SQL_THREAD",
    start_applying="START SLAVE SQL_THREAD",
    delay="CHANGE MASTER TO MASTER_DELAY = {seconds}",
    # MASTER_DEMOTE_TO_SLAVE counts the server's own writes as received.
    connect="CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {port}, MASTER_USER = 'root', "
    "MASTER_USE_GTID = slave_pos, MASTER_DEMOTE_TO_SLAVE = 1, MASTER_CONNECT_RETRY = 1",
    reset="RESET SLAVE ALL",
    position="SELECT @@gtid_binlog_pos",
    wait_for="SELECT MASTER_GTID_WAIT('{position}', {seconds})",
    status="SHOW SLAVE STATUS",
)
_MYSQL = Replication(
    lag_right="REPLICATION CLIENT",
    stop="STOP REPLICA",
    start="START REPLICA",
    stop_applying="STOP REPLICA SQL_THREAD",
    start_applying="START REPLICA SQL_THREAD",
    delay="CHANGE REPLICATION SOURCE TO SOURCE_DELAY = {seconds}",
    connect="CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {port}, SOURCE_USER = 'root', "
    "SOURCE_AUTO_POSITION = 1, SOURCE_CONNECT_RETRY = 1",
    reset="RESET REPLICA ALL",
    position="SELECT @@GLOBAL.gtid_executed",
    wait_for="SELECT WAIT_FOR_EXECUTED_GTID_SET('{position}', {seconds})",
    status="SHOW REPLICA STATUS",
)
_ROOT_BY_TCP = (
    "CREATE USER 'root'@'127.0.0.1' IDENTIFIED BY ''",
    "GRANT ALL ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION",
)
_MARIADB_OPTIONS = ("--gtid-domain-id=1", "--log-slave-updates", "--binlog-format=ROW", "--slave-net-timeout=10")
_MYSQL_OPTIONS = (
    f"--basedir={MYSQL_ROOT / 'usr'}", "--mysqlx=OFF", "--secure-file-priv=NULL", "--performance-schema=OFF",
    "--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--sync-binlog=0", "--innodb-doublewrite=OFF",
    "--replica-net-timeout=10",
)  # fmt: skip


def _mysql_program(path: str) -> list[str | Path]:
    """Return the command of a program of MySQL's root, with the loader and the libraries of that root.

    They are newer than this machine's; entering the root would need privileges.
    """
    usr = MYSQL_ROOT / "usr"
    loader = next(usr.glob("lib*/ld-linux-*"), None)
    assert loader is not None, f"There is no MySQL in {MYSQL_ROOT}: `make mysql` puts it there."
    libraries = [library.parent for library in usr.glob("lib/*/libc.so.6")]
    return [loader, "--library-path", ":".join(map(str, libraries)), usr / path]
