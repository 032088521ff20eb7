"""Metrics of the stores' clients, read from their own counters at each scrape: pools, cache, errors of AWS calls."""

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.stores.aurora import Database
from app.stores.aws_errors import AwsErrors
from app.stores.cache.cache import Cache


def watch_stores(registry: CollectorRegistry, database: Database, cache: Cache, errors: AwsErrors) -> None:
    """Register the metrics of one process's clients."""
    registry.register(StoreCollector(database, cache, errors))


@dataclass(frozen=True, slots=True)
class StoreCollector(Collector):
    """Reads the metrics of the pools, the cache and the AWS clients when they are scraped."""

    database: Database
    cache: Cache
    errors: AwsErrors

    def collect(self) -> Iterator[Metric]:
        yield from self._pools()
        yield self._cache()
        yield self._errors()

    def _pools(self) -> Iterator[Metric]:
        in_use = GaugeMetricFamily("darkroom_database_connections_in_use", "Connections in use.", labels=("pool",))
        size = GaugeMetricFamily("darkroom_database_connections_max", "Size of the pool.", labels=("pool",))
        waits = CounterMetricFamily(
            "darkroom_database_waits", "Transactions that found no free connection.", labels=("pool",)
        )
        for name, pool in self.database.pools.items():
            in_use.add_metric((name,), pool.in_use)
            size.add_metric((name,), pool.size)
            waits.add_metric((name,), pool.waits)
        return iter((in_use, size, waits))

    def _cache(self) -> Metric:
        reads = CounterMetricFamily("darkroom_cache_reads", "Values by where they came from.", labels=("result",))
        counts = self.cache.read_counts
        for result, count in (("hit", counts.hits), ("miss", counts.misses), ("bypass", counts.bypasses)):
            reads.add_metric((result,), count)
        return reads

    def _errors(self) -> Metric:
        errors = CounterMetricFamily(
            "darkroom_aws_errors", "Failed calls of AWS by class.", labels=("service", "error_class")
        )
        for each in self.errors.counts():
            errors.add_metric((each.service, each.error_class.value), each.count)
        return errors
