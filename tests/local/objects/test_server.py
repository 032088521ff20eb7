"""The server around the S3 calls: health checks, connection reuse, races of readers and writers, HTTPS."""

import asyncio
import datetime
import http.client
import ipaddress
import secrets
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiobotocore.session
import httpx
import pytest
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from darkroom_shared.task_group import TaskGroup
from tests.local.objects.stores import ACCESS_KEY_ID, MEBIBYTE, REGION, SECRET_ACCESS_KEY, Store
from tests.servers import free_port, objects_command, running


@pytest.fixture
async def client(our_store: Store) -> AsyncIterator[Any]:
    """An aiobotocore client, as in the app."""
    session: Any = aiobotocore.session.get_session()  # its types know only botocore's newer Config
    async with session.create_client(
        "s3",
        endpoint_url=our_store.endpoint,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
        config=Config(signature_version="s3v4", connect_timeout=5, read_timeout=30),
    ) as created:
        yield created


@pytest.fixture
async def own_bucket(client: Any) -> str:
    name = f"server-{secrets.token_hex(8)}"
    await client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_health_needs_no_credentials(our_store: Store, path: str) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        assert (await http.get(our_store.endpoint + path)).status_code == 200


async def test_a_reader_sees_the_old_or_the_new_object_but_never_a_mixture(client: Any, own_bucket: str) -> None:
    async def write() -> None:
        for number in range(60):
            await client.put_object(Bucket=own_bucket, Key="playlist", Body=bytes([number]) * 300_000)

    async def read() -> None:
        while not writing.done():
            got = await client.get_object(Bucket=own_bucket, Key="playlist")
            body = await got["Body"].read()
            assert len(body) == 300_000
            assert len(set(body)) == 1

    await client.put_object(Bucket=own_bucket, Key="playlist", Body=b"0" * 300_000)
    async with TaskGroup() as tasks:
        writing = tasks.create_task(write())
        for _ in range(4):
            tasks.create_task(read())


async def test_one_of_many_create_only_writers_succeeds(client: Any, own_bucket: str) -> None:
    errors: set[str] = set()

    async def put(number: int) -> bool:
        try:
            await client.put_object(Bucket=own_bucket, Key="once", Body=b"%d" % number, IfNoneMatch="*")
        except client.exceptions.ClientError as error:
            errors.add(error.response["Error"]["Code"])
            return False
        return True

    won = await asyncio.gather(*(put(number) for number in range(20)))
    assert (won.count(True), errors) == (1, {"PreconditionFailed"})
    got = await client.get_object(Bucket=own_bucket, Key="once")
    assert await got["Body"].read() == b"%d" % won.index(True)


async def test_concurrent_parts_and_completions_create_one_object(client: Any, own_bucket: str) -> None:
    named = {"Bucket": own_bucket, "Key": "movie"}
    named["UploadId"] = (await client.create_multipart_upload(**named))["UploadId"]
    bodies = [bytes([number]) * (5 * MEBIBYTE) for number in range(4)]
    sent = await asyncio.gather(
        *(client.upload_part(**named, PartNumber=number, Body=body) for number, body in enumerate(bodies, 1))
    )
    parts = {"Parts": [{"PartNumber": number, "ETag": part["ETag"]} for number, part in enumerate(sent, 1)]}
    first, second = await asyncio.gather(
        *(client.complete_multipart_upload(**named, MultipartUpload=parts) for _ in range(2))
    )
    assert first["ETag"] == second["ETag"]
    got = await client.get_object(Bucket=own_bucket, Key="movie")
    assert await got["Body"].read() == b"".join(bodies)


def test_an_error_before_the_body_closes_an_expecting_connection(our_store: Store) -> None:
    connection = http.client.HTTPConnection(urlsplit(our_store.endpoint).netloc, timeout=60)
    connection.putrequest("PUT", "/bucket/a")
    connection.putheader("Content-Length", "1000000")
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    response = connection.getresponse()
    assert (response.status, response.getheader("connection")) == (403, "close")
    response.read()
    connection.close()


def test_a_connection_stays_usable_after_a_refused_body(our_store: Store) -> None:
    connection = http.client.HTTPConnection(urlsplit(our_store.endpoint).netloc, timeout=60)
    for _ in range(3):
        connection.request("PUT", "/bucket/a", body=bytes(2 * MEBIBYTE))
        response = connection.getresponse()
        assert (response.status, b"AccessDenied" in response.read()) == (403, True)
    connection.close()


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, secret = folder / "certificate.pem", folder / "key.pem"
    chain.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    no_password = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, no_password))
    return chain, secret


async def test_the_server_uses_the_configured_certificate_for_https(tmp_path: Path) -> None:
    chain, key = certificate(tmp_path)
    port = free_port()
    command = objects_command(port, tmp_path / "objects", ACCESS_KEY_ID, SECRET_ACCESS_KEY)
    tls = ("env", f"DARKROOM_TLS_CERTIFICATE={chain}", f"DARKROOM_TLS_KEY={key}")
    with running([*tls, *command], "server.ready"):
        context = ssl.create_default_context(cafile=chain)
        async with httpx.AsyncClient(verify=context, trust_env=False, timeout=60) as http_client:
            assert (await http_client.get(f"https://127.0.0.1:{port}/readyz")).status_code == 200
