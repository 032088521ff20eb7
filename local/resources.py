"""Create the tables, queues, topics and buckets that the app declares; existing ones stay unchanged."""

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.part import NotPrepared
from local.startup_error import ExitCode, StartupError

DECLARATION_SECONDS = 60.0
CREATION_SECONDS = 30.0
CONFIG = Config(
    connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 5}, tcp_keepalive=False
)


Make = Callable[[Any, dict[str, Any]], None]
"""Creates resources through a client of their service, which botocore builds at run time without types."""


@dataclass(frozen=True, slots=True)
class Access:
    """Credential and region for clients of the stand-ins."""

    region: str
    access_key_id: str
    secret_access_key: str
    certificate: Path | None
    """The certificate that verifies the stand-ins; None if they use plain http."""

    def client(self, service: str, endpoint: str) -> Any:
        return botocore.session.Session().create_client(
            service,
            region_name=self.region,
            endpoint_url=endpoint,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            verify=str(self.certificate) if self.certificate else None,
            config=CONFIG,
        )


async def read_declaration(environment: dict[str, str]) -> dict[str, Any]:
    """Return the output of `python -m app resources`. Raises StartupError with its error output if it fails."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "app", "resources"),
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(DECLARATION_SECONDS):
            printed, message = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        words = message.decode(errors="replace").strip()
        raise StartupError(f"The app cannot list the resources that it needs:\n{words}", ExitCode.PART_FAILED)
    declared: dict[str, Any] = json.loads(printed)
    return declared


async def create(make: Make, access: Access, service: str, endpoint: str, declared: dict[str, Any]) -> None:
    """Run one of the functions below, in a thread because botocore blocks. Raises NotPrepared."""
    try:
        async with asyncio.timeout(CREATION_SECONDS):
            await asyncio.to_thread(_create_with_client, make, access, service, endpoint, declared)
    except TimeoutError as error:
        raise NotPrepared(f"its resources were not created within {CREATION_SECONDS:.0f} s") from error
    except (BotoCoreError, ClientError) as error:
        raise NotPrepared(f"its resources could not be created: {error}") from error


def _create_with_client(make: Make, access: Access, service: str, endpoint: str, declared: dict[str, Any]) -> None:
    client = access.client(service, endpoint)
    try:
        make(client, declared)
    finally:
        client.close()


def create_tables(client: Any, declared: dict[str, Any]) -> None:
    for table in declared["tables"]:
        with _unless("ResourceInUseException"):
            client.create_table(**table)
    for table, attribute in declared["time_to_live"].items():
        with _unless("ValidationException"):  # raised if it is already enabled
            client.update_time_to_live(
                TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": attribute}
            )


def create_buckets(client: Any, declared: dict[str, Any]) -> None:
    for bucket in declared["buckets"]:
        with _unless("BucketAlreadyOwnedByYou"):
            client.create_bucket(Bucket=bucket["name"])
        client.put_bucket_cors(Bucket=bucket["name"], CORSConfiguration={"CORSRules": bucket["cors"]})


def create_queues(client: Any, declared: dict[str, Any]) -> None:
    """Create the queues, then the redrive policies: a dead-letter queue may be declared after its source."""
    urls = {}
    for queue in declared["queues"]:
        urls[queue["name"]] = client.create_queue(QueueName=queue["name"], Attributes=queue["attributes"])["QueueUrl"]
    for queue in declared["queues"]:
        if queue["dead_letter"] is None:
            continue
        target = client.get_queue_attributes(QueueUrl=urls[queue["dead_letter"]], AttributeNames=["QueueArn"])
        policy = {"deadLetterTargetArn": target["Attributes"]["QueueArn"], "maxReceiveCount": queue["max_receives"]}
        client.set_queue_attributes(QueueUrl=urls[queue["name"]], Attributes={"RedrivePolicy": json.dumps(policy)})


def create_topics(client: Any, declared: dict[str, Any]) -> None:
    for topic in declared["topics"]:
        client.create_topic(Name=topic)


@contextmanager
def _unless(code: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] != code:
            raise
