"""Redis's password may be in a file, which is read for each connection: it changes without a restart."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from app.stores.cache.connection import Connection
from app.stores.cache.faults import ConnectionLost
from app.stores.cache.timing import TIMING
from app.stores.signals import Limit, Signals
from tests.servers import running_valkey

LIMIT = Limit("test", 10, 60)


@pytest.fixture
async def protected(tmp_path: Path) -> AsyncIterator[tuple[str, Path]]:
    """The URL of a Valkey with a password, and the file that holds the password."""
    password_file = tmp_path / "password"
    with running_valkey(tmp_path) as url:
        async with Redis.from_url(url) as redis:
            await redis.config_set("requirepass", "first")
        password_file.write_text("first\n")
        yield url, password_file


async def test_each_connection_uses_the_present_password(protected: tuple[str, Path]) -> None:
    url, file = protected
    async with Signals(url, password_file=file) as signals:
        (await Connection.open(url, TIMING, file)).close("done")
        assert await signals.limits.take(LIMIT, "first") is None
        async with Redis.from_url(url, password="first") as redis:
            await redis.config_set("requirepass", "second")
            await redis.client_kill_filter(_type="normal", skipme=True)
        with pytest.raises(ConnectionLost, match="WRONGPASS"):
            await Connection.open(url, TIMING, file)
        file.write_text("second\n")
        (await Connection.open(url, TIMING, file)).close("done")
        async with asyncio.timeout(30), Redis.from_url(url, password="second") as redis:
            while not await redis.keys("*second*"):
                await signals.limits.take(LIMIT, "second")
    file.unlink()
    with pytest.raises(ConnectionLost):
        await Connection.open(url, TIMING, file)
