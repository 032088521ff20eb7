"""Replication lag of the readers, measured by the method of each MySQL variant."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# Rows of removed readers remain for a while. A reader's reported lag is as old as its last report.
AURORA = text(
    "SELECT MAX(replica_lag_in_milliseconds / 1000 + TIMESTAMPDIFF(MICROSECOND, last_update_timestamp, NOW(6)) / 1e6) "
    "FROM information_schema.replica_host_status "
    "WHERE session_id <> 'MASTER_SESSION_ID' AND last_update_timestamp > NOW(6) - INTERVAL 5 MINUTE"
)
_IS_AURORA = text("SHOW GLOBAL VARIABLES LIKE 'aurora_version'")
_STATUS = text("SHOW REPLICA STATUS")
_COLUMNS = ("Seconds_Behind_Source", "Seconds_Behind_Master")
"""MySQL's and MariaDB's names."""


async def is_aurora(connection: AsyncConnection) -> bool:
    """Return whether the server is Aurora, whose writer reports the lag of all readers."""
    return (await connection.execute(_IS_AURORA)).first() is not None


async def aurora_lag(connection: AsyncConnection) -> float:
    """Return the lag in seconds, queried on the writer as the vendor advises: a lagging reader sees old reports."""
    lag = (await connection.execute(AURORA)).scalar()
    return 0.0 if lag is None else float(lag)


async def reader_lag(connection: AsyncConnection) -> float | None:
    """Return a reader's lag in seconds: None if replication has stopped, 0 if the server is not a replica."""
    status = (await connection.execute(_STATUS)).mappings().first()
    if status is None:
        return 0.0
    behind = next(status[name] for name in _COLUMNS if name in status)
    return None if behind is None else float(behind)
