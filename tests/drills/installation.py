"""A running Darkroom for drills: `darkroom up` without its worker, which each drill starts and kills itself."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from app.stores.resources import COMPLETIONS_TOPIC
from local.resources import Access
from tests.local.up.darkroom import environment, three_free_ports
from tests.servers import running
from tests.signed import control_faults

COMMANDS = Path(sys.executable).parent
ADMINISTRATOR, PASSWORD = "admin@example.com", "a long enough password"
COMPLETIONS_QUEUE = "drill-completions"
COMMAND_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Rule:
    """A fault that a stand-in injects; see `local/faults/plan.py`."""

    operation: str
    fault: str
    rate: float = 1.0
    seconds: float = 0.0
    times: int | None = None


@dataclass(frozen=True, slots=True)
class Installation:
    url: str
    folder: Path
    app: dict[str, str]
    """The environment of app and workers, without their listen addresses."""

    @property
    def tables(self) -> str:
        return self.app["DARKROOM_DYNAMODB_ENDPOINT"]

    @property
    def objects(self) -> str:
        return self.app["DARKROOM_S3_ENDPOINT"]

    @property
    def queues(self) -> str:
        """The endpoint of SQS and SNS."""
        return self.app["DARKROOM_SQS_ENDPOINT"]

    def client(self, service: str, endpoint: str) -> Any:
        """Return a botocore client, for calls that no part of Darkroom makes."""
        access_key, secret = self.app["AWS_ACCESS_KEY_ID"], self.app["AWS_SECRET_ACCESS_KEY"]
        return Access(self.app["AWS_REGION"], access_key, secret, None).client(service, endpoint)

    def pid(self, part: str) -> int:
        """Return the process id of the part whose command contains these words."""
        children = Path(f"/proc/{self.supervisor}/task/{self.supervisor}/children").read_text().split()
        return next(int(child) for child in children if part in " ".join(command_of(int(child))))

    @property
    def supervisor(self) -> int:
        return int((self.folder / "lock").read_text())

    def verify(self, *words: str) -> str:
        """Return the findings of `darkroom verify`, one per line; it reads every original as well."""
        command = [str(COMMANDS / "darkroom"), "verify", "--json", "--read", *words]
        done: subprocess.CompletedProcess[str] = subprocess.run(  # noqa: S603  # our own program
            command,
            env=outer_environment() | self.app,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        assert done.returncode in (0, 1), done.stderr
        return done.stdout


def command_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


_backends: dict[str, tuple[str, str, str]] = {}
"""Service and credential of each running stand-in, by address; they sign its fault plan."""


def _control(method: str, store: str, body: bytes) -> httpx.Response:
    service, access_key_id, secret_access_key = _backends[store]
    return control_faults(method, store, body, service, access_key_id, secret_access_key)


async def inject(store: str, *rules: Rule) -> None:
    """Replace the fault plan of the stand-in at this address. Without rules it injects no faults."""
    plan = {"rules": [{name: getattr(rule, name) for name in Rule.__slots__} for rule in rules]}
    response = await asyncio.to_thread(_control, "PUT", store, json.dumps(plan).encode())
    assert response.status_code == 204, response.text


async def injected(store: str) -> int:
    """Return the number of faults that the stand-in has injected since its last plan."""
    plan = (await asyncio.to_thread(_control, "GET", store, b"")).json()
    return sum(rule["injected"] for rule in plan["rules"])


@contextmanager
def running_installation(folder: Path) -> Iterator[Installation]:
    port = three_free_ports()
    settings = {"DARKROOM_FAULTS": "on", "DARKROOM_WORKER": "off", "PYTHONWARNINGS": "default"}
    assignments = [
        f"{name}={value}"
        for name, value in environment(folder, port, **settings).items()
        if os.environ.get(name) != value
    ]
    command: Sequence[str | Path] = ["env", *assignments, sys.executable, "-m", "local"]
    with running(command, "Darkroom is ready at"):
        installation = Installation(f"http://127.0.0.1:{port}", folder, json.loads((folder / "app.json").read_text()))
        key, secret = installation.app["AWS_ACCESS_KEY_ID"], installation.app["AWS_SECRET_ACCESS_KEY"]
        _backends[installation.tables] = ("dynamodb", key, secret)
        _backends[installation.objects] = ("s3", key, secret)
        _backends[installation.queues] = ("sqs", key, secret)
        _make_administrator(installation)
        _subscribe(installation)
        yield installation


def _make_administrator(installation: Installation) -> None:
    command = [sys.executable, "-m", "app", "create-account", ADMINISTRATOR, "--administrator"]
    subprocess.run(  # noqa: S603  # our own program
        command,
        env=outer_environment() | installation.app,
        input=f"{PASSWORD}\n",
        text=True,
        timeout=COMMAND_SECONDS,
        check=True,
        capture_output=True,
    )


def _subscribe(installation: Installation) -> None:
    """Create a queue and subscribe it to the SNS topic."""
    sqs, sns = installation.client("sqs", installation.queues), installation.client("sns", installation.queues)
    url = sqs.create_queue(QueueName=COMPLETIONS_QUEUE)["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topics = [topic["TopicArn"] for topic in sns.list_topics()["Topics"]]
    topic = next(arn for arn in topics if re.search(f":{COMPLETIONS_TOPIC}$", arn))
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)


def outer_environment() -> dict[str, str]:
    """Return the environment of the test run without its Darkroom settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("DARKROOM_", "AWS_"))}
