"""Metrics (运行指标): what Prometheus reads; counts and times, never a household, never a person."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Final

import psycopg
import structlog
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from psycopg_pool import PoolClosed, PoolTimeout

from eventstore.postgres.libpq_client import Pool
from projections.engine.progress import Progress
from projections.gauges import oldest_waiting, overdue_by_step, parked_by_projection

KEPT_FOR: Final = 15.0
"""For how many seconds what was read of the database is told again."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_log = structlog.stdlib.get_logger(__name__)


class Requests:
    """Counts requests and their seconds by route template; told of each by the request log."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "hulian_http_request_duration_seconds",
            "Seconds until the answer was complete (a stream: until it began), by route template",
            ("method", "route", "status"),
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=registry,
        )

    def seen(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request answered."""
        named = method if method in _METHODS else "OTHER"
        self._seconds.labels(named, route, str(status)).observe(seconds)


class Gauges(Collector):
    """What stands in the database and the pool at the moment it is asked for."""

    def __init__(self, pool: Pool, progress: Progress, today: Callable[[], date]) -> None:
        self._pool = pool
        self._progress = progress
        self._today = today
        self._lock = threading.Lock()
        self._read: tuple[float, list[Metric]] = (float("-inf"), [])

    def describe(self) -> Iterable[Metric]:
        """Nothing: so that registering does not ask the database."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The pool as it is now, the database as it was at most `KEPT_FOR` seconds ago."""
        stats = self._pool.get_stats()
        for name, key, words in (
            ("size", "pool_size", "Connections there are"),
            ("available", "pool_available", "Connections nobody uses"),
            ("max", "pool_max", "The most connections there may be"),
            ("waiting", "requests_waiting", "Requests waiting for a connection"),
        ):
            yield _gauge(f"hulian_db_pool_{name}", words, stats.get(key, 0))
        with self._lock:
            if time.monotonic() - self._read[0] > KEPT_FOR:
                self._read = (time.monotonic(), self._of_database())
            yield from self._read[1]

    def _of_database(self) -> list[Metric]:
        up = _gauge("hulian_database_up", "Whether the database answers", 0)
        try:
            lag = self._progress.lag()
            with self._pool.connection() as connection:
                oldest = oldest_waiting(connection)
                overdue = overdue_by_step(connection, self._today())
                parked = parked_by_projection(connection)
        except (psycopg.Error, PoolTimeout, PoolClosed) as error:
            _log.error("gauges not read", error=type(error).__name__)
            return [up]
        behind = "Seconds the oldest event not projected has waited, by projection"
        return [
            _gauge("hulian_database_up", "Whether the database answers", 1),
            _by("hulian_projection_lag_events", "Events behind the store", "projection", lag),
            _by(
                "hulian_projection_oldest_event_seconds",
                behind,
                "projection",
                {name: oldest.get(name, 0.0) for name in lag},
            ),
            _by(
                "hulian_parked_households",
                "Households a projection left out",
                "projection",
                {name: parked.get(name, 0) for name in lag},
            ),
            _by("hulian_overdue_duties", "Duties overdue", "step", overdue),
        ]


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)


def _by(name: str, words: str, label: str, values: dict[str, int] | dict[str, float]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=[label])
    for each, value in values.items():
        family.add_metric([each], value)
    return family
