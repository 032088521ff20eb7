"""`register`, `login`, `logout`, `sessions`."""

import argparse
import asyncio
import getpass
import os
import sys

from darkroom_client.client import DarkroomClient
from darkroom_client.commands.running import (
    ExitCode,
    NotSignedIn,
    UsageError,
    credentials,
    in_client,
    server_url,
    session_id,
    session_label,
)
from darkroom_client.credentials import SavedSignIn
from darkroom_client.terminal import clean, local_time, print_json, print_line, remark, table
from darkroom_shared.problems import Unauthenticated


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    for name, run, summary in (
        ("register", _register, "make an account and sign in"),
        ("login", _login, "sign in and remember it"),
    ):
        parser = commands.add_parser(name, parents=[common], help=summary, description=summary.capitalize() + ".")
        parser.add_argument("--email", help="otherwise $DARKROOM_EMAIL, or a prompt")
        parser.epilog = "The password comes from $DARKROOM_PASSWORD or a prompt; it is never an argument."
        parser.set_defaults(run=run)
    parser = commands.add_parser("logout", parents=[common], help="end the saved session and delete it")
    parser.add_argument("--all", action="store_true", help="end all sessions of the account, on every device")
    parser.set_defaults(run=_logout)
    parser = commands.add_parser("sessions", parents=[common], help="list the account's sessions")
    parser.add_argument("--revoke", metavar="SESSION", type=session_id, help="end this session instead")
    parser.set_defaults(run=in_client(_sessions))


def _register(arguments: argparse.Namespace) -> int:
    url, email = server_url(arguments), _email(arguments)
    password = prompt_password(email, twice=True)

    async def run() -> int:
        async with DarkroomClient(url) as client:
            await client.sessions.register(email, password)
            return await _sign_in(client, arguments, email, password)

    return asyncio.run(run())


def _login(arguments: argparse.Namespace) -> int:
    url, email = server_url(arguments), _email(arguments)
    password = prompt_password(email, twice=False)

    async def run() -> int:
        async with DarkroomClient(url) as client:
            return await _sign_in(client, arguments, email, password)

    return asyncio.run(run())


async def _sign_in(client: DarkroomClient, arguments: argparse.Namespace, email: str, password: str) -> int:
    signed_in = await client.sessions.sign_in(email, password, label=session_label())
    if signed_in.token is None:
        raise NotSignedIn("the server gave out no token")
    await asyncio.to_thread(credentials().put, client.url, SavedSignIn(signed_in.account.email, signed_in.token))
    if arguments.json:
        print_json({"url": client.url, "account": signed_in.account.model_dump(mode="json")})
    else:
        print_line(f"Signed in to {client.url} as {clean(signed_in.account.email)}.")
    return ExitCode.SUCCESS


def _logout(arguments: argparse.Namespace) -> int:
    url = server_url(arguments)
    saved = credentials().read().servers.get(url)
    if saved is None:
        raise NotSignedIn(f"not signed in to {url}")

    async def run(token: str) -> None:
        async with DarkroomClient(url, token=token) as client:
            try:
                await (client.sessions.revoke_all() if arguments.all else client.sessions.sign_out())
            except Unauthenticated:
                remark("The session had ended already.")

    asyncio.run(run(saved.token))
    credentials().remove(url)
    if arguments.json:
        print_json({"url": url, "signed_in": False})
    else:
        print_line(f"Signed out of {url}.")
    return ExitCode.SUCCESS


async def _sessions(client: DarkroomClient, arguments: argparse.Namespace) -> int:
    if arguments.revoke is not None:
        await client.sessions.revoke(arguments.revoke)
        if arguments.json:
            print_json({"id": arguments.revoke, "revoked": True})
        else:
            print_line(f"{arguments.revoke}: ended")
        return ExitCode.SUCCESS
    sessions = await client.sessions.list()
    if arguments.json:
        for session in sessions:
            print_json(session)
        return ExitCode.SUCCESS
    rows = [("SESSION", "SINCE", "UNTIL", "", "LABEL")]
    for session in sessions:
        since, until = local_time(session.created_at), local_time(session.expires_at)
        rows.append((session.id, since, until, "this one" if session.current else "", clean(session.label)))
    for line in table(rows):
        print_line(line)
    return ExitCode.SUCCESS


def _email(arguments: argparse.Namespace) -> str:
    named: str = arguments.email or os.environ.get("DARKROOM_EMAIL") or ""
    if not named and sys.stdin.isatty():
        named = input("E-mail address: ").strip()
    if not named:
        raise UsageError("no address: set --email or $DARKROOM_EMAIL")
    return named


def prompt_password(email: str, *, twice: bool) -> str:
    """Read the password from the environment or the terminal. Raises UsageError."""
    if password := os.environ.get("DARKROOM_PASSWORD"):
        return password
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to prompt for the password; set $DARKROOM_PASSWORD")
    try:
        password = getpass.getpass(f"Password of {email}: ")
        if twice and getpass.getpass("Once more: ") != password:
            raise UsageError("the two passwords are not the same")
    except EOFError as error:
        raise UsageError("no password was entered") from error
    return password
