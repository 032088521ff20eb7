"""Build the service of the public status."""

from typing import TypedDict

from app.services import Foundation
from app.status.service import StatusService
from app.status.store import StatusStore


class StatusServices(TypedDict):
    """The state of routes."""

    status: StatusService


def build_status(*, base: Foundation) -> StatusServices:
    store = StatusStore(base.database.writer, base.amazon.dynamo)
    return StatusServices(status=StatusService({"database": store.read_database, "items": store.read_items}))
