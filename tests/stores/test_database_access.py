"""Access to the database: passwords that rotate at any time, and TLS that verifies the server."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from app.stores.aurora import ConnectionOptions, Database
from darkroom_shared.ids import new_ulid
from darkroom_shared.problems import Unavailable
from tests.authority import Authority
from tests.database_engines import ROWS
from tests.database_pair import DatabasePair
from tests.stores.sample_service import Clients, SampleService, open_sample_service


class Password:
    """The password of a database user of the test's own, in a file as a secrets agent writes it."""

    def __init__(self, pair: DatabasePair, file: Path) -> None:
        self.user, self.file = f"user_{new_ulid().lower()}", file
        self._server = pair.writer
        first = self.put_into_file()
        self._server.run(
            f"CREATE USER '{self.user}'@'127.0.0.1' IDENTIFIED BY '{first}'",
            f"GRANT {ROWS} ON *.* TO '{self.user}'@'127.0.0.1'",
        )

    def put_into_file(self) -> str:
        secret = f"secret-{new_ulid()}"
        self.file.write_text(f"{secret}\n")
        return secret

    def change(self, secret: str) -> None:
        self._server.run(f"ALTER USER '{self.user}'@'127.0.0.1' IDENTIFIED BY '{secret}'")

    def drop(self) -> None:
        self._server.run(f"DROP USER '{self.user}'@'127.0.0.1'")


@pytest.fixture
async def password(database_pair: DatabasePair, tmp_path: Path) -> AsyncIterator[Password]:
    made = Password(database_pair, tmp_path / "password")
    await database_pair.wait_applied()
    yield made
    made.drop()


@pytest.fixture
async def service(database_pair: DatabasePair, empty_pair: str, password: Password) -> AsyncIterator[SampleService]:
    options = ConnectionOptions(password_file=password.file)
    async with open_sample_service(database_pair, empty_pair, user=password.user, options=options) as opened:
        await opened.warm()
        yield opened


async def test_a_password_is_rotated_under_open_pools_without_errors(
    service: SampleService, password: Password, database_pair: DatabasePair
) -> None:
    async with Clients(service.read) as reading, Clients(service.write) as writing:
        password.change(password.put_into_file())
        await database_pair.wait_applied()
        service.writer.cut()
        service.reader.cut()
        before = writing.statuses[200]
        await service.until(lambda: writing.statuses[200] > before + 20)

    assert reading.statuses.keys() == {200}
    # A write that is cut off between its first statement and its commit cannot be retried by us.
    assert writing.statuses.keys() <= {200, 503}
    assert writing.statuses[503] <= writing.count
    assert not writing.without_retry_after


async def test_a_rotated_password_causes_503s_only_until_the_file_has_it(
    service: SampleService, password: Password
) -> None:
    password.change("not yet known here")
    service.writer.cut()
    assert (await service.write()).status_code == 503
    assert "Retry-After" in (await service.write()).headers

    password.file.write_text("not yet known here")
    await service.until_responded(service.write, 200)


async def _cipher(database: Database) -> str:
    async with database.readers.read() as connection:
        return str((await connection.execute(text("SHOW SESSION STATUS LIKE 'Ssl_cipher'"))).one()[1])


def _with_tls(pair: DatabasePair, ca_file: Path, *, host: str = "127.0.0.1") -> Database:
    writer, reader = (server.url().replace("127.0.0.1", host) for server in (pair.writer, pair.reader))
    return Database(writer, reader_url=reader, options=ConnectionOptions(ca_file=ca_file))


async def test_with_a_certificate_authority_all_connections_use_tls(database_pair: DatabasePair) -> None:
    database = _with_tls(database_pair, database_pair.authority)
    async with database.writer.write() as connection:
        await connection.execute(text("SELECT 1"))
    assert await _cipher(database) != ""
    await database.close()


async def test_a_server_with_an_invalid_certificate_gets_no_connection(
    database_pair: DatabasePair, tmp_path: Path
) -> None:
    other_account = Authority(tmp_path).certificate
    for database in (
        _with_tls(database_pair, other_account),
        _with_tls(database_pair, database_pair.authority, host="localhost"),
    ):
        with pytest.raises(Unavailable):
            await _cipher(database)
        await database.close()


async def test_an_unresponsive_server_is_left_without_a_tls_shutdown(
    database_pair: DatabasePair, empty_pair: str
) -> None:
    """A TLS shutdown waits for the server's reply, in asyncio for up to 30 s."""
    options = ConnectionOptions(ca_file=database_pair.authority)
    async with open_sample_service(database_pair, empty_pair, options=options, statement_seconds=0.5) as service:
        await service.warm()
        service.writer.timeout()
        service.reader.timeout()
        async with asyncio.timeout(20):
            for send_request in (service.write, service.read_fresh, service.read):
                assert (await send_request()).status_code == 503
        service.writer.heal()
        service.reader.heal()
        await service.until_responded(service.write, 200)
        await service.until_responded(service.read, 200)
