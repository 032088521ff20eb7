"""Parsers of the operators' commands, without their work, which takes seconds to import."""

import argparse


def add_admin_actions(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parsers of all actions of `darkroom admin`."""
    add_account_actions(actions)
    _add_key_actions(actions)
    _add_reprocess(actions)
    _add_rebuild_search(actions)


def add_account_actions(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parsers of `create-account` and `reset-password`."""
    create = actions.add_parser("create-account", help="make an account; asks for the password, or reads it from stdin")
    create.add_argument("email")
    create.add_argument("--administrator", action="store_true")
    reset = actions.add_parser("reset-password", help="set a new password and end the account's sessions")
    reset.add_argument("email")


def _add_key_actions(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parsers of `rotate-key` and `retire-key`."""
    actions.add_parser("rotate-key", help="sign delivery URLs with a new key; those given out stay valid")
    retire = actions.add_parser("retire-key", help="take old keys away whose URLs have all ended")
    retire.add_argument(
        "--at-once", action="store_true", help="all but the newest, although URLs that were given out become void"
    )


def _add_reprocess(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parser of `reprocess`."""
    parser = actions.add_parser(
        "reprocess",
        help="make ready items anew by this release's recipe, behind new uploads",
        description="Asks the workers for every ready item that another recipe made. Items stay ready with their old "
        "files until the new ones are there; those are kept for 30 days. Interrupted, start it again: it does only "
        "what is missing.",
        epilog="Exit codes: 0 done, 1 some could not be reprocessed and stayed as they were, 3 a store cannot be "
        "reached, 130 interrupted.",
    )
    body = parser.add_mutually_exclusive_group()
    body.add_argument("--dry-run", action="store_true", help="only say how many, and how long it will take")
    body.add_argument("--roll-back", action="store_true", help="name the files again that this recipe's replaced")
    parser.add_argument("--account", metavar="ID", help="only this account's items")
    parser.add_argument(
        "--slots", type=int, metavar="N", help="slots of the bulk lane to keep busy, of all workers together"
    )


def _add_rebuild_search(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parser of `rebuild-search`."""
    parser = actions.add_parser(
        "rebuild-search",
        help="read all items into the search index anew, while it is in use",
        description="What is found stays found meanwhile, what is new is added, and what should not be there goes. "
        "Interrupted, start it again.",
        epilog="Exit codes: 0 done, 3 a store cannot be reached, 130 interrupted.",
    )
    parser.add_argument("--account", metavar="ID", help="only this account's items")
