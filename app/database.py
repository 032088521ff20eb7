"""Open the relational database that the settings name."""

from app.settings import Settings
from app.stores.aurora import ConnectionOptions, Database


def connection_options(settings: Settings) -> ConnectionOptions:
    return ConnectionOptions(
        ca_file=settings.database_ca_file,
        password_file=settings.database_password_file,
        connections=settings.database_connections,
    )


def open_database(settings: Settings) -> Database:
    """Return the database, which connects at the first query. The caller must close it."""
    reader = settings.database_reader_url
    return Database(
        settings.database_url.get_secret_value(),
        reader_url=reader.get_secret_value() if reader else None,
        options=connection_options(settings),
    )
