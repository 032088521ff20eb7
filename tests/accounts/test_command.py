"""`python -m app create-account` and `reset-password`, run as an operator runs them."""

import asyncio
import os
import sys
from collections.abc import Callable

import pytest

from tests.accounts.accounts_api import PASSWORD, an_address, open_accounts_api
from tests.servers import free_port

KEY = "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----"


async def _app(database_url: str, *arguments: str, stdin: str = PASSWORD + "\n") -> tuple[int | None, str, str]:
    """Run the command. Return exit code, stdout and stderr."""
    environment = {
        "PATH": os.environ["PATH"],
        "DARKROOM_DATABASE_URL": database_url,
        "DARKROOM_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
        "DARKROOM_BUCKET": "darkroom",
        "DARKROOM_CDN_URL": "http://127.0.0.1:9",
        "DARKROOM_CDN_KEY_ID": "K1",
        "DARKROOM_CDN_PRIVATE_KEY": KEY,
        "DARKROOM_SECRET": "s" * 32,
        "AWS_REGION": "eu-central-1",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app", *arguments,
        env=environment, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, complained = await process.communicate(stdin.encode())
    return process.returncode, output.decode(), complained.decode()


@pytest.fixture
def url(make_sqlite: Callable[[], str]) -> str:
    return make_sqlite()


async def test_an_operator_creates_an_administrator_and_resets_the_password(url: str, valkey_url: str) -> None:
    email = an_address()

    code, output, _ = await _app(url, "create-account", email, "--administrator")
    assert (code, "an administrator" in output) == (0, True)
    code, output, _ = await _app(url, "reset-password", email.upper(), stdin="a new password\n")
    assert (code, "sessions" in output) == (0, True)

    async with open_accounts_api(url, valkey_url) as accounts_api:
        signed_in = await accounts_api.sign_in({"email": email, "password": "a new password"})
    assert signed_in["account"]["administrator"] is True


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        (["create-account", "not an address"], PASSWORD, "email"),
        (["create-account", "ada@example.com"], "short", "password"),
        (["create-account", "ada@example.com"], "ada@example.com", "the address itself"),
        (["create-account", "ada@example.com"], "", "password"),
        (["reset-password", "nobody@example.com"], PASSWORD, "No account has this address"),
    ],
)
async def test_an_impossible_command_is_reported_in_one_line(
    url: str, arguments: list[str], stdin: str, words: str
) -> None:
    code, output, complained = await _app(url, *arguments, stdin=stdin)

    assert (code, output) == (1, "")
    assert words in complained
    assert len(complained.splitlines()) == 1


async def test_an_address_gets_one_account_only(url: str) -> None:
    email = an_address()
    await _app(url, "create-account", email)

    code, _, complained = await _app(url, "create-account", email)

    assert (code, complained) == (1, "This address already has an account\n")
