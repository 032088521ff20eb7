"""Exports: every route under `/v1/account/exports`, one method each."""

from darkroom_client.connection import Connection
from darkroom_shared.exports import Export, ExportPage
from darkroom_shared.ids import ExportId

PATH = "/v1/account/exports"


class Exports:
    """Available as `client.exports`. Raises NotFound if the export is absent, removed or another account's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def start(self) -> Export:
        """Start an export, or return the running one; safe to repeat. Raises TooManyRequests."""
        return await self._connection.request("POST", PATH, Export)

    async def list(self) -> tuple[Export, ...]:
        """Return the running and the stored exports, newest first."""
        return (await self._connection.request("GET", PATH, ExportPage)).exports

    async def require(self, export_id: ExportId) -> Export:
        return await self._connection.request("GET", f"{PATH}/{export_id}", Export)
