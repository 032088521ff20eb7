"""The operator port: metrics for a scraper on the same machine or in the same network, and nothing else."""

import httpx
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from darkroom_process.metrics import RequestMetrics, new_registry
from darkroom_process.operator_port import OperatorPort
from tests.servers import free_port


async def get(port: int, path: str = "/metrics", *, host: str | None = None, method: str = "GET") -> httpx.Response:
    headers = {} if host is None else {"Host": host}
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        return await client.request(method, f"http://127.0.0.1:{port}{path}", headers=headers)


async def test_a_scraper_reads_the_process_and_its_event_loop() -> None:
    port = free_port()
    async with OperatorPort("127.0.0.1", port, new_registry()):
        response = await get(port)
    scraped = {metric.name for metric in text_string_to_metric_families(response.text)}
    assert {"darkroom_event_loop_lag_seconds", "process_resident_memory_bytes", "process_open_fds"} <= scraped


async def test_requests_are_counted_by_route_method_and_class_of_status() -> None:
    registry, port = CollectorRegistry(), free_port()
    metrics = RequestMetrics(registry)
    metrics.observe("/v1/items/{item}", "GET", 200, 0.02)
    metrics.observe("/v1/items/{item}", "GET", 206, 3.0)
    metrics.observe("/v1/items/{item}", "BREW", 0, 0.1)
    async with OperatorPort("127.0.0.1", port, registry):
        text = (await get(port)).text
    samples = {
        (sample.labels["method"], sample.labels["status"]): sample.value
        for metric in text_string_to_metric_families(text)
        for sample in metric.samples
        if sample.name == "darkroom_request_duration_seconds_count"
    }
    assert samples == {("GET", "2xx"): 2, ("other", "none"): 1}


@pytest.mark.parametrize("host", ["rebound.example.org", "rebound.example.org:{port}", "127.0.0.1.example.org:{port}"])
async def test_a_rebound_host_is_refused(host: str) -> None:
    port = free_port()
    async with OperatorPort("127.0.0.1", port, CollectorRegistry()):
        response = await get(port, host=host.format(port=port))
    assert (response.status_code, response.json()["type"]) == (400, "urn:darkroom:problem:bad-request")


async def test_a_scraper_may_name_the_machine_by_its_address() -> None:
    port = free_port()
    async with OperatorPort("127.0.0.1", port, CollectorRegistry()):
        assert [(await get(port, host=host)).status_code for host in (f"10.1.2.3:{port}", f"localhost:{port}")] == [
            200,
            200,
        ]


async def test_it_serves_one_page_and_only_for_reading() -> None:
    port = free_port()
    async with OperatorPort("127.0.0.1", port, CollectorRegistry()):
        paths = [(await get(port, path)).status_code for path in ("/", "/healthz", "/metrics/")]
        methods = [(await get(port, method=method)).status_code for method in ("HEAD", "POST", "DELETE")]
    assert (paths, methods) == ([404, 404, 404], [200, 405, 405])


async def test_it_closes_with_its_context() -> None:
    port = free_port()
    async with OperatorPort("127.0.0.1", port, CollectorRegistry()):
        await get(port)
    with pytest.raises(httpx.ConnectError):
        await get(port)


async def test_a_taken_port_ends_the_start_with_a_line_that_names_the_setting() -> None:
    port = free_port()
    async with OperatorPort("127.0.0.1", port, CollectorRegistry()):
        with pytest.raises(SystemExit, match=f"DARKROOM_OPERATOR_PORT is wrong: 127.0.0.1:{port} cannot be used"):
            await OperatorPort("127.0.0.1", port, CollectorRegistry()).__aenter__()
