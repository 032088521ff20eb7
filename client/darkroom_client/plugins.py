"""Commands that other packages add to `darkroom` through the entry-point group `darkroom.commands`."""

import argparse
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

from darkroom_client.terminal import clean, print_error

GROUP = "darkroom.commands"
UNAVAILABLE = 1


def add_plugins(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", requested: str | None) -> None:
    """Register the command `requested`, or all if none has that name, because the help lists all.

    A command that cannot be loaded reports it when it is called and does not affect the others.
    """
    points = sorted(entry_points(group=GROUP), key=lambda each: each.name)
    for point in [each for each in points if each.name == requested] or points:
        _add(commands, point)


def _add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", point: EntryPoint) -> None:
    try:
        register = point.load()
        register(commands)
    except Exception as error:  # noqa: BLE001 - no exception of a plugin may break the other commands
        reason = clean(f"{type(error).__name__}: {error}".splitlines()[0])
        parser = commands.add_parser(point.name, help=f"not available: {reason}", prefix_chars="\0", add_help=False)
        parser.add_argument("ignored", nargs="*")
        parser.set_defaults(run=_unavailable(point.name, reason))


def _unavailable(name: str, reason: str) -> Callable[[argparse.Namespace], int]:
    def run(_: argparse.Namespace) -> int:
        print_error(f"the command `{name}` is not available: {reason}")
        return UNAVAILABLE

    return run
