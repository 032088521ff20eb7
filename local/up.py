"""`darkroom up` from start to stop: checks, keys, parts, and one line when all parts are ready."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator

from darkroom_process.local_users import can_name_owners
from darkroom_process.settings import settings_or_exit
from local.addresses import choose_addresses
from local.certificate import ensure_certificate
from local.data_folder import open_data_folder, write_atomically
from local.environments import LOCAL_USERS, Environments, serves_other_machines
from local.installation import Installation
from local.keys import ensure_keys
from local.parts import declare_parts, require_programs
from local.resources import read_declaration
from local.settings import Settings
from local.startup_error import ExitCode, StartupError
from local.supervisor import Supervisor


def main() -> int:
    """Run until Ctrl-C or SIGTERM; return the exit code."""
    os.umask(0o077)  # private photos: only their owner may read what the parts write
    try:
        asyncio.run(up(settings_or_exit(Settings)))
    except StartupError as error:
        sys.stderr.write(f"{error.line}\n")
        return error.exit_code
    return ExitCode.STOPPED


async def up(settings: Settings) -> None:
    """Run the installation. Raises StartupError if it cannot start or continue."""
    with open_data_folder(settings.data, settings.free_bytes) as folder:
        addresses = await choose_addresses(settings)
        installation = Installation(settings, folder, addresses, ensure_keys(folder))
        require_programs(installation)
        serves_network = serves_other_machines(installation, os.environ)
        if not serves_network:
            _require_owners_of_connections()
        ensure_certificate(installation)
        _print(f"Starting Darkroom on the data in {folder.path}")
        if addresses.is_reachable_from_network and not installation.has_certificate:
            _print("Browsers on other machines can neither sign in nor upload by plain http: set DARKROOM_TLS=self.")
        _leave_environment(installation)
        if serves_network:
            _print(
                "Accounts are made on this machine: `darkroom admin create-account EMAIL`, "
                "the first one with --administrator, or by the link that `darkroom admin administrator-link` prints."
            )
        await _supervise(installation)
        _print("Darkroom has stopped.")


def _require_owners_of_connections() -> None:
    if not (os.environ.get(LOCAL_USERS) or can_name_owners()):
        raise StartupError(
            "This kernel does not report which user owns a connection, so the web tier could not refuse other users of "
            f"this machine: load the module tcp_diag, or serve all of them with {LOCAL_USERS}=*."
        )


def _leave_environment(installation: Installation) -> None:
    """Write the environment for commands run from another terminal: `darkroom verify`, `darkroom admin`."""
    environment = {
        name: value
        for name, value in Environments(installation, {}).app().items()
        if "LISTEN" not in name and "OPERATOR" not in name
    }
    write_atomically(installation.folder.environment, json.dumps(environment, indent=1) + "\n")


async def _supervise(installation: Installation) -> None:
    declaration = asyncio.ensure_future(read_declaration(Environments(installation).app()))
    supervisor = Supervisor(declare_parts(installation, declaration), installation.folder.logs, _print)
    try:
        with _stopped_by_signals(supervisor):
            await supervisor.run(on_ready=lambda: _print(f"Darkroom is ready at {installation.url}"))
    finally:
        declaration.cancel()
        # the part that needed it has already failed with this error
        with contextlib.suppress(asyncio.CancelledError, StartupError):
            await declaration


@contextlib.contextmanager
def _stopped_by_signals(supervisor: Supervisor) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in signals:
        loop.add_signal_handler(number, supervisor.stop)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
