"""The fold row: one household with decades of monthly payments, loaded and folded, against the library's repository."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from statistics import median
from typing import Final
from uuid import UUID

import psycopg

from bench.contestants import Case, Cases
from bench.databases import Installed, installed
from bench.processes import Apart, Job, profile_of
from bench.rows import AuditFailed, Extent, Measure, Outcome, Row, Sample, amount, ratios, rotated
from bench.server import BenchServer, library_environment
from bootstrap.addresses import Addresses
from bootstrap.wiring import opened
from domain.aid.payments import AidDelivered, PaymentOrdered
from domain.household.event import Event
from domain.values.month import Month, Months
from domain.values.person import HouseholdId
from tests.projections.lives import enclosed, fill, told
from tests.scenario import HOUSEHOLD
from tests.stories import paid, yu_confirmed

STORE: Final = "hulian_fold"
STOCK: Final = "stock_fold"
LENGTHS: Final = (300, 1_000, 3_000)
A_SAVE: Final = 100
"""How many events of the library's aggregate are saved at once: of many hundreds it never comes back."""
LIMIT_MS: Final = 20.0
"""Above this at 1,000 events, DESIGN §3 wants snapshots."""


def measure(server: BenchServer, extent: Extent) -> Outcome:
    """Rounds in turn, each the median of several loads; every fold must have seen every event."""
    made = installed(server, STORE)
    stock = server.database(STOCK)
    ours = {length: _household(made, length) for length in LENGTHS}
    theirs = {length: _aggregate(stock, length) for length in LENGTHS}
    for place in (made.where.store, stock):
        with psycopg.connect(place, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
    server.checkpoint()
    times = extent.few(30, quick=2)
    found: dict[tuple[str, int], list[float]] = {}
    measures = {
        (kind, length): Measure(f"fold: {name}, {length:,} events", "loads")
        for length in LENGTHS
        for kind, name in (("ours", "HuLian, CommandHandler"), ("theirs", "stock repository"))
    }
    jobs: dict[str, Job] = {
        "ours": (folding, (made.where, made.key_directory, ours, times)),
        "theirs": (getting, (library_environment(stock), theirs, times)),
    }
    with Apart([jobs["ours"]]) as handler, Apart([jobs["theirs"]]) as library:
        crews = {"ours": handler, "theirs": library}
        for n in range(extent.few(5, quick=1)):
            for kind in rotated(list(crews), n):
                before = server.cpu()
                crews[kind].begin()
                (answer,) = crews[kind].answers()
                used = server.cpu() - before
                for length, each in answer.told.items():
                    found.setdefault((kind, length), []).append(median(each) * 1e3)
                    part = sum(each) / answer.seconds
                    sample = Sample(len(each), sum(each), answer.cpu * part, used * part)
                    measures[kind, length].samples.append(sample)
                    measures[kind, length].peak_kib = answer.peak_kib
    rows = []
    for length in LENGTHS:
        asked = (LIMIT_MS, LIMIT_MS) if length == 1_000 else ()
        rows.append(amount(f"load and fold of {length:,} events", found["ours", length], "ms", *asked))
        rows.append(_against(length, found))
    profile = profile_of(jobs["ours"]) if extent.profiled(rows) else ""
    server.drop(*made.databases, STOCK)
    return Outcome(
        rows,
        list(measures.values()),
        audited=sum(len(each) for each in found.values()),
        notes=["months of benefit ordered and settled, two events each; CPU shared out by time"],
        profile=profile,
    )


@contextmanager
def folding(
    where: Addresses, keys: Path, households: dict[int, HouseholdId], times: int
) -> Iterator[Callable[[], dict[int, list[float]]]]:
    """Load and fold each household as a command does; the seconds of each time, by length."""
    with opened(where, keys, pool_size=2) as installation:
        load = installation.households.load

        def one(length: int) -> None:
            loaded = load(households[length])
            if loaded.version < length or not loaded.household.registered:
                raise AuditFailed(f"{length} events wanted, {loaded.version} folded")

        yield lambda: _timed(one, times)


@contextmanager
def getting(
    environment: dict[str, str], aggregates: dict[int, UUID], times: int
) -> Iterator[Callable[[], dict[int, list[float]]]]:
    """The library's own: each aggregate by its repository; the seconds of each time, by length."""
    application = Cases({**environment, "CREATE_TABLE": "no"})

    def one(length: int) -> None:
        case: Case = application.repository.get(aggregates[length])
        if case.version < length:
            raise AuditFailed(f"{length} events wanted, {case.version} folded")

    try:
        yield lambda: _timed(one, times)
    finally:
        application.close()


def _timed(one: Callable[[int], None], times: int) -> dict[int, list[float]]:
    found: dict[int, list[float]] = {}
    for length in LENGTHS:
        for _ in range(times):
            began = time.perf_counter()
            one(length)
            found.setdefault(length, []).append(time.perf_counter() - began)
    return found


def chain_of(length: int) -> list[Event]:
    """A household's events up to a length: found to be in need, then paid month after month."""
    story = paid(yu_confirmed(), Month(2021, 8), Month(2021, 8), 10)
    *before, ordered, settled = story.events
    assert isinstance(ordered, PaymentOrdered)
    assert isinstance(settled, AidDelivered)
    chance = random.Random(length)
    events: list[Event] = [*before]
    month = ordered.month
    while len(events) < length:
        payment = UUID(int=chance.getrandbits(128), version=5)
        day = date(month.first_day.year, month.first_day.month, 10)
        events.append(replace(ordered, on=day, payment=payment, month=month))
        events.append(replace(settled, on=day, payment=payment, period=Months(month, month)))
        month = month + 1
    return events[:length]


def _household(made: Installed, length: int) -> HouseholdId:
    (life,) = enclosed({HouseholdId(HOUSEHOLD): chain_of(length)}, random.Random(length))
    written = fill(made.where.store, [life])
    if written != length:
        raise AuditFailed(f"{length} events wanted, {written} written")
    return HouseholdId(life[0].originator_id)


def _aggregate(uri: str, length: int) -> UUID:
    life = told(paid(yu_confirmed(), Month(2021, 8), Month(2021, 8), 10))
    bodies = [(one.name, json.loads(one.data)) for one in life]
    application = Cases(library_environment(uri))
    try:
        case = Case(*bodies[0])
        for n, (name, body) in enumerate((bodies[1:] + bodies[-2:] * length)[: length - 1]):
            case.happen(name, body)
            if n % A_SAVE == 0:
                application.save(case)
        application.save(case)
        return case.id
    finally:
        application.close()


def _against(length: int, found: dict[tuple[str, int], list[float]]) -> Row:
    label = f"load and fold of {length:,} events: time / stock repository"
    return ratios(label, found["ours", length], found["theirs", length], at_most=True)
