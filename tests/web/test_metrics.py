"""`python -m web` with an operator port: what an operator sees of forwarded requests, and what visitors do not see."""

import asyncio

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.servers import free_port
from tests.web.test_process import running_web

COUNTED = "darkroom_web_request_duration_seconds_count", ("GET", "/v1/{path}", "2xx")
REQUESTS = 100


async def test_forwarded_requests_are_counted_without_their_paths(app_url: str) -> None:
    port = free_port()
    async with (
        running_web(app_url, operator_port=str(port)) as (_process, url),
        httpx.AsyncClient(trust_env=False, timeout=60) as client,
    ):
        await client.get(f"{url}/v1/echo")
        before = await counted(client, port, 1)
        for number in range(REQUESTS - 1):
            assert (await client.get(f"{url}/v1/echo/{number}")).status_code == 200
        after = await counted(client, port, REQUESTS)
    assert after.keys() == before.keys()
    assert after[COUNTED] == REQUESTS


async def test_an_unreachable_app_is_counted() -> None:
    port = free_port()
    async with (
        running_web(f"http://127.0.0.1:{free_port()}", operator_port=str(port)) as (_process, url),
        httpx.AsyncClient(trust_env=False, timeout=60) as client,
    ):
        assert (await client.get(f"{url}/v1/echo")).status_code == 503
        assert (await series(client, port))["darkroom_web_app_errors_total", ("unreachable",)] == 1


async def test_the_serving_port_has_no_metrics(app_url: str) -> None:
    async with (
        running_web(app_url, operator_port=str(free_port())) as (_process, url),
        httpx.AsyncClient(trust_env=False, timeout=60) as client,
    ):
        response = await client.get(f"{url}/metrics")
    assert "darkroom_web" not in response.text


async def counted(client: httpx.AsyncClient, port: int, requests: int) -> dict[tuple[str, tuple[str, ...]], float]:
    """Return the series once this many requests are counted: a request is counted after its response."""
    while (current := await series(client, port)).get(COUNTED, 0) < requests:  # noqa: ASYNC110 - no event of another process
        await asyncio.sleep(0.01)
    return current


async def series(client: httpx.AsyncClient, port: int) -> dict[tuple[str, tuple[str, ...]], float]:
    """Return the values by name and labels' values, in the order of the labels' names."""
    text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for metric in text_string_to_metric_families(text)
        for sample in metric.samples
    }
