"""A full disk gives a clear error: a failed write leaves nothing, and reads, deletes and smaller writes still work."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.objects.storage import open_storage
from tests.local.objects.stores import ACCESS_KEY_ID, MEBIBYTE, SECRET_ACCESS_KEY, Store, code_of
from tests.servers import free_port, objects_command, running

MAX_FILE_BYTES = 3 * MEBIBYTE


@contextmanager
def serving(folder: Path, *before: str) -> Iterator[Any]:
    """Yield a client of a server that the command `before` runs under limits or other settings."""
    port = free_port()
    command = objects_command(port, folder, ACCESS_KEY_ID, SECRET_ACCESS_KEY)
    with running([*before, *command], "server.ready"):
        client = Store(f"http://127.0.0.1:{port}").client()
        yield client
        client.close()


def files_on_disk(folder: Path) -> int:
    return sum(1 for kind in ("incoming", "files") for path in (folder / kind).rglob("*") if path.is_file())


def test_a_write_that_fails_on_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, "prlimit", f"--fsize={MAX_FILE_BYTES}") as client:
        client.create_bucket(Bucket="bucket")
        client.put_object(Bucket="bucket", Key="before", Body=b"x" * MEBIBYTE)
        with pytest.raises(ClientError) as error:
            client.put_object(Bucket="bucket", Key="big", Body=bytes(8 * MEBIBYTE))
        assert code_of(error) == "InsufficientStorage"
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 507
        assert files_on_disk(tmp_path) == 1
        assert [entry["Key"] for entry in client.list_objects_v2(Bucket="bucket")["Contents"]] == ["before"]
        client.put_object(Bucket="bucket", Key="after", Body=b"x" * MEBIBYTE)
        client.delete_object(Bucket="bucket", Key="before")
        assert files_on_disk(tmp_path) == 1


def test_a_part_that_fails_on_a_full_disk_can_be_sent_again(tmp_path: Path) -> None:
    named = {"Bucket": "bucket", "Key": "movie"}
    with serving(tmp_path, "prlimit", f"--fsize={MAX_FILE_BYTES}") as client:
        client.create_bucket(Bucket="bucket")
        named["UploadId"] = client.create_multipart_upload(**named)["UploadId"]
        with pytest.raises(ClientError) as error:
            client.upload_part(**named, PartNumber=1, Body=bytes(5 * MEBIBYTE))
        assert code_of(error) == "InsufficientStorage"
        assert "Parts" not in client.list_parts(**named)
    with serving(tmp_path) as client:
        client.upload_part(**named, PartNumber=1, Body=bytes(5 * MEBIBYTE))


def test_the_last_free_space_is_reserved_for_deletes_and_other_programs(tmp_path: Path) -> None:
    status = os.statvfs(tmp_path)
    spare = status.f_bavail * status.f_frsize + 1024 * MEBIBYTE
    with serving(tmp_path) as client:
        client.create_bucket(Bucket="bucket")
        client.put_object(Bucket="bucket", Key="a", Body=b"x")
    with serving(tmp_path, "env", f"DARKROOM_OBJECTS_SPARE_BYTES={spare}") as client:
        with pytest.raises(ClientError) as error:
            client.put_object(Bucket="bucket", Key="b", Body=b"x")
        assert code_of(error) == "InsufficientStorage"
        assert client.get_object(Bucket="bucket", Key="a")["Body"].read() == b"x"
        client.delete_object(Bucket="bucket", Key="a")
        assert files_on_disk(tmp_path) == 0


async def test_a_delete_on_a_full_disk_uses_the_reserve(tmp_path: Path) -> None:
    async with open_storage(tmp_path, spare_bytes=0) as storage:
        assert (tmp_path / "ballast").stat().st_size > MEBIBYTE

        def remove(connection: sqlite3.Connection) -> list[str]:
            """Need more pages than SQLite may use until the reserve is released."""
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            held = (tmp_path / "ballast").exists()
            connection.execute(f"PRAGMA max_page_count = {pages if held else 10_000}")
            connection.executemany("INSERT INTO leftovers (file) VALUES (?)", [(f"{n:032}",) for n in range(1_000)])
            return []

        await storage.remove(remove)
        assert not (tmp_path / "ballast").exists()
    async with open_storage(tmp_path, spare_bytes=0):
        assert (tmp_path / "ballast").exists()
