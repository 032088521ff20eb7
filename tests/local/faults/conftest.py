"""The three stand-ins with fault injection enabled, and boto3 as an independent client."""

import json
from collections.abc import Iterator
from typing import Any

import botocore.session
import httpx
import pytest
from botocore.config import Config

from tests.servers import (
    ACCESS_KEY_ID,
    SECRET_ACCESS_KEY,
    free_port,
    objects_command,
    running,
    running_queues,
    tables_command,
)
from tests.signed import control_faults

NO_RETRIES = Config(connect_timeout=5, read_timeout=25, retries={"mode": "standard", "total_max_attempts": 1})


def a_client(service: str, endpoint: str, config: Config = NO_RETRIES) -> Any:
    session = botocore.session.Session()
    return session.create_client(
        service,
        region_name="us-east-1",
        endpoint_url=endpoint,
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
        config=config,
    )


class Backend:
    """A server with fault injection: its endpoint and its plan."""

    def __init__(self, endpoint: str, service: str) -> None:
        self.endpoint, self.service = endpoint, service

    def control(self, method: str, body: bytes = b"") -> httpx.Response:
        return control_faults(method, self.endpoint, body, self.service)

    def plan(self, *rules: dict[str, Any], seed: int = 0) -> None:
        self.control("PUT", json.dumps({"seed": seed, "rules": rules}).encode()).raise_for_status()

    def injected(self) -> list[int]:
        """Return how often each rule of the plan was applied."""
        return [rule["injected"] for rule in self.control("GET").json()["rules"]]


@pytest.fixture(scope="module")
def tables_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    command = ["env", "DARKROOM_FAULTS=on", *tables_command(port, tmp_path_factory.mktemp("tables") / "tables.db")]
    with running(command, "server.ready"):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def objects_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port, folder = free_port(), tmp_path_factory.mktemp("objects")
    command = ["env", "DARKROOM_FAULTS=on", *objects_command(port, folder, ACCESS_KEY_ID, SECRET_ACCESS_KEY)]
    with running(command, "server.ready"):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def queues_server() -> Iterator[str]:
    with running_queues(faults="on") as endpoint:
        yield endpoint


@pytest.fixture
def tables(tables_server: str) -> Iterator[Backend]:
    yield from _without_plan_afterwards(tables_server, "dynamodb")


@pytest.fixture
def objects(objects_server: str) -> Iterator[Backend]:
    yield from _without_plan_afterwards(objects_server, "s3")


@pytest.fixture
def queues(queues_server: str) -> Iterator[Backend]:
    yield from _without_plan_afterwards(queues_server, "sqs")


def _without_plan_afterwards(endpoint: str, service: str) -> Iterator[Backend]:
    backend = Backend(endpoint, service)
    yield backend
    backend.plan()
