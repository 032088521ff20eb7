"""Parsers of the operators' commands, without their work, which takes seconds to import."""

import argparse
from urllib.parse import urlsplit


def add_admin_actions(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parsers of all actions of `darkroom admin`."""
    add_account_actions(actions)
    _add_key_actions(actions)
    _add_reprocess(actions)
    _add_rebuild_search(actions)


def add_account_actions(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parsers of `create-account`, `reset-password` and `administrator-link`."""
    create = actions.add_parser(
        "create-account", help="create an account; prompts for the password, or reads it from stdin"
    )
    create.add_argument("email")
    create.add_argument("--administrator", action="store_true")
    reset = actions.add_parser("reset-password", help="set a new password and end the account's sessions")
    reset.add_argument("email")
    link = actions.add_parser(
        "administrator-link",
        help="print a one-time link with which the first administrator creates the first account",
        description="The link is valid for 24 hours, until it is used, or until this command prints another one. If an "
        "account exists, none is made.",
        epilog="Exit codes: 0 printed, or an account exists; 3 the database cannot be reached.",
    )
    link.add_argument(
        "--url", required=True, type=_page_url, help="of the page, for example https://photos.example.com"
    )


def _page_url(text: str) -> str:
    """Parse an argument. Raises ArgumentTypeError."""
    address = urlsplit(text)
    if address.scheme not in {"http", "https"} or not address.hostname or address.query or address.fragment:
        raise argparse.ArgumentTypeError(f"{text!r} is not the URL of a page, as https://photos.example.com is")
    return text.rstrip("/")


def _add_key_actions(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parsers of `rotate-key` and `retire-key`."""
    actions.add_parser("rotate-key", help="sign delivery URLs with a new key; issued URLs stay valid")
    retire = actions.add_parser("retire-key", help="remove old keys whose last URL has expired")
    retire.add_argument(
        "--at-once", action="store_true", help="remove all but the newest, although issued URLs become invalid"
    )


def _add_reprocess(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parser of `reprocess`."""
    parser = actions.add_parser(
        "reprocess",
        help="process ready items again by this release's recipe, behind new uploads",
        description="Requests the processing of every ready item that another recipe made. Items stay ready with their "
        "old files until the new ones are complete; the old ones are kept for 30 days. If interrupted, start it again: "
        "it processes only what is missing.",
        epilog="Exit codes: 0 done, 1 some could not be reprocessed and are unchanged, 3 a store cannot be "
        "reached, 130 interrupted.",
    )
    body = parser.add_mutually_exclusive_group()
    body.add_argument("--dry-run", action="store_true", help="only print how many, and an estimate of the time")
    body.add_argument("--roll-back", action="store_true", help="restore the files that this recipe's replaced")
    parser.add_argument("--account", metavar="ID", help="only this account's items")
    parser.add_argument(
        "--slots", type=int, metavar="N", help="slots of the bulk lane to keep busy, of all workers together"
    )


def _add_rebuild_search(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parser of `rebuild-search`."""
    parser = actions.add_parser(
        "rebuild-search",
        help="rebuild the search index from all items, while it is in use",
        description="Searches keep working meanwhile: missing entries are added, wrong ones deleted. If interrupted, "
        "start it again.",
        epilog="Exit codes: 0 done, 3 a store cannot be reached, 130 interrupted.",
    )
    parser.add_argument("--account", metavar="ID", help="only this account's items")
