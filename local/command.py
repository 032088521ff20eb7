"""Adds `up` to the `darkroom` command."""

import argparse

from local.up import main


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("up", help="start everything on this machine and stay in the foreground")
    parser.set_defaults(run=lambda _: main())
