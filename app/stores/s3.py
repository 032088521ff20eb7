"""S3: presigned requests for clients, and whole files up and down for workers."""

import asyncio
import base64
import errno
import hashlib
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from botocore.exceptions import ClientError

from app.stores.amazon import error_code, translated
from shared.uploads import SINGLE_PUT_BYTES, part_bytes, part_count, part_size_bytes, parts_digest, whole_digest

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client

CHUNK_BYTES = 1024 * 1024
READ_SECONDS = 5.0
"""For a small object as a whole."""
TRANSFER_READ_SECONDS = 30.0
"""Between two bytes of a transfer."""
TRANSFER_SECONDS = 3600.0
"""Above this a transfer counts as hung; the claim's heartbeat watches the work as a whole."""
DELETE_KEYS = 1_000
"""S3's limit for one DeleteObjects."""
ABSENT = frozenset({"404", "NoSuchKey", "NoSuchUpload", "NotFound"})


class Absent(Exception):
    """There is no such object or upload."""


class PartsRefused(Exception):
    """S3 could not join the parts: one is missing, too small, or another than named."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    size_bytes: int
    digest: str | None
    """`sha256:<hex>`, of a multipart `sha256-parts:<hex>-<n>`; None when S3 knows no SHA-256 of it."""


@dataclass(frozen=True, slots=True)
class UploadedPart:
    number: int
    size_bytes: int
    etag: str
    sha256_hex: str


@dataclass(frozen=True, slots=True)
class ListedObject:
    key: str
    size_bytes: int


def attachment(name: str) -> str:
    """A Content-Disposition that saves under `name` (RFC 6266)."""
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"


def _base64(sha256_hex: str) -> str:
    return base64.b64encode(bytes.fromhex(sha256_hex)).decode()


def _digest(checksum: str | None) -> str | None:
    """S3 says Base64, and appends the number of parts to a composite checksum."""
    if checksum is None:
        return None
    encoded, dash, count = checksum.partition("-")
    sha256_hex = base64.b64decode(encoded).hex()
    return f"sha256-parts:{sha256_hex}-{count}" if dash else f"sha256:{sha256_hex}"


class ObjectStore:
    """One bucket. `public` is a client whose endpoint is the one that browsers reach; it only signs.

    Raises `Unavailable` whenever S3 can't be reached or asks us to slow down.
    """

    def __init__(self, client: "S3Client", public: "S3Client", bucket: str) -> None:
        self._client, self._public, self._bucket = client, public, bucket

    async def presign_put(
        self, key: str, *, size_bytes: int, sha256_hex: str, name: str, valid_seconds: int
    ) -> tuple[str, dict[str, str]]:
        """The URL and exactly the headers that its signature covers. The length is the body's own header."""
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Disposition": attachment(name),
            "x-amz-checksum-sha256": _base64(sha256_hex),
        }
        url = await self._public.generate_presigned_url(
            "put_object",
            Params={
                "Bucket": self._bucket,
                "Key": key,
                "ContentLength": size_bytes,
                "ContentType": headers["Content-Type"],
                "ContentDisposition": headers["Content-Disposition"],
                "ChecksumSHA256": headers["x-amz-checksum-sha256"],
            },
            ExpiresIn=valid_seconds,
        )
        return url, headers

    async def presign_part(
        self, key: str, upload_id: str, number: int, *, size_bytes: int, sha256_hex: str, valid_seconds: int
    ) -> tuple[str, dict[str, str]]:
        headers = {"x-amz-checksum-sha256": _base64(sha256_hex)}
        url = await self._public.generate_presigned_url(
            "upload_part",
            Params={
                "Bucket": self._bucket,
                "Key": key,
                "UploadId": upload_id,
                "PartNumber": number,
                "ContentLength": size_bytes,
                "ChecksumSHA256": headers["x-amz-checksum-sha256"],
            },
            ExpiresIn=valid_seconds,
        )
        return url, headers

    async def head(self, key: str) -> StoredObject | None:
        try:
            with translated("S3"):
                answer = await self._client.head_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED")
        except ClientError as error:
            if error_code(error) in ABSENT:
                return None
            raise
        return StoredObject(answer["ContentLength"], _digest(answer.get("ChecksumSHA256")))

    async def start_multipart(self, key: str, *, name: str) -> str:
        """The new upload's id."""
        with translated("S3"):
            answer = await self._client.create_multipart_upload(
                Bucket=self._bucket,
                Key=key,
                ContentType="application/octet-stream",
                ContentDisposition=attachment(name),
                ChecksumAlgorithm="SHA256",
            )
        return answer["UploadId"]

    async def list_parts(self, key: str, upload_id: str) -> list[UploadedPart]:
        """Raises Absent when there is no such upload (any more)."""
        parts: list[UploadedPart] = []
        marker: dict[str, Any] = {}
        while True:
            try:
                with translated("S3"):
                    answer: Any = await self._client.list_parts(
                        Bucket=self._bucket, Key=key, UploadId=upload_id, **marker
                    )
            except ClientError as error:
                if error_code(error) in ABSENT:
                    raise Absent from error
                raise
            for part in answer.get("Parts", []):
                digest = base64.b64decode(part.get("ChecksumSHA256", "")).hex()
                parts.append(UploadedPart(part["PartNumber"], part["Size"], part["ETag"], digest))
            if not answer.get("IsTruncated"):
                return parts
            marker = {"PartNumberMarker": answer["NextPartNumberMarker"]}

    async def finish_multipart(self, key: str, upload_id: str, parts: Sequence[UploadedPart]) -> None:
        """Raises Absent when there is no such upload (any more), PartsRefused when S3 can't join these parts."""
        named: Any = [
            {"PartNumber": part.number, "ETag": part.etag, "ChecksumSHA256": _base64(part.sha256_hex)} for part in parts
        ]
        try:
            with translated("S3"):
                await self._client.complete_multipart_upload(
                    Bucket=self._bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": named}
                )
        except ClientError as error:
            if error_code(error) in ABSENT:
                raise Absent from error
            if error_code(error) in {"InvalidPart", "InvalidPartOrder", "EntityTooSmall"}:
                raise PartsRefused(error_code(error)) from error
            raise

    async def abort_multiparts(self, key: str) -> None:
        """Ends every upload to this key; what is already gone is no error."""
        with translated("S3"):
            answer = await self._client.list_multipart_uploads(Bucket=self._bucket, Prefix=key)
        for upload in answer.get("Uploads", []):
            if upload["Key"] == key:
                await self.abort_multipart(key, upload["UploadId"])

    async def abort_multipart(self, key: str, upload_id: str) -> None:
        """What is already gone is no error."""
        try:
            with translated("S3"):
                await self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload_id)
        except ClientError as error:
            if error_code(error) not in ABSENT:
                raise

    async def list_objects(self, prefix: str) -> AsyncIterator[ListedObject]:
        token: dict[str, Any] = {}
        while True:
            with translated("S3"):
                answer: Any = await self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, **token)
            for found in answer.get("Contents", []):
                yield ListedObject(found["Key"], found["Size"])
            if not answer.get("IsTruncated"):
                return
            token = {"ContinuationToken": answer["NextContinuationToken"]}

    async def list_multipart_keys(self, prefix: str) -> list[str]:
        """The keys that have an upload in flight (the first thousand)."""
        with translated("S3"):
            answer = await self._client.list_multipart_uploads(Bucket=self._bucket, Prefix=prefix)
        return [upload["Key"] for upload in answer.get("Uploads", [])]

    async def delete(self, keys: Sequence[str]) -> None:
        """Absent keys are no error."""
        for start in range(0, len(keys), DELETE_KEYS):
            batch: Any = [{"Key": key} for key in keys[start : start + DELETE_KEYS]]
            with translated("S3"):
                await self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": batch, "Quiet": True})

    async def download(self, key: str, target: Path) -> int:
        """Streams the object into `target`; returns its size. Raises Absent."""
        try:
            with translated("S3"):
                async with asyncio.timeout(TRANSFER_SECONDS):
                    answer = await self._client.get_object(Bucket=self._bucket, Key=key)
                    return await _stream_to_file(answer["Body"], target)
        except ClientError as error:
            if error_code(error) in ABSENT:
                raise Absent from error
            raise

    async def stream(self, key: str, offset: int = 0) -> AsyncIterator[bytes]:
        """The object's bytes from `offset` on, a piece at a time. Raises Absent; Unavailable also in the middle."""
        try:
            with translated("S3"):
                answer = await self._client.get_object(Bucket=self._bucket, Key=key, Range=f"bytes={offset}-")
                async for chunk in answer["Body"].iter_chunks(CHUNK_BYTES):
                    yield chunk
        except ClientError as error:
            if error_code(error) in ABSENT:
                raise Absent from error
            raise

    async def read(self, key: str) -> bytes:
        """The whole of a small object. Raises Absent."""
        try:
            with translated("S3"):
                async with asyncio.timeout(READ_SECONDS):
                    answer = await self._client.get_object(Bucket=self._bucket, Key=key)
                    async with answer["Body"] as body:
                        content: bytes = await body.read()
                        return content
        except ClientError as error:
            if error_code(error) in ABSENT:
                raise Absent from error
            raise

    async def upload(
        self, key: str, source: Path, *, size_bytes: int, content_type: str, sha256_hex: str, cache_control: str
    ) -> str:
        """Writes the whole file under a key that nobody wrote before; the second time it writes the same bytes.

        A large one goes in parts, so that no more than one part of it is in memory. Returns S3's digest of it.
        """
        about = {"content_type": content_type, "cache_control": cache_control}
        if size_bytes > SINGLE_PUT_BYTES:
            return await self._upload_parts(key, source, size_bytes, **about)
        body = await asyncio.to_thread(_read_part, source, 0, size_bytes)
        await self.write(key, body, sha256_hex=sha256_hex, **about)
        return whole_digest(sha256_hex)

    async def upload_made(self, key: str, source: Path, *, content_type: str, cache_control: str) -> int:
        """As `upload`, of a file of some megabytes that nobody has counted yet; returns its size."""
        body = await asyncio.to_thread(_read_part, source, 0, -1)
        sha256_hex = await asyncio.to_thread(_sha256_hex, body)
        await self.write(key, body, content_type=content_type, sha256_hex=sha256_hex, cache_control=cache_control)
        return len(body)

    async def _upload_parts(
        self, key: str, source: Path, size_bytes: int, *, content_type: str, cache_control: str
    ) -> str:
        with translated("S3"):
            answer = await self._client.create_multipart_upload(
                Bucket=self._bucket,
                Key=key,
                ContentType=content_type,
                CacheControl=cache_control,
                ChecksumAlgorithm="SHA256",
            )
        upload_id, parts = answer["UploadId"], []
        try:
            for number in range(1, part_count(size_bytes) + 1):
                offset = (number - 1) * part_size_bytes(size_bytes)
                body = await asyncio.to_thread(_read_part, source, offset, part_bytes(size_bytes, number))
                parts.append(await self.upload_part(key, upload_id, number, body))
            await self.finish_multipart(key, upload_id, parts)
        except BaseException:
            await asyncio.shield(self.abort_multipart(key, upload_id))
            raise
        return parts_digest([part.sha256_hex for part in parts])

    async def upload_part(self, key: str, upload_id: str, number: int, body: bytes) -> UploadedPart:
        sha256_hex = await asyncio.to_thread(_sha256_hex, body)
        with translated("S3"):
            async with asyncio.timeout(TRANSFER_SECONDS):
                answer = await self._client.upload_part(
                    Bucket=self._bucket,
                    Key=key,
                    UploadId=upload_id,
                    PartNumber=number,
                    Body=body,
                    ChecksumSHA256=_base64(sha256_hex),
                )
        return UploadedPart(number, len(body), answer["ETag"], sha256_hex)

    async def write(self, key: str, body: bytes, *, content_type: str, sha256_hex: str, cache_control: str) -> None:
        with translated("S3"):
            async with asyncio.timeout(TRANSFER_SECONDS):
                await self._client.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=body,
                    ContentType=content_type,
                    CacheControl=cache_control,
                    ChecksumSHA256=_base64(sha256_hex),
                )


def _read_part(source: Path, offset: int, size_bytes: int) -> bytes:
    """Of the file itself: a decoder that was taken over could have left a link to another one in its place."""
    with open(os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123  a descriptor
        file.seek(offset)
        body = file.read(size_bytes)
    if len(body) < size_bytes:
        raise OSError(errno.EIO, "a file is shorter than it was")
    return body


def _sha256_hex(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


async def _stream_to_file(body: Any, target: Path) -> int:
    size = 0
    file = await asyncio.to_thread(target.open, "wb")
    try:
        async for chunk in body.iter_chunks(CHUNK_BYTES):
            await asyncio.to_thread(file.write, chunk)
            size += len(chunk)
    finally:
        await asyncio.to_thread(file.close)
    return size
