"""Fault injection in front of the AWS stand-ins: faults that AWS has at times and an emulator never.

Each server includes it if DARKROOM_FAULTS=on; it does nothing until `PUT /__faults` sets a plan. Standard library
only, because the emulator's interpreter has nothing else.
"""

import os
from collections.abc import Callable

from darkroom_process.asgi_types import Application
from local.faults.messages import MessageFaults
from local.faults.plan import Plan
from local.faults.wrapper import Faults
from local.signatures import Verifier

__all__ = ["with_faults", "with_queue_faults"]


def is_on() -> bool:
    return os.environ.get("DARKROOM_FAULTS", "off") == "on"


def with_faults(application: Application, verifier: Verifier) -> Application:
    """Wrap the application if DARKROOM_FAULTS=on; otherwise return it unchanged. A plan must be signed."""
    return Faults(application, Plan(), verifier) if is_on() else application


def with_queue_faults(
    emulator: Application, hold_polls: Callable[[Application], Application], verifier: Verifier
) -> Application:
    """Wrap the emulator and its held polls.

    `hold_polls` is between two layers: errors hit a poll once, while messages are duplicated or delayed inside the
    held poll.
    """
    if not is_on():
        return hold_polls(emulator)
    plan = Plan()
    return Faults(hold_polls(MessageFaults(emulator, plan)), plan, verifier)
