"""Measure how much the object store's memory grows while four uploads and four downloads of 1 GB run concurrently."""

import http.client
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config

from bench.scale import scaled

FIGURES = ("objects_rss_mb",)

STREAMS = 4
OBJECT_BYTES = scaled(1_000_000_000)
BLOCK = os.urandom(1024 * 1024)
PORT = 19_511
CREDENTIAL = {"AWS_ACCESS_KEY_ID": "AKIDBENCHMARK", "AWS_SECRET_ACCESS_KEY": "benchmark-secret"}
RESET_PEAK = "5"
"""Resets VmHWM when written to /proc/<pid>/clear_refs (proc(5))."""


@contextmanager
def object_store(folder: Path) -> Iterator[int]:
    """Run a server over an empty folder and yield its process id."""
    environment = os.environ | CREDENTIAL | {"DARKROOM_LISTEN_PORT": str(PORT), "DARKROOM_OBJECTS_FOLDER": str(folder)}
    command = [sys.executable, "-m", "local.objects"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own server
        assert process.stderr is not None
        assert "server.ready" in process.stderr.readline()
        try:
            yield process.pid
        finally:
            process.terminate()


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="objects-rss-"))
    try:
        with object_store(folder) as server, ThreadPoolExecutor(2 * STREAMS) as threads:
            client = _client()
            client.create_bucket(Bucket="bench")
            _run(threads, client, "warm", size=8 * len(BLOCK))
            before = _memory_mb(server, "VmRSS")
            Path(f"/proc/{server}/clear_refs").write_text(RESET_PEAK)
            _run(threads, client, "measured", size=OBJECT_BYTES)
            print(f"resident memory before: {before:.1f} MB, at its peak: {_memory_mb(server, 'VmHWM'):.1f} MB")
            print(f"figure objects_rss_mb {_memory_mb(server, 'VmHWM') - before:.1f}")
    finally:
        shutil.rmtree(folder)


def _run(threads: ThreadPoolExecutor, client: Any, name: str, size: int) -> None:
    """Run uploads, then as many other uploads while the first objects are downloaded."""
    first = [_signed(client, f"{name}/first/{number}") for number in range(STREAMS)]
    second = [_signed(client, f"{name}/second/{number}") for number in range(STREAMS)]
    for _ in threads.map(lambda urls: _upload(urls[0], size), first):
        pass
    downloads = [threads.submit(_download, urls[1], size) for urls in first]
    uploads = [threads.submit(_upload, urls[0], size) for urls in second]
    for stream in downloads + uploads:
        stream.result()


def _client() -> Any:
    return botocore.session.Session().create_client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{PORT}",
        region_name="us-east-1",
        aws_access_key_id=CREDENTIAL["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIAL["AWS_SECRET_ACCESS_KEY"],
        config=Config(signature_version="s3v4", connect_timeout=5, read_timeout=60),
    )


def _signed(client: Any, key: str) -> tuple[str, str]:
    """Return presigned URLs to put and to get the object."""
    named = {"Bucket": "bench", "Key": key}
    return client.generate_presigned_url("put_object", named), client.generate_presigned_url("get_object", named)


def _upload(url: str, size: int) -> None:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    connection.putrequest("PUT", f"{parts.path}?{parts.query}")
    connection.putheader("Content-Length", str(size))
    connection.endheaders()
    block = memoryview(BLOCK)
    for start in range(0, size, len(block)):
        connection.send(block[: size - start])
    response = connection.getresponse()
    assert response.status == 200, response.read()
    connection.close()


def _download(url: str, size: int) -> None:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    connection.request("GET", f"{parts.path}?{parts.query}")
    response = connection.getresponse()
    buffer = bytearray(len(BLOCK))
    received = 0
    while count := response.readinto(buffer):
        received += count
    assert received == size, received
    connection.close()


def _memory_mb(process: int, field: str) -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


if __name__ == "__main__":
    main()
