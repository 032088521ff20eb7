"""Adds `up` to the `darkroom` command."""

import argparse


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("up", help="start everything on this machine and stay in the foreground")
    parser.set_defaults(run=_up)


def _up(_: argparse.Namespace) -> int:
    """Imports what it runs, so that other commands do not wait for it."""
    from local.up import main

    return main()
