"""Exports: every route under `/v1/account/exports`, one method each."""

from client.connection import Connection
from shared.exports import Export, ExportPage
from shared.ids import ExportId

PATH = "/v1/account/exports"


class Exports:
    """Reached as `client.exports`. Raises NotFound for what is absent, removed or somebody else's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def start(self) -> Export:
        """A new one, or the one that is under way: repeating it does no harm. Raises TooManyRequests."""
        return await self._connection.request("POST", PATH, Export)

    async def list(self) -> tuple[Export, ...]:
        """Those that are under way or kept, the newest first."""
        return (await self._connection.request("GET", PATH, ExportPage)).exports

    async def require(self, export_id: ExportId) -> Export:
        return await self._connection.request("GET", f"{PATH}/{export_id}", Export)
