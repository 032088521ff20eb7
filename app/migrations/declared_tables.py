"""The metadata of all capabilities' tables, complete because this module imports every schema."""

import app.access.schema.tables
import app.accounts.schema.tables
import app.albums.schema.tables
import app.comments.schema.tables
import app.events.schema.tables
import app.search.schema.tables
import app.share_links.schema.tables
import app.stores.cache.schema
from app.stores.aurora import metadata

DECLARING = (
    app.accounts.schema.tables,
    app.albums.schema.tables,
    app.events.schema.tables,
    app.search.schema.tables,
    app.access.schema.tables,
    app.comments.schema.tables,
    app.share_links.schema.tables,
    app.stores.cache.schema,
)

__all__ = ["DECLARING", "metadata"]
