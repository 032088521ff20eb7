"""Faults on purpose, in front of the AWS stand-ins: what AWS does now and then and an emulator never does.

Each server is started with it when DARKROOM_FAULTS=on, and does nothing until `PUT /__faults` gives it a plan. Standard
library only: the emulator's interpreter has nothing else.
"""

import os
from collections.abc import Callable

from local.asgi import Application
from local.faults.messages import MessageFaults
from local.faults.plan import Plan
from local.faults.wrapper import Faults
from local.signatures import Verifier

__all__ = ["with_faults", "with_queue_faults"]


def is_on() -> bool:
    return os.environ.get("DARKROOM_FAULTS", "off") == "on"


def with_faults(application: Application, verifier: Verifier) -> Application:
    """The application itself unless DARKROOM_FAULTS=on. A plan must be signed."""
    return Faults(application, Plan(), verifier) if is_on() else application


def with_queue_faults(
    emulator: Application, hold_polls: Callable[[Application], Application], verifier: Verifier
) -> Application:
    """`hold_polls` goes between: errors hit a poll once, while messages are doubled or delayed under the held poll."""
    if not is_on():
        return hold_polls(emulator)
    plan = Plan()
    return Faults(hold_polls(MessageFaults(emulator, plan)), plan, verifier)
