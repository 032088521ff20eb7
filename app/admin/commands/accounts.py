"""The operator's commands: create an account, set a new password."""

import argparse
import asyncio
import getpass
import sys
from contextlib import AsyncExitStack

from pydantic import ValidationError

from app.accounts.service.operators import OperatorService
from app.accounts.wiring import build_operator, open_passwords
from app.database import open_database
from app.settings import Settings
from app.stores.cache.cache import Cache
from darkroom_shared.accounts import Register
from darkroom_shared.problems import Problem
from darkroom_shared.times import utc_now


def run_action(settings: Settings, chosen: argparse.Namespace) -> int:
    """Run the chosen command. Raises SystemExit with one line if it fails."""
    asyncio.run(_run_action(settings, chosen))
    return 0


async def _run_action(settings: Settings, chosen: argparse.Namespace) -> None:
    registration = _checked(chosen.email, await asyncio.to_thread(_read_password))
    async with AsyncExitStack() as stack:
        operator = _open(settings, stack)
        try:
            outcome = await _run(operator, registration, chosen)
        except Problem as problem:
            raise SystemExit(_reason(problem)) from None
    sys.stdout.write(outcome + "\n")


async def _run(operator: OperatorService, registration: Register, chosen: argparse.Namespace) -> str:
    password = registration.password.get_secret_value()
    if chosen.command == "reset-password":
        await operator.reset_password(registration.email, password)
        return "The new password is set, and all sessions of the account have ended."
    account = await operator.create(registration.email, password, administrator=chosen.administrator)
    return f"{account.id} is made{', an administrator' if account.administrator else ''}."


def _open(settings: Settings, stack: AsyncExitStack) -> OperatorService:
    database = open_database(settings)
    stack.push_async_callback(database.close)
    cache = Cache(database, settings.redis_url.get_secret_value(), mode=settings.cache)
    return build_operator(database=database, cache=cache, passwords=open_passwords(stack), clock=utc_now)


def _read_password() -> str:
    """Prompt twice on a terminal; otherwise read the first line of stdin."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("New password: ")
    if getpass.getpass("Once more: ") != password:
        raise SystemExit("The two passwords differ.")
    return password


def _checked(email: str, password: str) -> Register:
    try:
        return Register.model_validate({"email": email, "password": password})
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False, include_context=False)[0]
        raise SystemExit(f"The {fault['loc'][0]} is not right: {fault['msg']}") from None


def _reason(problem: Problem) -> str:
    errors = problem.extras.get("errors", [])
    return "; ".join(f"The {each['field']} {each['message']}" for each in errors) or problem.detail or problem.title
