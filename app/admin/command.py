"""`darkroom admin`: what operators do on the machine itself."""

import argparse
import asyncio

from app.accounts import command as account_command
from app.admin.verify_command import adopt_local_environment
from app.logs import set_up_logs
from app.settings import load_settings


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `admin` to the `darkroom` command."""
    parser = commands.add_parser("admin", help="make accounts and set passwords (operators)")
    actions = parser.add_subparsers(dest="command", required=True, metavar="action")
    account_command.add_actions(actions)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    adopt_local_environment()
    settings = load_settings()
    set_up_logs()
    asyncio.run(account_command.run(settings, arguments))
    return 0
