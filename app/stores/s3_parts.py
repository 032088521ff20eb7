"""S3 multipart uploads: start, presign, list, complete, abort."""

import asyncio
import base64
import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import structlog

from app.jobs.isolation import capture
from app.stores.aws_errors import AwsErrors, Outcomes, Translation, error_code
from darkroom_shared.problems import Unavailable

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client

log = structlog.get_logger()

ABORT_SECONDS = 2.0
"""How long a failed or cancelled upload waits until S3 has removed its parts."""
TRANSFER_SECONDS = 3600.0
"""A transfer that takes longer counts as hung; the claim's heartbeat watches the work as a whole."""


class Absent(Exception):
    """The object or upload does not exist."""


class UploadRemoved(Unavailable):
    """S3 does not have this process's own multipart upload any more. Another upload may succeed, and S3 works, so this
    is not counted as an error of S3."""

    def __init__(self) -> None:
        super().__init__("An upload was removed before it was complete.", retry_after_seconds=1)


class PartsRefused(Exception):
    """S3 could not join the parts: one is missing, too small, or differs from the list."""


ABSENT: Outcomes = dict.fromkeys(("404", "NoSuchKey", "NoSuchUpload", "NotFound"), lambda _error: Absent())
_OWN_UPLOAD: Outcomes = {"NoSuchUpload": lambda _error: UploadRemoved()}
_JOINING: Outcomes = {
    **ABSENT,
    **dict.fromkeys(
        ("InvalidPart", "InvalidPartOrder", "EntityTooSmall"), lambda error: PartsRefused(error_code(error))
    ),
}


@dataclass(frozen=True, slots=True)
class UploadedPart:
    """A part that S3 has."""

    number: int
    size_bytes: int
    etag: str
    sha256_hex: str


def attachment(name: str) -> str:
    """Return a Content-Disposition that saves the file as `name` (RFC 6266)."""
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"


def base64_of(sha256_hex: str) -> str:
    return base64.b64encode(bytes.fromhex(sha256_hex)).decode()


def sha256_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


class PartUploads:
    """Multipart uploads of one bucket. `public` is a client with the endpoint that browsers use; it only signs."""

    def __init__(
        self,
        client: "S3Client",
        public: "S3Client",
        bucket: str,
        errors: AwsErrors | None = None,
        credentials_end: Callable[[], datetime | None] = lambda: None,
    ) -> None:
        self._client, self._public, self._bucket = client, public, bucket
        self._credentials_end = credentials_end
        self._translated = Translation("S3", errors)

    async def presign_part(
        self, key: str, upload_id: str, number: int, *, size_bytes: int, sha256_hex: str, valid_seconds: int
    ) -> tuple[str, dict[str, str]]:
        """Return a URL and the headers that must be sent with it. S3 accepts only these bytes."""
        headers = {"x-amz-checksum-sha256": base64_of(sha256_hex)}
        with self._translated():
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

    async def start_multipart(self, key: str, *, name: str) -> str:
        """Start an upload and return its id."""
        with self._translated():
            response = await self._client.create_multipart_upload(
                Bucket=self._bucket,
                Key=key,
                ContentType="application/octet-stream",
                ContentDisposition=attachment(name),
                ChecksumAlgorithm="SHA256",
            )
        return response["UploadId"]

    async def list_parts(self, key: str, upload_id: str) -> list[UploadedPart]:
        """Return the uploaded parts. Raises Absent if the upload does not exist or has ended."""
        parts: list[UploadedPart] = []
        marker: dict[str, Any] = {}
        while True:
            with self._translated(ABSENT):
                response: Any = await self._client.list_parts(
                    Bucket=self._bucket, Key=key, UploadId=upload_id, **marker
                )
            for part in response.get("Parts", []):
                digest = base64.b64decode(part.get("ChecksumSHA256", "")).hex()
                parts.append(UploadedPart(part["PartNumber"], part["Size"], part["ETag"], digest))
            if not response.get("IsTruncated"):
                return parts
            marker = {"PartNumberMarker": response["NextPartNumberMarker"]}

    async def finish_multipart(self, key: str, upload_id: str, parts: Sequence[UploadedPart]) -> None:
        """Join the parts of a client. Raises Absent if the upload does not exist or has ended, PartsRefused if S3
        refuses."""
        with self._translated(_JOINING, may_be_long=True):
            await self._join(key, upload_id, parts)

    async def finish_own_multipart(self, key: str, upload_id: str, parts: Sequence[UploadedPart]) -> None:
        """Join the parts that this process has just uploaded.

        Raises UploadRemoved if the upload does not exist any more, and Unavailable or CallRejected if S3 refuses the
        parts: another upload may succeed.
        """
        with self._translated(_OWN_UPLOAD, may_be_long=True):
            await self._join(key, upload_id, parts)

    async def _join(self, key: str, upload_id: str, parts: Sequence[UploadedPart]) -> None:
        named: Any = [
            {"PartNumber": part.number, "ETag": part.etag, "ChecksumSHA256": base64_of(part.sha256_hex)}
            for part in parts
        ]
        await self._client.complete_multipart_upload(
            Bucket=self._bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": named}
        )

    async def abort_multiparts(self, key: str) -> None:
        """Abort every upload to this key; ended ones are not an error."""
        with self._translated():
            response = await self._client.list_multipart_uploads(Bucket=self._bucket, Prefix=key)
        for upload in response.get("Uploads", []):
            if upload["Key"] == key:
                await self.abort_multipart(key, upload["UploadId"])

    async def abort_multipart(self, key: str, upload_id: str) -> None:
        """Abort one upload; an ended one is not an error."""
        with suppress(Absent), self._translated(ABSENT):
            await self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload_id)

    async def try_to_abort(self, key: str, upload_id: str) -> None:
        """Abort one upload within ABORT_SECONDS, also if the caller is being cancelled; a failure is only logged.

        The sweeper aborts what an attempt has left behind.
        """

        async def abort_in_time() -> None:
            async with asyncio.timeout(ABORT_SECONDS):
                await self.abort_multipart(key, upload_id)

        # The shield makes a task: in the caller's, which may be being cancelled, Python 3.11.2 would raise
        # CancelledError for a time-out.
        error = await asyncio.shield(capture(abort_in_time()))
        if isinstance(error, Exception):
            log.warning("upload.not_aborted", reason=str(error) or type(error).__name__)

    async def list_multipart_keys(self, prefix: str) -> list[str]:
        """Return the keys that have an upload in flight (the first thousand)."""
        with self._translated():
            response = await self._client.list_multipart_uploads(Bucket=self._bucket, Prefix=prefix)
        return [upload["Key"] for upload in response.get("Uploads", [])]

    async def upload_part(self, key: str, upload_id: str, number: int, body: bytes) -> UploadedPart:
        """Upload a part; S3 verifies the digest. A part with the same number is replaced. Raises UploadRemoved."""
        sha256_hex = await asyncio.to_thread(sha256_of, body)
        with self._translated(_OWN_UPLOAD, may_be_long=True):
            async with asyncio.timeout(TRANSFER_SECONDS):
                response = await self._client.upload_part(
                    Bucket=self._bucket,
                    Key=key,
                    UploadId=upload_id,
                    PartNumber=number,
                    Body=body,
                    ChecksumSHA256=base64_of(sha256_hex),
                )
        return UploadedPart(number, len(body), response["ETag"], sha256_hex)
