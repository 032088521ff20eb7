"""Uploads of files to S3: small ones in one request, large ones in parts, symbolic links never."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.stores import s3
from app.stores.aws_errors import AwsErrors
from app.stores.s3 import ObjectStore
from app.stores.s3_parts import ABORT_SECONDS, Absent, UploadRemoved
from darkroom_shared.ids import new_ulid
from darkroom_shared.problems import Unavailable
from darkroom_shared.uploads import SINGLE_PUT_BYTES, parts_digest
from tests.services import BUCKET, Services
from tests.stores.expiring_uploads import ExpiringUploads

LARGE = SINGLE_PUT_BYTES + 5


@pytest.fixture
async def objects(services: Services) -> ObjectStore:
    return services.base.amazon.objects


@pytest.fixture
def key() -> str:
    return f"renditions/acc_{new_ulid()}/itm_{new_ulid()}/recipe/1/video.mp4"


async def upload(objects: ObjectStore, key: str, source: Path, size_bytes: int, digest: str = "0" * 64) -> str:
    return await objects.upload(
        key, source, size_bytes=size_bytes, content_type="video/mp4", sha256_hex=digest, cache_control="private"
    )


@pytest.mark.parametrize("size_bytes", [1, 1000, LARGE])
async def test_a_file_is_uploaded_whole_with_the_digest_of_s3(
    objects: ObjectStore, key: str, tmp_path: Path, size_bytes: int
) -> None:
    content = os.urandom(size_bytes)
    source, copy = tmp_path / "source", tmp_path / "copy"
    source.write_bytes(content)
    digest = await upload(objects, key, source, size_bytes, sha256(content).hexdigest())
    stored = await objects.head(key)
    assert stored is not None
    assert (stored.size_bytes, stored.digest) == (size_bytes, digest)
    if size_bytes == LARGE:
        parts = [content[:SINGLE_PUT_BYTES], content[SINGLE_PUT_BYTES:]]
        assert digest == parts_digest([sha256(part).hexdigest() for part in parts])
    await objects.download(key, copy)
    assert copy.read_bytes() == content


async def test_a_failed_upload_of_a_large_file_leaves_no_parts(objects: ObjectStore, key: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x" * SINGLE_PUT_BYTES)
    with pytest.raises(OSError, match="shorter"):
        await upload(objects, key, source, LARGE)
    assert await objects.list_multipart_keys(key) == []
    assert await objects.head(key) is None


async def test_an_own_upload_that_s3_has_removed_is_unavailable_and_not_absent(
    objects: ObjectStore, key: str, tmp_path: Path
) -> None:
    """Absent would mean that the original is missing."""
    source, errors = tmp_path / "source", AwsErrors()
    source.write_bytes(b"x" * LARGE)
    expiring: Any = ExpiringUploads(objects._client)
    store = ObjectStore(expiring, objects._public, BUCKET, errors)
    with pytest.raises(UploadRemoved):
        await upload(store, key, source, LARGE)
    assert not errors.counts(), "the overview would state that S3 is not set up"
    await upload(store, key, source, LARGE)
    assert await objects.head(key)


class StuckUploads:
    """A client of S3 that never responds to the second part; the upload cannot be aborted."""

    def __init__(self, client: Any, abort: Callable[[], Awaitable[None]]) -> None:
        self._client, self._abort = client, abort
        self.stuck = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def upload_part(self, **named: Any) -> Any:
        if named["PartNumber"] == 2:
            self.stuck.set()
            await asyncio.Event().wait()
        return await self._client.upload_part(**named)

    async def abort_multipart_upload(self, **_: Any) -> None:
        await self._abort()


async def never_respond() -> None:
    await asyncio.Event().wait()


async def refuse() -> None:
    raise ConnectionError


async def break_down() -> None:
    raise KeyError


@pytest.mark.parametrize("abort", [never_respond, refuse, break_down])
async def test_a_cancelled_upload_ends_as_cancelled_soon_although_it_cannot_be_aborted(
    objects: ObjectStore, key: str, tmp_path: Path, abort: Callable[[], Awaitable[None]]
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x" * LARGE)
    client: Any = StuckUploads(objects._client, abort)
    uploading = asyncio.create_task(upload(ObjectStore(client, objects._public, BUCKET), key, source, LARGE))
    await client.stuck.wait()
    uploading.cancel()
    with capture_logs() as entries:
        done, _ = await asyncio.wait({uploading}, timeout=ABORT_SECONDS * 3)
    assert done
    assert uploading.cancelled()
    assert [entry["event"] for entry in entries] == ["upload.not_aborted"]
    await objects.abort_multiparts(key)


async def test_a_symbolic_link_left_by_a_decoder_is_not_opened(objects: ObjectStore, key: str, tmp_path: Path) -> None:
    secret, link = tmp_path / "secret", tmp_path / "video.mp4"
    secret.write_bytes(b"secret")
    link.symlink_to(secret)
    with pytest.raises(OSError, match="symbolic links"):
        await upload(objects, key, link, 6, sha256(b"secret").hexdigest())
    with pytest.raises(OSError, match="symbolic links"):
        await objects.upload_small_file(key, link, content_type="video/mp4", cache_control="private")
    assert await objects.head(key) is None


async def test_an_interrupted_deletion_of_many_objects_has_deleted_some(
    objects: ObjectStore, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "DELETE_KEYS", 2)
    file = tmp_path / "file"
    file.write_bytes(b"content")
    stored = [f"{key}/{number}" for number in range(5)]
    for each in stored:
        await objects.upload_small_file(each, file, content_type="image/webp", cache_control="private")

    async def keys(count: int) -> AsyncIterator[str]:
        for each in stored[:count]:
            yield each
        if count < len(stored):
            raise Unavailable

    with pytest.raises(Unavailable):
        await objects.delete_each(keys(3))
    assert [each.key async for each in objects.list_objects(key)] == stored[2:]
    await objects.delete_each(keys(5))
    assert [each.key async for each in objects.list_objects(key)] == []


async def test_reading_an_absent_object_raises_absent(objects: ObjectStore, key: str) -> None:
    with pytest.raises(Absent):
        await objects.read(key)
