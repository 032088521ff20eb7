"""A bucket whose rule for incomplete uploads removes each upload before its parts are joined."""

from typing import Any


class ExpiringUploads:
    """A client of S3. `remaining` uploads are removed, the later ones succeed."""

    def __init__(self, client: Any, remaining: int = 1) -> None:
        self._client, self._remaining = client, remaining

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def complete_multipart_upload(self, **named: Any) -> Any:
        if self._remaining:
            self._remaining -= 1
            await self._client.abort_multipart_upload(**{name: named[name] for name in ("Bucket", "Key", "UploadId")})
        return await self._client.complete_multipart_upload(**named)
