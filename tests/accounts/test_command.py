"""`python -m app create-account`, `reset-password` and `administrator-link`, run as an operator runs them."""

import argparse
import asyncio
import os
import re
import sys
from collections.abc import Callable
from io import StringIO

import pytest

from app.admin.commands.accounts import run_action
from app.admin.commands.parsers import add_account_actions
from app.settings import Registration, Settings
from darkroom_process.settings import read_settings
from tests.accounts.accounts_api import PASSWORD, an_address, open_accounts_api
from tests.servers import free_port

KEY = "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----"


def _environment(database_url: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "DARKROOM_DATABASE_URL": database_url,
        "DARKROOM_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
        "DARKROOM_BUCKET": "darkroom",
        "DARKROOM_CDN_URL": "http://127.0.0.1:9",
        "DARKROOM_CDN_KEY_ID": "K1",
        "DARKROOM_CDN_PRIVATE_KEY": KEY,
        "DARKROOM_COMPLETIONS_TOPIC_ARN": "arn:aws:sns:eu-central-1:000000000000:darkroom-completions",
        "DARKROOM_SECRET": "s" * 32,
        "AWS_REGION": "eu-central-1",
    }


async def _app(database_url: str, *arguments: str, stdin: str = PASSWORD + "\n") -> tuple[int | None, str, str]:
    """Run the command. Return exit code, stdout and stderr."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app", *arguments, env=_environment(database_url),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, errors = await process.communicate(stdin.encode())
    return process.returncode, output.decode(), errors.decode()


@pytest.fixture
def settings(url: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of the command, read from its environment."""
    for name, value in _environment(url).items():
        monkeypatch.setenv(name, value)
    return read_settings(Settings)


@pytest.fixture
def url(make_sqlite: Callable[[], str]) -> str:
    return make_sqlite()


async def test_an_operator_creates_an_administrator_and_resets_the_password(url: str, valkey_url: str) -> None:
    email = an_address()

    code, output, _ = await _app(url, "create-account", email, "--administrator")
    assert (code, "an administrator" in output) == (0, True)
    assert await _app(url, "create-account", email) == (1, "", "This address already has an account\n")
    code, output, _ = await _app(url, "reset-password", email.upper(), stdin="a new password\n")
    assert (code, "sessions" in output) == (0, True)

    async with open_accounts_api(url, valkey_url) as accounts_api:
        signed_in = await accounts_api.sign_in({"email": email, "password": "a new password"})
    assert signed_in["account"]["administrator"] is True


async def test_an_operator_prints_the_link_for_the_first_administrator(url: str, valkey_url: str) -> None:
    link = ("administrator-link", "--url", "https://photos.example.com/")
    printed = [await _app(url, *link) for _ in range(2)]
    tokens = [
        output.removeprefix("https://photos.example.com/#administrator=").rstrip("\n") for _, output, _ in printed
    ]
    assert [code for code, _, _ in printed] == [0, 0]
    assert all(re.fullmatch(r"dra_[\w-]{43}", token) for token in tokens)
    assert not any(token in logged for token in tokens for _, _, logged in printed)

    body = {"email": an_address(), "password": PASSWORD}
    async with open_accounts_api(url, valkey_url, registration=Registration.CLOSED) as accounts_api:
        statuses = [
            (await accounts_api.http.post("/accounts", json=body | {"administrator_token": token})).status_code
            for token in tokens
        ]
    assert statuses == [403, 201], "the second link replaces the first"

    code, output, _ = await _app(url, *link)
    assert (code, output.count("\n"), "An account exists" in output, "#" in output) == (0, 1, True, False)


@pytest.mark.parametrize("page", ["photos.example.com", "ftp://photos.example.com", "https://", "https://a/#b", "/x?y"])
def test_a_link_needs_the_url_of_the_page(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_account_actions(parser.add_subparsers(dest="command"))

    with pytest.raises(SystemExit, match="2"):
        parser.parse_args(["administrator-link", "--url", page])

    assert "is not the URL of a page" in capsys.readouterr().err


async def test_a_link_without_the_database_ends_with_one_line_of_reason() -> None:
    url = f"mysql+asyncmy://root@127.0.0.1:{free_port()}/darkroom"

    code, output, errors = await _app(url, "administrator-link", "--url", "https://photos.example.com")

    assert (code, output) == (3, "")
    assert errors.splitlines()[-1] == "The service cannot do this at the moment"


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
def test_an_impossible_command_ends_with_one_line_of_reason(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, arguments: list[str], stdin: str, words: str
) -> None:
    parser = argparse.ArgumentParser()
    add_account_actions(parser.add_subparsers(dest="command"))
    monkeypatch.setattr("sys.stdin", StringIO(stdin))

    with pytest.raises(SystemExit, match=words) as ended:
        run_action(settings, parser.parse_args(arguments))

    assert isinstance(ended.value.code, str)  # the interpreter prints it to stderr and exits with 1
    assert "\n" not in ended.value.code
