"""The process: start, refused start and stop."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

from local.tables.database import FORMAT
from tests.local.tables.place import Place, connect, photos
from tests.servers import Server, free_port, tables_command


def test_a_missing_setting_is_one_line() -> None:
    ended = _run({})
    assert ended.returncode == 2
    assert ended.stderr == ("DARKROOM_TABLES_FILE is missing: expected a file, for example /srv/darkroom/tables.db\n")


def test_a_second_server_on_the_same_file_is_refused_with_one_line(tmp_path: Path) -> None:
    server = Server(tables_command(free_port(), tmp_path / "tables.db"), "server.ready")
    ended = _run({"DARKROOM_TABLES_FILE": str(tmp_path / "tables.db"), "DARKROOM_LISTEN_PORT": str(free_port())})
    assert (ended.returncode, ended.stderr) == (3, f"Another server uses the file {tmp_path / 'tables.db'}.\n")
    server.stop()


def test_a_file_of_a_newer_release_is_refused_with_one_line(tmp_path: Path) -> None:
    file = tmp_path / "tables.db"
    connection = sqlite3.connect(file)
    connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
    connection.close()
    ended = _run({"DARKROOM_TABLES_FILE": str(file), "DARKROOM_LISTEN_PORT": str(free_port())})
    assert ended.returncode == 3
    assert ended.stderr == f"The file {file} was written by a newer release of Darkroom.\n"


def test_a_file_that_is_no_database_is_refused_with_one_line(tmp_path: Path) -> None:
    file = tmp_path / "tables.db"
    file.write_text("a letter, not a database\n" * 50)
    ended = _run({"DARKROOM_TABLES_FILE": str(file), "DARKROOM_LISTEN_PORT": str(free_port())})
    assert ended.returncode == 3
    assert ended.stderr == f"The file {file} cannot be used: file is not a database.\n"


def test_a_taken_port_is_refused_with_one_line(tmp_path: Path) -> None:
    port = free_port()
    server = Server(tables_command(port, tmp_path / "tables.db"), "server.ready")
    ended = _run({"DARKROOM_TABLES_FILE": str(tmp_path / "other.db"), "DARKROOM_LISTEN_PORT": str(port)})
    assert ended.returncode == 3
    assert ended.stderr.startswith(f"The tables server cannot listen on 127.0.0.1:{port}: Address already in use")
    assert ended.stderr.count("\n") == 1
    server.stop()


def test_a_stopped_server_leaves_one_complete_file(tmp_path: Path) -> None:
    port = free_port()
    server = Server(tables_command(port, tmp_path / "tables.db"), "server.ready")
    place = Place(connect(f"http://127.0.0.1:{port}"), "photos")
    place.client.create_table(**photos("photos"))
    place.put({"account": "anna", "number": 1})
    place.client.close()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(10) == 0
    server.stop()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tables.db", "tables.db.lock"]
    connection = sqlite3.connect(tmp_path / "tables.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def _run(settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DARKROOM_")}
    environment |= {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    return subprocess.run(
        [sys.executable, "-m", "local.tables"],
        env={**environment, **settings}, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
