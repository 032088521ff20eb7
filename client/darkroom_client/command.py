"""The `darkroom` command: parse the arguments, run one command, turn errors into a line and an exit code."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from darkroom_client import plugins
from darkroom_client.commands import (
    account,
    changing,
    downloading,
    exporting,
    listing,
    searching,
    sign_in,
    uploading,
    watching,
)
from darkroom_client.commands.running import ExitCode, common_options, exit_code, explained
from darkroom_client.errors import ClientError
from darkroom_client.terminal import prepare, print_error, remark
from darkroom_shared.problems import Problem

EPILOG = """\
environment:
  DARKROOM_URL          the server, unless --url is set
  DARKROOM_EMAIL, DARKROOM_PASSWORD
                        replace a saved sign-in

exit codes:
  0    success
  1    an error; with several items or files: at least one of them failed
  2    wrong usage
  3    the server is not reachable
  4    not signed in, or the session has ended
  130  interrupted
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    prepare()
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        chosen = _parser(words).parse_args(words)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    try:
        return int(chosen.run(chosen))
    except (Problem, ClientError) as error:
        print_error(explained(error))
        return exit_code(error)
    except KeyboardInterrupt:
        remark(chosen.resume)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:  # the reader of our output has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILURE
    except OSError as error:  # no space left for our output, for example
        print_error(explained(ClientError(str(error))))
        return ExitCode.FAILURE


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="darkroom",
        description="Drop off a photo or a video, carry on, get called back when it is ready.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"darkroom {version('darkroom-client')}")
    parser.set_defaults(resume="Interrupted.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    common = common_options()
    for topic in (sign_in, uploading, listing, searching, downloading, changing, watching, exporting, account):
        topic.register(commands, common)
    command = next((word for word in words if not word.startswith("-")), None)
    if command not in commands.choices and words[:1] != ["--version"]:  # loading the plugins takes time
        plugins.add_plugins(commands, command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
