"""The metadata of all capabilities' tables, complete because this module imports every schema."""

import app.access.schema
import app.accounts.schema
import app.albums.schema
import app.events.schema
import app.search.schema
import app.stores.cache.schema
from app.stores.aurora import metadata

DECLARING = (
    app.accounts.schema,
    app.albums.schema,
    app.events.schema,
    app.search.schema,
    app.access.schema,
    app.stores.cache.schema,
)

__all__ = ["DECLARING", "metadata"]
