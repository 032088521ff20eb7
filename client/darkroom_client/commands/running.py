"""What all commands share: options, the signed-in client, exit codes."""

import argparse
import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from enum import IntEnum
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from darkroom_client.client import DarkroomClient
from darkroom_client.connection import base_url
from darkroom_client.credentials import CredentialsFile
from darkroom_client.errors import ClientError, NotReachable, UnexpectedResponse
from darkroom_client.folders import config_folder, state_folder
from darkroom_client.terminal import clean, print_error
from darkroom_shared.ids import ItemId, ItemIdField, SessionId, SessionIdField
from darkroom_shared.problems import Problem, Unauthenticated

DEFAULT_URL = "http://127.0.0.1:8080"
SIGN_OUT_SECONDS = 3.0

T = TypeVar("T")


class ExitCode(IntEnum):
    """Listed in `darkroom --help`."""

    SUCCESS = 0
    FAILURE = 1
    USAGE = 2
    NOT_REACHABLE = 3
    NOT_SIGNED_IN = 4
    INTERRUPTED = 130


class UsageError(ClientError):
    """The command's arguments cannot be carried out."""


class NotSignedIn(ClientError):
    """Neither a saved sign-in nor one in the environment exists."""


def common_options() -> argparse.ArgumentParser:
    """Return the parent of every command's parser."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--url", help="the server; otherwise $DARKROOM_URL, the last sign-in, or " + DEFAULT_URL)
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    return parser


def credentials() -> CredentialsFile:
    return CredentialsFile(config_folder() / "credentials.json")


def server_url(arguments: argparse.Namespace) -> str:
    """Raises UsageError if the address is not valid."""
    named = arguments.url or os.environ.get("DARKROOM_URL") or credentials().read().newest or DEFAULT_URL
    try:
        return str(base_url(named))
    except ValueError as error:
        raise UsageError(str(error)) from error


def session_label() -> str:
    """Return the label by which a person recognises this session."""
    return f"darkroom command on {socket.gethostname()}"[:200]


@asynccontextmanager
async def signed_in_client(arguments: argparse.Namespace) -> AsyncIterator[DarkroomClient]:
    """Open a client with the server's saved session, or with a new session for the address and password in the
    environment.

    Raises NotSignedIn.
    """
    url = server_url(arguments)
    email, password = os.environ.get("DARKROOM_EMAIL"), os.environ.get("DARKROOM_PASSWORD")
    saved = credentials().read().servers.get(url)
    journal = state_folder() / "uploads.sqlite3"
    if saved is not None and email in {None, "", saved.email}:
        async with DarkroomClient(url, token=saved.token, journal=journal) as client:
            try:
                yield client
            except Unauthenticated as error:
                raise NotSignedIn(f"the session at {url} has ended; run `darkroom login`") from error
    elif email and password:
        async with DarkroomClient(url, journal=journal) as client:
            await client.sessions.sign_in(email, password, label=session_label())
            try:
                yield client
            finally:
                await _sign_out(client)
    else:
        raise NotSignedIn(f"not signed in to {url}; run `darkroom login` first")


async def _sign_out(client: DarkroomClient) -> None:
    """Try for a moment only: the session expires by itself anyway."""
    try:
        async with asyncio.timeout(SIGN_OUT_SECONDS):
            await client.sessions.sign_out()
    except Unauthenticated:
        return  # the command itself has ended the session
    except (Problem, ClientError, TimeoutError):
        print_error("the session that was opened for this command could not be closed")


def in_client(
    work: Callable[[DarkroomClient, argparse.Namespace], Awaitable[int]],
) -> Callable[[argparse.Namespace], int]:
    """Return a command's `run` function: it calls `work` with a signed-in client."""

    async def run(arguments: argparse.Namespace) -> int:
        async with signed_in_client(arguments) as client:
            return await work(client, arguments)

    return lambda arguments: asyncio.run(run(arguments))


def id_argument(ids: TypeAdapter[T], message: str) -> Callable[[str], T]:
    """Return the `type` of an argument of argparse. The error about any other text is that text and `message`."""

    def parse(text: str) -> T:
        try:
            return ids.validate_python(text)
        except ValidationError as error:
            raise argparse.ArgumentTypeError(f"{clean(text)!r} {message}") from error

    return parse


item_id: Callable[[str], ItemId] = id_argument(
    TypeAdapter(ItemIdField), "is not an item's id; `darkroom list` shows them"
)
session_id: Callable[[str], SessionId] = id_argument(
    TypeAdapter(SessionIdField), "is not a session; `darkroom sessions` shows them"
)


async def for_each(items: list[ItemId], work: Callable[[ItemId], Awaitable[None]]) -> int:
    """Process the items one after another; print a failure as a line and continue.

    Raises errors that concern all items.
    """
    failures = 0
    for item in items:
        try:
            await work(item)
        except (Problem, ClientError) as error:
            if is_about_all(error):
                raise
            print_error(f"{item}: {explained(error)}")
            failures += 1
    return ExitCode.FAILURE if failures else ExitCode.SUCCESS


def is_about_all(error: Problem | ClientError) -> bool:
    """Return True if the next item would fail in the same way: session ended, or server not reachable."""
    return isinstance(error, Unauthenticated | NotReachable | UnexpectedResponse)


def explained(error: Problem | ClientError) -> str:
    """Return the error as one line for a person."""
    sentence = str(error)
    fields = error.extras.get("errors") if isinstance(error, Problem) else None
    if isinstance(fields, list):
        details = [f"{field.get('field')}: {field.get('message')}" for field in fields if isinstance(field, dict)]
        sentence = "; ".join([sentence, *details])
    return clean(sentence)


def exit_code(error: Problem | ClientError) -> ExitCode:
    match error:
        case Unauthenticated() | NotSignedIn():
            return ExitCode.NOT_SIGNED_IN
        case NotReachable() | UnexpectedResponse():
            return ExitCode.NOT_REACHABLE
        case UsageError():
            return ExitCode.USAGE
        case _:
            return ExitCode.FAILURE
