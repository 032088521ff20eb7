"""`account erase`."""

import argparse
import asyncio
import sys

from darkroom_client.client import DarkroomClient
from darkroom_client.commands.running import ExitCode, UsageError, credentials, in_client
from darkroom_client.commands.sign_in import prompt_password
from darkroom_client.terminal import clean, print_json, print_line

WORD = "erase"


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    account = commands.add_parser("account", help="erase the account")
    actions = account.add_subparsers(metavar="ACTION", required=True)
    parser = actions.add_parser(
        "erase",
        parents=[common],
        help="erase the account and everything in it",
        description="Ends all sessions at once and erases every item, original and event permanently.",
        epilog="The password is read from $DARKROOM_PASSWORD or a prompt; it is never an argument.",
    )
    parser.add_argument("--yes", action="store_true", help="do not prompt for a confirmation")
    parser.set_defaults(run=in_client(_erase))


async def _erase(client: DarkroomClient, arguments: argparse.Namespace) -> int:
    account = await client.sessions.account()
    if not arguments.yes:
        await asyncio.to_thread(_confirm, account.email)
    password = await asyncio.to_thread(prompt_password, account.email, twice=False)
    closed = await client.sessions.close_account(password)
    await asyncio.to_thread(credentials().remove, client.url)
    if arguments.json:
        print_json(closed)
    else:
        print_line(f"{closed.id} is closed. Everything in it is being erased; that takes about an hour.")
    return ExitCode.SUCCESS


def _confirm(email: str) -> None:
    """Raises UsageError unless the person confirms."""
    if not sys.stdin.isatty():
        raise UsageError("add --yes: everything in the account is erased permanently")
    typed = input(f"Everything of {clean(email)} will be erased. Type {WORD!r} to go on: ")
    if typed.strip() != WORD:
        raise UsageError("nothing was erased")
