"""`darkroom admin`: operators' commands that run on the machine itself."""

import argparse

from app.admin.commands.local_environment import adopt_local_environment
from app.admin.commands.parsers import add_admin_actions


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `admin` to the `darkroom` command."""
    parser = commands.add_parser("admin", help="accounts, keys, changed recipes (operators)")
    actions = parser.add_subparsers(dest="command", required=True, metavar="action")
    add_admin_actions(actions)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the chosen action. It is imported here, so that `darkroom --help` does not wait for the service's modules."""
    from app.settings import Settings
    from darkroom_process.logs import configure_logs
    from darkroom_process.settings import settings_or_exit

    adopt_local_environment()
    settings = settings_or_exit(Settings)
    configure_logs()
    match arguments.command:
        case "rotate-key":
            from app.admin.commands.keys import rotate_key

            return rotate_key(settings)
        case "retire-key":
            from app.admin.commands.keys import retire_key

            return retire_key(settings, arguments)
        case "reprocess":
            from app.admin.commands.reprocess import reprocess

            return reprocess(settings, arguments)
        case "rebuild-search":
            from app.admin.commands.rebuild_search import rebuild_search

            return rebuild_search(settings, arguments)
        case "administrator-link":
            from app.admin.commands.administrator_link import print_administrator_link

            return print_administrator_link(settings, arguments)
        case _:
            from app.admin.commands.accounts import run_action

            return run_action(settings, arguments)
