"""`python -m web` from an operator's view: start, stop, and the message about a wrong setting."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from darkroom_client.connection import tls_context
from tests.servers import free_port
from tests.web.servers import BUCKET, CDN_URL, OBJECTS_URL, REGION

MAX_SECONDS = 60


@asynccontextmanager
async def web_process(**settings: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "web",
        env={
            **os.environ,
            "AWS_REGION": REGION,
            **{f"DARKROOM_{name.upper()}": value for name, value in settings.items()},
        },
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@asynccontextmanager
async def running_web(app_url: str, **settings: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Yield the process and its address once it is ready."""
    port = free_port()
    arguments = {"listen_port": str(port), "app_url": app_url, "cdn_url": CDN_URL, "s3_public_endpoint": OBJECTS_URL}
    arguments |= {"bucket": BUCKET, "trusted_proxies": "none"}
    async with web_process(**arguments, **settings) as process, asyncio.timeout(MAX_SECONDS):
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(trust_env=False, timeout=60, verify=tls_context()) as client:
            while process.returncode is None:
                try:
                    await client.get(f"{url}/readyz")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
        yield process, url


async def test_a_stop_ends_its_streams_and_exits_without_an_error(app_url: str, flag: str) -> None:
    async with (
        running_web(app_url) as (process, url),
        httpx.AsyncClient(trust_env=False, timeout=60, verify=tls_context()) as client,
    ):
        async with client.stream(
            "GET", f"{url}/v1/events?stream={flag}", headers={"Accept": "text/event-stream"}
        ) as stream:
            pieces = stream.aiter_bytes()
            assert await anext(pieces) == b"id: 1\ndata: first\n\n"
            process.send_signal(signal.SIGTERM)
            assert [piece async for piece in pieces] == []
        assert await process.wait() == 0
    await release(app_url, flag)


async def test_it_is_unready_before_it_stops_listening(app_url: str) -> None:
    async with running_web(app_url, drain_seconds="30") as (process, url):
        async with httpx.AsyncClient(trust_env=False, timeout=60, verify=tls_context()) as client:
            process.send_signal(signal.SIGTERM)
            while (await client.get(f"{url}/readyz")).status_code != 503:
                pass
            assert (await client.get(f"{url}/v1/echo")).status_code == 200
        process.send_signal(signal.SIGTERM)  # a second signal ends the wait early
        assert await process.wait() == 0


async def test_each_wrong_setting_is_one_line_that_names_it_and_an_example() -> None:
    async with web_process(listen_port="many", app_url="http://127.0.0.1:1", cdn_url=CDN_URL) as process:
        _, message = await process.communicate()
    lines = message.decode().splitlines()
    assert process.returncode == 2
    assert [line.partition(": expected ")[0] for line in lines] == [
        "DARKROOM_LISTEN_PORT is wrong",
        "DARKROOM_BUCKET is missing",
        "DARKROOM_TRUSTED_PROXIES is missing",
    ]
    assert lines[0].endswith(": expected a port from 1 to 65535, for example 8080")
    assert all(", for example " in line for line in lines)


async def release(app_url: str, flag: str) -> None:
    """End the upstream's stream, whose client has disconnected."""
    async with httpx.AsyncClient(base_url=app_url, trust_env=False, timeout=60, verify=tls_context()) as client:
        await client.get(f"/v1/raise/{flag}")
