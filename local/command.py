"""Add `up` to the `darkroom` command."""

import argparse


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("up", help="start everything on this machine and stay in the foreground")
    parser.set_defaults(run=_up)


def _up(_: argparse.Namespace) -> int:
    """Run `darkroom up`. It is imported here, so that other commands do not wait for the import."""
    from local.up import main

    return main()
