"""The real object store with a few objects, and the real edge in front of it."""

import os
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from tests.local.edge.place import ACCESS_KEY_ID, BODIES, BUCKET, CACHING, REGION, SECRET_ACCESS_KEY, Edge
from tests.local.edge.signing import SIGNERS
from tests.servers import Server, edge_command, free_port, running, running_objects


@pytest.fixture(scope="session")
def edge_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("edge-keys")
    for signer in SIGNERS.values():
        signer.publish(folder)
    return folder


@pytest.fixture(scope="session")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_objects(tmp_path_factory.mktemp("edge-objects"), ACCESS_KEY_ID, SECRET_ACCESS_KEY) as endpoint:
        s3 = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
        )
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        for key, body in BODIES.items():
            s3.put_object(
                Bucket=BUCKET, Key=key, Body=body, ContentType="image/webp", CacheControl=CACHING, Metadata={"own": "x"}
            )
        s3.close()
        yield endpoint


@pytest.fixture(scope="session")
def edge_server(edge_keys: Path, origin: str) -> Iterator[tuple[Edge, Server]]:
    base_url = f"http://127.0.0.1:{free_port()}"
    command = edge_command(base_url, edge_keys, origin, BUCKET, ACCESS_KEY_ID, SECRET_ACCESS_KEY)
    with running(command, "server.ready") as server:
        yield Edge(base_url), server


@pytest.fixture(scope="session")
def edge(edge_server: tuple[Edge, Server]) -> Edge:
    return edge_server[0]


@pytest.fixture
def offline_environment(tmp_path: Path) -> dict[str, str]:
    """The environment of the `aws` command, without settings or credentials of the user who runs the tests."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
