"""The statistics worker: one cut a day, merged once, whoever and however many do it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from threading import Event, Thread

import pytest

from bootstrap.wiring import Installation
from domain.values.month import Month, Months
from projections.merging import ModelsBehind
from projections.percentiles import counts_of
from tests.database import Databases
from tests.installations import installed
from tests.workers.test_deadlines import DAY, accepted
from workers import statistics
from workers.statistics import cut_of, merge_cut

MONTH = Months(Month.of(DAY), Month.of(DAY))


def applications(office: Installation) -> int:
    with office.pool.connection() as connection:
        report = counts_of(connection, "370786", "county", MONTH, "applied")
    return sum(each.homes for each in report.figures)


def test_a_day_has_one_cut_that_is_merged_once(databases: Databases, tmp_path: Path) -> None:
    with installed(databases, tmp_path) as office:
        accepted(office)
        today = date(2026, 11, 20)
        cut = cut_of(office.store, today)
        assert cut == cut_of(office.store, today)
        assert cut != cut_of(office.store, today, "again")
        office.projector()  # makes the tables, empty yet
        with pytest.raises(ModelsBehind):
            merge_cut(office.pool, office.reference, cut, today)
        office.caught_up()
        with ThreadPoolExecutor(4) as at_once:
            done = list(at_once.map(lambda _: merge_cut(office.pool, office.reference, cut, today), range(4)))
        assert sorted(done) == [False, False, False, True]
        assert applications(office) == 1


def test_the_worker_waits_for_the_read_models_and_merges_then(databases: Databases, tmp_path: Path) -> None:
    with installed(databases, tmp_path) as office:
        accepted(office)
        office.projector()
        stop = Event()
        worker = Thread(
            target=statistics.run,
            args=(office.store, office.pool, office.reference, lambda: date(2026, 11, 20), stop, 0.05),
        )
        worker.start()
        office.caught_up()
        with office.pool.connection() as connection:
            merged: tuple[int] | None = (0,)
            while merged == (0,):
                merged = connection.execute("SELECT count(*) FROM read_statistics.merged").fetchone()
        stop.set()
        worker.join(timeout=20)
        assert not worker.is_alive()
        assert applications(office) == 1
