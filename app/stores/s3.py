"""S3: presigned requests for clients, uploads and downloads of whole files for workers."""

import asyncio
import base64
import errno
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from app.stores.aws_errors import Outcomes
from app.stores.s3_parts import (
    ABSENT,
    TRANSFER_SECONDS,
    Absent,
    PartUploads,
    attachment,
    base64_of,
    sha256_of,
)
from darkroom_shared.uploads import (
    SINGLE_PUT_BYTES,
    part_bytes,
    part_count,
    part_size_bytes,
    parts_digest,
    whole_digest,
)

CHUNK_BYTES = 1024 * 1024
READ_SECONDS = 5.0
"""Time limit for a small object as a whole."""
TRANSFER_READ_SECONDS = 30.0
"""Maximum time between two bytes of a transfer."""
CREDENTIALS_MARGIN = timedelta(minutes=1)
"""S3's clock and ours may differ."""
DELETE_KEYS = 1_000
"""S3's limit for one DeleteObjects."""


_NO_RULES: Outcomes = {"NoSuchLifecycleConfiguration": lambda _error: Absent()}


@dataclass(frozen=True, slots=True)
class StoredObject:
    size_bytes: int
    digest: str | None
    """`sha256:<hex>`, of a multipart upload `sha256-parts:<hex>-<n>`; None if S3 has no SHA-256 of it."""


@dataclass(frozen=True, slots=True)
class ListedObject:
    """An object as the list returns it, without its digest."""

    key: str
    size_bytes: int


def _digest(checksum: str | None) -> str | None:
    """Convert S3's checksum: Base64, with the number of parts appended if it is composite."""
    if checksum is None:
        return None
    encoded, dash, count = checksum.partition("-")
    sha256_hex = base64.b64decode(encoded).hex()
    return f"sha256-parts:{sha256_hex}-{count}" if dash else f"sha256:{sha256_hex}"


class ObjectStore(PartUploads):
    """Client of one bucket. `public` is a client with the endpoint that browsers use; it only signs.

    Raises `Unavailable` for failures that may pass, `CallRejected` for a call that S3 rejects.
    """

    async def presign_put(
        self, key: str, *, size_bytes: int, sha256_hex: str, name: str, valid_seconds: int
    ) -> tuple[str, dict[str, str]]:
        """Return the URL and exactly the headers that its signature covers, except Content-Length, which the body
        sets."""
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Disposition": attachment(name),
            "x-amz-checksum-sha256": base64_of(sha256_hex),
        }
        with self._translated():
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

    def valid_until(self, until: datetime) -> datetime:
        """Return when URLs presigned a moment ago for `until` end: a role's credentials may end them earlier."""
        credentials_end = self._credentials_end()
        return until if credentials_end is None else min(until, credentials_end - CREDENTIALS_MARGIN)

    async def head(self, key: str) -> StoredObject | None:
        """Return size and digest, or None if the object is absent.

        Returns None for an absent bucket, too: a response to HEAD has no body, and both are 404.
        """
        try:
            with self._translated(ABSENT):
                response = await self._client.head_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED")
        except Absent:
            return None
        return StoredObject(response["ContentLength"], _digest(response.get("ChecksumSHA256")))

    async def list_objects(self, prefix: str) -> AsyncIterator[ListedObject]:
        """Yield all objects by key, page by page."""
        token: dict[str, Any] = {}
        while True:
            with self._translated():
                response: Any = await self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, **token)
            for entry in response.get("Contents", []):
                yield ListedObject(entry["Key"], entry["Size"])
            if not response.get("IsTruncated"):
                return
            token = {"ContinuationToken": response["NextContinuationToken"]}

    async def has_versions_without_expiry(self) -> bool:
        """Return whether deleted objects stay for ever: the bucket has versions, and no rule that expires old ones."""
        with self._translated():
            versioning: Any = await self._client.get_bucket_versioning(Bucket=self._bucket)
        if versioning.get("Status") is None:
            return False
        try:
            with self._translated(_NO_RULES):
                rules: Any = await self._client.get_bucket_lifecycle_configuration(Bucket=self._bucket)
        except Absent:
            return True
        return not any(_expires_versions(rule) for rule in rules["Rules"])

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete the objects; absent keys are not an error."""
        for start in range(0, len(keys), DELETE_KEYS):
            batch: Any = [{"Key": key} for key in keys[start : start + DELETE_KEYS]]
            with self._translated():
                response = await self._client.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": batch, "Quiet": True}
                )
                if errors := response.get("Errors"):  # per key, in a response of status 200
                    raise ClientError({"Error": {"Code": errors[0].get("Code", "")}}, "DeleteObjects")

    async def delete_each(self, keys: AsyncIterator[str]) -> None:
        """Delete the objects in batches while their keys arrive, so that an interrupted call has deleted some."""
        batch: list[str] = []
        async for key in keys:
            batch.append(key)
            if len(batch) == DELETE_KEYS:
                await self.delete(batch)
                batch = []
        await self.delete(batch)

    async def download(self, key: str, target: Path) -> int:
        """Stream the object into `target` and return its size. Raises Absent."""
        with self._translated(ABSENT, may_be_long=True):
            async with asyncio.timeout(TRANSFER_SECONDS):
                response = await self._client.get_object(Bucket=self._bucket, Key=key)
                async with response["Body"]:
                    return await _stream_to_file(response["Body"], target)

    async def stream(self, key: str, offset: int = 0) -> AsyncIterator[bytes]:
        """Yield the object's bytes from `offset` on in chunks. Raises Absent, and Unavailable, also in mid-stream."""
        with self._translated(ABSENT, may_be_long=True):
            response = await self._client.get_object(Bucket=self._bucket, Key=key, Range=f"bytes={offset}-")
            async with response["Body"]:
                async for chunk in response["Body"].iter_chunks(CHUNK_BYTES):
                    yield chunk

    async def read(self, key: str) -> bytes:
        """Return the whole of a small object. Raises Absent."""
        with self._translated(ABSENT):
            async with asyncio.timeout(READ_SECONDS):
                response = await self._client.get_object(Bucket=self._bucket, Key=key)
                async with response["Body"] as body:
                    content: bytes = await body.read()
                    return content

    async def upload(
        self, key: str, source: Path, *, size_bytes: int, content_type: str, sha256_hex: str, cache_control: str
    ) -> str:
        """Write the whole file under a new key and return S3's digest; a repetition writes the same bytes.

        A large file is sent in parts, so that at most one part is in memory.
        """
        headers = {"content_type": content_type, "cache_control": cache_control}
        if size_bytes > SINGLE_PUT_BYTES:
            return await self._upload_parts(key, source, size_bytes, **headers)
        body = await asyncio.to_thread(_read_part, source, 0, size_bytes)
        await self.write(key, body, sha256_hex=sha256_hex, **headers)
        return whole_digest(sha256_hex)

    async def upload_small_file(self, key: str, source: Path, *, content_type: str, cache_control: str) -> int:
        """Upload a file of a few megabytes whose size and digest are not known yet; return its size."""
        body = await asyncio.to_thread(_read_part, source, 0, -1)
        sha256_hex = await asyncio.to_thread(sha256_of, body)
        await self.write(key, body, content_type=content_type, sha256_hex=sha256_hex, cache_control=cache_control)
        return len(body)

    async def _upload_parts(
        self, key: str, source: Path, size_bytes: int, *, content_type: str, cache_control: str
    ) -> str:
        with self._translated():
            response = await self._client.create_multipart_upload(
                Bucket=self._bucket,
                Key=key,
                ContentType=content_type,
                CacheControl=cache_control,
                ChecksumAlgorithm="SHA256",
            )
        upload_id, parts = response["UploadId"], []
        try:
            for number in range(1, part_count(size_bytes) + 1):
                offset = (number - 1) * part_size_bytes(size_bytes)
                body = await asyncio.to_thread(_read_part, source, offset, part_bytes(size_bytes, number))
                parts.append(await self.upload_part(key, upload_id, number, body))
            await self.finish_own_multipart(key, upload_id, parts)
        except BaseException:
            await self.try_to_abort(key, upload_id)
            raise
        return parts_digest([part.sha256_hex for part in parts])

    async def write(self, key: str, body: bytes, *, content_type: str, sha256_hex: str, cache_control: str) -> None:
        """Put the object; S3 verifies the digest. Overwrites."""
        with self._translated(may_be_long=True):
            async with asyncio.timeout(TRANSFER_SECONDS):
                await self._client.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=body,
                    ContentType=content_type,
                    CacheControl=cache_control,
                    ChecksumSHA256=base64_of(sha256_hex),
                )


def _read_part(source: Path, offset: int, size_bytes: int) -> bytes:
    """Read a part without following links: a compromised decoder could have replaced the file by a link."""
    with open(os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123  a descriptor
        file.seek(offset)
        body = file.read(size_bytes)
    if len(body) < size_bytes:
        raise OSError(errno.EIO, "a file is shorter than it was")
    return body


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


def _expires_versions(rule: Mapping[str, Any]) -> bool:
    """Return whether a lifecycle rule deletes old versions of all objects."""
    is_limited = bool(rule.get("Prefix") or any(rule.get("Filter", {}).values()))
    days = rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays")
    return rule.get("Status") == "Enabled" and not is_limited and days is not None
