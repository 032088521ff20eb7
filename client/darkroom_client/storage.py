"""Transfer bytes to and from the object storage and the CDN through signed URLs; our token is never sent there."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx

from darkroom_client.connection import LOOPBACK, retry_after_seconds, tls_context, translated_errors
from darkroom_client.errors import LinkExpired, StorageBusy, TransferRefused, UploadGone
from darkroom_client.files import FileBody

TRANSFER_TIMEOUT = httpx.Timeout(connect=10.0, read=60.0, write=30.0, pool=600.0)
WHOLE_TRANSFER_SECONDS = 3_600.0
"""A signed URL is valid for an hour; a longer transfer counts as hung."""
PASSING_CODES = frozenset({"RequestTimeout", "SlowDown", "InternalError", "ServiceUnavailable", "OperationAborted"})
EXPIRED_CODES = frozenset({"ExpiredToken", "TokenRefreshRequired"})
"""S3's responses of status 400 when the service's own credentials, which signed the address, have ended."""
ERROR_BYTES = 64 * 1024


class Storage:
    """Opened and closed by `DarkroomClient`. One attempt per call; the caller retries."""

    def __init__(self) -> None:
        self._http = httpx.AsyncClient(
            timeout=TRANSFER_TIMEOUT, verify=tls_context(), mounts=LOOPBACK, follow_redirects=False
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    async def put(self, url: str, headers: Mapping[str, str], body: FileBody) -> None:
        """Raises LinkExpired, StorageBusy, UploadGone, TransferRefused or NotReachable."""
        exact = dict(headers) | {"Content-Length": str(body.length)}
        with translated_errors(_server(url)):
            async with asyncio.timeout(WHOLE_TRANSFER_SECONDS):
                response = await self._http.put(url, headers=exact, content=body)
        if not response.is_success:
            raise _error(response)

    @asynccontextmanager
    async def get(self, url: str, *, offset: int = 0) -> AsyncIterator[httpx.Response]:
        """Open a streamed response: 200, or 206 when it begins at `offset`. Raises like `put`."""
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={offset}-"} if offset else {})
        with translated_errors(_server(url)):
            async with self._http.stream("GET", url, headers=headers) as response:
                if not response.is_success:
                    await response.aread()
                    raise _error(response)
                yield response


def _server(url: str) -> str:
    """Return host and port only: messages must not contain the rest of a signed URL."""
    return httpx.URL(url).netloc.decode()


def _error(response: httpx.Response) -> Exception:
    match = re.search(rb"<Code>(\w{1,64})</Code>", response.content[:ERROR_BYTES])
    code = match[1].decode() if match else ""
    status = response.status_code
    if status == httpx.codes.FORBIDDEN or code in EXPIRED_CODES:
        return LinkExpired("the storage refuses the signed address")
    if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.TOO_MANY_REQUESTS or code in PASSING_CODES:
        return StorageBusy(f"the storage responded with {status} {code}".rstrip(), retry_after_seconds(response))
    if code == "NoSuchUpload" or (status == httpx.codes.NOT_FOUND and not code):
        return UploadGone("the storage does not know this upload any more")
    return TransferRefused(f"the storage refused the bytes: {status} {code}".rstrip())
