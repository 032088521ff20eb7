"""`python -m app`: serve, run a worker, migrate, print the resources, manage accounts."""

import argparse
import asyncio
import importlib
import json
import sys

from app.admin.commands.parsers import add_account_actions
from app.settings import Settings
from darkroom_process.logs import configure_logs
from darkroom_process.settings import settings_or_exit
from darkroom_process.startup import pause_collections
from darkroom_shared.problems import Unavailable

UNREACHABLE = 3


def main(arguments: list[str] | None = None) -> None:
    chosen = _parser().parse_args(arguments)
    match chosen.command:
        case "resources":
            resources = importlib.import_module("app.stores.resources")
            declared = resources.as_json(chosen.bucket, chosen.prefix)
            sys.stdout.write(json.dumps(declared, indent=2) + "\n")
        case "serve":
            _serve()
        case "worker":
            _work()
        case "migrate":
            _migrate(chosen.revision)
        case "administrator-link":
            _print_administrator_link(chosen)
        case _:
            _run_account_command(chosen)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m app", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    commands.add_parser("serve", help="serve HTTP requests until SIGTERM")
    commands.add_parser("worker", help="process the queues' jobs until SIGTERM")
    migrate = commands.add_parser(
        "migrate",
        help="bring the relational database to this release's tables",
        epilog="Exit codes: 0 done; 1 the database refuses it; 3 the database cannot be reached, or another migration "
        "takes longer than an instance may take to start.",
    )
    migrate.add_argument("--revision", default="head", help="another revision, `base` for none at all")
    resources = commands.add_parser("resources", help="print every table, queue, topic and bucket as JSON")
    resources.add_argument("--bucket", default="darkroom", help="the name of the bucket (DARKROOM_BUCKET)")
    resources.add_argument("--prefix", default="darkroom-", help="what names begin with (DARKROOM_RESOURCE_PREFIX)")
    add_account_actions(commands)
    return parser


# Imports are local to each command, so that a quick command does not load the packages of the others.


def _serve() -> None:
    settings = settings_or_exit(Settings)
    configure_logs()
    pause_collections()
    from app.serving import serve

    serve(settings)


def _work() -> None:
    settings = settings_or_exit(Settings)
    configure_logs()
    pause_collections()
    importlib.import_module("app.worker.main").main(settings)


def _migrate(revision: str) -> None:
    settings = settings_or_exit(Settings)
    configure_logs()
    from app.database import connection_options
    from app.migrations.run import migrate

    try:
        asyncio.run(migrate(settings.database_url.get_secret_value(), revision, connection_options(settings)))
    except Unavailable as problem:
        sys.stderr.write(f"The database is not migrated: {problem}. Start it again.\n")
        sys.exit(UNREACHABLE)


def _print_administrator_link(chosen: argparse.Namespace) -> None:
    settings = settings_or_exit(Settings)
    configure_logs()
    from app.admin.commands.administrator_link import print_administrator_link

    sys.exit(print_administrator_link(settings, chosen))


def _run_account_command(chosen: argparse.Namespace) -> None:
    settings = settings_or_exit(Settings)
    configure_logs()
    from app.admin.commands.accounts import run_action

    run_action(settings, chosen)


if __name__ == "__main__":
    main()
