"""The statistics worker (统计汇总): once a day takes a cut and merges what was finished into day counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from threading import Event as Stop
from uuid import uuid5

import structlog

from application.reference.reference import Reference
from eventstore.appending.append_types import Cut
from eventstore.postgres.libpq_client import Pool
from eventstore.store import LaneStore
from projections.merging import ModelsBehind, merge

PURPOSE = "statistics"

_log = structlog.get_logger("statistics")


def cut_of(store: LaneStore, day: date, name: str = "") -> Cut:
    """The cut the statistics of a day rest on, taken at the first asking; with a `name`, another of that day."""
    return store.cut(uuid5(store.store_id, f"{PURPOSE}/{day}/{name}".rstrip("/")), PURPOSE)


def merge_cut(pool: Pool, reference: Reference, cut: Cut, today: date) -> bool:
    """Merge a cut on today's calendar editions; False when it was merged already. Raises `ModelsBehind`."""
    with pool.connection() as connection:
        return merge(connection, cut, lambda county: reference.ground(county, today).calendar)


def run(
    store: LaneStore,
    pool: Pool,
    reference: Reference,
    today: Callable[[], date],
    stop: Stop,
    pause: float = 60.0,
) -> None:
    """A merge a day until told to stop; what fails, or waits for the read models, is tried after the pause.

    Any number of workers may run: a day has one cut, and a cut is merged once.
    """
    done: date | None = None
    while not stop.is_set():
        day = today()
        if day != done:
            try:
                if merge_cut(pool, reference, cut_of(store, day), day):
                    _log.info("merged", day=str(day))
                done = day
            except ModelsBehind:
                _log.info("read models are behind", day=str(day))
            except Exception:
                _log.exception("merge failed")
        stop.wait(pause)
