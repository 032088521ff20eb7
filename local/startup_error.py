"""Errors that stop `darkroom up`: one clear line for the person at the terminal, and an exit code."""

from enum import IntEnum


class ExitCode(IntEnum):
    STOPPED = 0
    PART_FAILED = 1
    WRONG_SETTING = 2  # as in darkroom_process.settings
    CANNOT_START = 3


class StartupError(Exception):
    """Stops the start; `line` states the fault and the remedy."""

    def __init__(self, line: str, exit_code: ExitCode = ExitCode.CANNOT_START) -> None:
        super().__init__(line)
        self.line = line
        self.exit_code = exit_code
