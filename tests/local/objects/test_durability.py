"""Acknowledged writes survive `kill -9`; unacknowledged ones leave nothing, neither visible nor on disk."""

import http.client
import secrets
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.local.objects.stores import ACCESS_KEY_ID, MEBIBYTE, SECRET_ACCESS_KEY, Store
from tests.servers import Server, free_port, objects_command, running

PART = 5 * MEBIBYTE


@contextmanager
def serving(folder: Path) -> Iterator[tuple[Any, Server]]:
    port = free_port()
    with running(objects_command(port, folder, ACCESS_KEY_ID, SECRET_ACCESS_KEY), "server.ready") as server:
        client = Store(f"http://127.0.0.1:{port}").client()
        yield client, server
        client.close()


def kill(server: Server) -> None:
    """The command's `env` has replaced itself by the server, so its process id is the server's."""
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()


def files_on_disk(folder: Path) -> int:
    return sum(1 for kind in ("incoming", "files") for path in (folder / kind).rglob("*") if path.is_file())


def half_sent(client: Any, operation: str, named: dict[str, Any]) -> http.client.HTTPConnection:
    """Return a connection on which half of the declared body of a PUT has been sent."""
    url = urlsplit(client.generate_presigned_url(operation, named))
    connection = http.client.HTTPConnection(url.netloc, timeout=60)
    connection.putrequest("PUT", f"{url.path}?{url.query}")
    connection.putheader("Content-Length", str(4 * MEBIBYTE))
    connection.endheaders()
    connection.send(bytes(2 * MEBIBYTE))
    return connection


def await_arrival(folder: Path, size: int) -> None:
    """Wait until this many bytes of a body are on disk."""
    waiting = threading.Event()
    while not any(path.stat().st_size >= size for path in (folder / "incoming").iterdir()):
        waiting.wait(0.01)


def test_acknowledged_writes_survive_a_kill_at_any_moment(tmp_path: Path) -> None:
    acknowledged: dict[str, bytes] = {}
    deleted: set[str] = set()
    for _ in range(3):
        with serving(tmp_path) as (client, server):
            client.create_bucket(Bucket="bucket")
            killer = threading.Timer(secrets.randbelow(300) / 1000, kill, [server])
            killer.start()
            try:
                while True:
                    key, body = secrets.token_hex(4), secrets.token_bytes(secrets.randbelow(200_000))
                    client.put_object(Bucket="bucket", Key=key, Body=body)
                    acknowledged[key] = body
                    if len(acknowledged) % 5 == 0:
                        gone = next(iter(acknowledged))
                        del acknowledged[gone]  # until the delete is acknowledged, the object may exist or not
                        client.delete_object(Bucket="bucket", Key=gone)
                        deleted.add(gone)
            except BotoCoreError:
                pass  # the server was killed, as intended
            killer.join()
    with serving(tmp_path) as (client, _):
        for key, body in acknowledged.items():
            assert client.get_object(Bucket="bucket", Key=key)["Body"].read() == body
        listed = {entry["Key"] for page in list_pages(client) for entry in page.get("Contents", ())}
        assert acknowledged.keys() <= listed
        assert not deleted & listed
        assert files_on_disk(tmp_path) == len(listed)


def list_pages(client: Any) -> Any:
    return client.get_paginator("list_objects_v2").paginate(Bucket="bucket")


def test_a_body_interrupted_by_a_kill_leaves_nothing(tmp_path: Path) -> None:
    with serving(tmp_path) as (client, server):
        client.create_bucket(Bucket="bucket")
        connection = half_sent(client, "put_object", {"Bucket": "bucket", "Key": "half"})
        await_arrival(tmp_path, MEBIBYTE)
        kill(server)
        connection.close()
    assert files_on_disk(tmp_path) == 1
    with serving(tmp_path) as (client, _):
        assert "Contents" not in client.list_objects_v2(Bucket="bucket")
        assert files_on_disk(tmp_path) == 0


def test_a_body_interrupted_by_its_client_leaves_nothing(tmp_path: Path) -> None:
    with serving(tmp_path) as (client, _):
        client.create_bucket(Bucket="bucket")
        connection = half_sent(client, "put_object", {"Bucket": "bucket", "Key": "half"})
        await_arrival(tmp_path, MEBIBYTE)
        connection.close()
        waiting = threading.Event()
        while files_on_disk(tmp_path):
            waiting.wait(0.01)
        assert "Contents" not in client.list_objects_v2(Bucket="bucket")


def test_a_multipart_upload_continues_after_a_kill(tmp_path: Path) -> None:
    named = {"Bucket": "bucket", "Key": "movie"}
    with serving(tmp_path) as (client, server):
        client.create_bucket(Bucket="bucket")
        named["UploadId"] = client.create_multipart_upload(**named)["UploadId"]
        client.upload_part(**named, PartNumber=1, Body=b"1" * PART)
        connection = half_sent(client, "upload_part", {**named, "PartNumber": 2})
        await_arrival(tmp_path, MEBIBYTE)
        kill(server)
        connection.close()
    with serving(tmp_path) as (client, server):
        (part,) = client.list_parts(**named)["Parts"]
        last = client.upload_part(**named, PartNumber=2, Body=b"2")
        parts = [{"PartNumber": n, "ETag": tag} for n, tag in ((1, part["ETag"]), (2, last["ETag"]))]
        completed = client.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
        kill(server)
    with serving(tmp_path) as (client, _):
        assert client.get_object(Bucket="bucket", Key="movie")["Body"].read() == b"1" * PART + b"2"
        again = client.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
        assert again["ETag"] == completed["ETag"]
        client.delete_object(Bucket="bucket", Key="movie")
        assert files_on_disk(tmp_path) == 0


def test_a_piece_with_an_interrupted_move_is_moved_at_the_next_start(tmp_path: Path) -> None:
    with serving(tmp_path) as (client, server):
        client.create_bucket(Bucket="bucket")
        client.put_object(Bucket="bucket", Key="a", Body=b"moved")
        kill(server)
    (place,) = [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
    place.rename(tmp_path / "incoming" / place.name)  # the state between the row's commit and the move
    with serving(tmp_path) as (client, _):
        assert client.get_object(Bucket="bucket", Key="a")["Body"].read() == b"moved"
        assert place.exists()


def test_a_folder_is_served_by_one_process_only(tmp_path: Path) -> None:
    command = objects_command(free_port(), tmp_path, ACCESS_KEY_ID, SECRET_ACCESS_KEY)
    with serving(tmp_path):
        second = subprocess.run([*command], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 - ours
    assert (second.returncode, second.stderr) == (3, f"Another server uses the folder {tmp_path}.\n")


def test_a_graceful_stop_completes_requests_in_progress(tmp_path: Path) -> None:
    with serving(tmp_path) as (client, server):
        client.create_bucket(Bucket="bucket")
        connection = half_sent(client, "put_object", {"Bucket": "bucket", "Key": "whole"})
        await_arrival(tmp_path, MEBIBYTE)
        server.process.send_signal(signal.SIGTERM)
        connection.send(bytes(2 * MEBIBYTE))
        assert connection.getresponse().status == 200
        connection.close()
        assert server.process.wait(10) == 0
    with serving(tmp_path) as (client, _):
        assert client.head_object(Bucket="bucket", Key="whole")["ContentLength"] == 4 * MEBIBYTE


def test_a_damaged_file_ends_the_response_early(tmp_path: Path) -> None:
    with serving(tmp_path) as (client, _):
        client.create_bucket(Bucket="bucket")
        client.put_object(Bucket="bucket", Key="a", Body=bytes(MEBIBYTE))
        (place,) = [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
        place.write_bytes(bytes(1000))
        with pytest.raises((BotoCoreError, ClientError)):
            client.get_object(Bucket="bucket", Key="a")["Body"].read()
        client.put_object(Bucket="bucket", Key="b", Body=b"the server lives on")
