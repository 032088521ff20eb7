"""Request metrics have one series per route template: neither ids nor unknown paths make more."""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import httpx
import pytest_asyncio
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from darkroom_shared.ids import new_album_id, new_item_id
from tests.api import open_app
from tests.services import Stores

UNKNOWN = {"Authorization": "Bearer unknown"}


@dataclass(frozen=True, slots=True)
class MeteredApp:
    client: httpx.AsyncClient
    registry: CollectorRegistry

    def series(self) -> set[tuple[str, str]]:
        return {(sample.name, str(sample.labels)) for sample in self._samples()}

    def counts(self) -> dict[tuple[str, str, str], float]:
        """Return how many requests each route, method and class of status had."""
        return {
            (sample.labels["route"], sample.labels["method"], sample.labels["status"]): sample.value
            for sample in self._samples()
            if sample.name == "darkroom_request_duration_seconds_count"
        }

    def _samples(self) -> list[Sample]:
        scraped = text_string_to_metric_families(generate_latest(self.registry).decode())
        return [sample for metric in scraped for sample in metric.samples]


@pytest_asyncio.fixture(scope="module")
async def app(stores: Stores, make_sqlite: Callable[[], str]) -> AsyncIterator[MeteredApp]:
    registry = CollectorRegistry()
    settings = stores.settings(database_url=make_sqlite())
    async with open_app(settings, registry) as (client, _state):
        yield MeteredApp(client, registry)


async def test_a_hundred_ids_make_no_new_series(app: MeteredApp) -> None:
    async def request_four(number: int) -> None:
        await app.client.get(f"albums/{new_album_id()}", headers=UNKNOWN)  # the fast path
        await app.client.get(f"albums/{new_album_id()}")
        await app.client.get(f"items/{new_item_id()}")
        await app.client.get(f"nothing/{number}/here")

    await request_four(0)
    before = app.series()
    for number in range(1, 26):
        await request_four(number)
    assert app.series() == before
    assert app.counts()["unmatched", "GET", "4xx"] >= 25


async def test_the_fast_path_and_the_route_of_an_album_have_the_same_label(app: MeteredApp) -> None:
    label = "/v1/albums/{album}", "GET", "4xx"
    before = app.counts().get(label, 0)
    await app.client.get(f"albums/{new_album_id()}", headers=UNKNOWN)
    await app.client.get(f"albums/{new_album_id()}")
    assert app.counts()[label] == before + 2


async def test_each_route_of_the_api_is_counted_by_its_template(app: MeteredApp) -> None:
    description = (await app.client.get("openapi.json")).json()
    routes = {(path, method.upper()) for path, methods in description["paths"].items() for method in methods}
    for path, method in routes:
        await app.client.request(method, re.sub(r"\{[^}]*\}", "x", path).removeprefix("/v1/"))
    assert {(route, method) for route, method, _ in app.counts()} >= routes


async def test_the_serving_port_has_no_metrics(app: MeteredApp) -> None:
    assert (await app.client.get("http://app/metrics")).status_code == 404
