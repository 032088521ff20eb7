"""The stores without which no request succeeds, each with its cheapest read."""

from sqlalchemy import literal, select

from app.stores.aurora import Writer
from app.stores.dynamo import Dynamo
from app.stores.resources import ITEMS_TABLE

ABSENT = {"account_id": "status", "item_id": "status"}


class StatusStore:
    def __init__(self, writer: Writer, dynamo: Dynamo) -> None:
        self._writer, self._dynamo = writer, dynamo

    async def read_database(self) -> None:
        """Raise Unavailable if the database's writer cannot be read."""
        async with self._writer.read() as connection:
            await connection.execute(select(literal(1)))

    async def read_items(self) -> None:
        """Raise Unavailable if the items' table cannot be read."""
        await self._dynamo.get(ITEMS_TABLE, ABSENT)
