"""`darkroom admin`: operators' commands that run on the machine itself."""

import argparse
import asyncio
from collections.abc import Callable

from app.admin import account_command, key_command, rebuild_command, reprocess_command
from app.admin.verify_command import adopt_local_environment
from app.settings import Settings
from darkroom_process.logs import configure_logs
from darkroom_process.settings import settings_or_exit


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `admin` to the `darkroom` command."""
    parser = commands.add_parser("admin", help="accounts, keys, changed recipes (operators)")
    actions = parser.add_subparsers(dest="command", required=True, metavar="action")
    account_command.add_actions(actions)
    key_command.add_actions(actions)
    reprocess_command.add_actions(actions)
    rebuild_command.add_actions(actions)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    adopt_local_environment()
    settings = settings_or_exit(Settings)
    configure_logs()
    obey: Callable[[Settings, argparse.Namespace], int] = getattr(arguments, "obey", _help_with_account)
    return obey(settings, arguments)


def _help_with_account(settings: Settings, arguments: argparse.Namespace) -> int:
    asyncio.run(account_command.run(settings, arguments))
    return 0
