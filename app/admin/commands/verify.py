"""`darkroom verify`: an operators' command that runs beside the service, with its settings."""

import argparse

from pydantic import TypeAdapter, ValidationError

from app.admin.commands.local_environment import adopt_local_environment
from darkroom_shared.ids import AccountId, AccountIdField

_ACCOUNT_ID: TypeAdapter[AccountId] = TypeAdapter(AccountIdField)


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `verify` to the `darkroom` command."""
    parser = commands.add_parser(
        "verify",
        help="check every item's objects, digests and log (operators)",
        description="Compares rows, objects, logs and the search index. A change of an item during the run may cause a "
        "false finding, except in the search index. Reads the app's settings from the environment, or, if they are "
        "absent, from the data folder of `darkroom up`.",
        epilog="Exit codes: 0 nothing found, 1 findings, 3 a store cannot be reached.",
    )
    parser.add_argument("--read", action="store_true", help="also read every original and compare its bytes")
    parser.add_argument(
        "--account", metavar="ACCOUNT", type=_account_id, help="instead report what is left of this account"
    )
    parser.add_argument("--json", action="store_true", help="print one object per finding")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the verification. It is imported here, so that `darkroom --help` does not wait for the service's modules."""
    from app.admin.commands.verify_report import verify

    adopt_local_environment()
    return verify(arguments)


def _account_id(text: str) -> AccountId:
    """Parse an argument. Raises ArgumentTypeError."""
    try:
        return _ACCOUNT_ID.validate_python(text)
    except ValidationError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not an account's id") from error
