"""Commands that come at the same time: the same facts, answers and refusals as one after the other, in one commit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from time import monotonic, sleep
from typing import Literal
from uuid import UUID, uuid5

import psycopg
import pytest

from application.handling import batch_queue
from application.handling.batch_queue import BatchQueue
from application.handling.command_batching import CommandBatching
from application.handling.loaded_household import LoadedHousehold, replayed
from application.handling.request import Handled, Request
from bootstrap.wiring import Installation, opened
from domain.household.command import Command
from domain.members.registration import NewMember, RegisterHousehold
from domain.values.person import HouseholdId
from domain.values.receipt import Actor
from domain.watching.alerts import FeedBackAlert, NoOpenAlert, RaiseAlert, VerifyAlert
from eventstore.errors import ChangedCommand, VersionConflict
from eventstore.lanes import lane_of
from eventstore.postgres.libpq_client import LibpqClient, Statement
from tests import stories
from tests.database import Databases
from tests.installations import addresses_of, installed

SEED = UUID("00000000-0000-5000-8000-0000000000cd")
DAY = date(2021, 7, 1)
TOWNSHIP = Actor("w1", "370786101/township")


@pytest.fixture
def office(databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setattr(batch_queue, "PATIENCE", 30.0)
    with installed(databases, tmp_path) as installation:
        yield installation


def asked(what: str, command: Command, household: HouseholdId | None = None) -> Request:
    return Request(uuid5(SEED, what), command, TOWNSHIP, household)


def alert(
    what: str, household: HouseholdId, colour: Literal["RED", "ORANGE"] = "RED", note: str | None = None
) -> Request:
    return asked(what, RaiseAlert(DAY, "E-EXP-01", colour, note=note), household)


def homes(office: Installation, many: int) -> list[HouseholdId]:
    """Households in lanes of their own."""
    found: dict[int, HouseholdId] = {}
    for n in range(1_000):
        if len(found) == many:
            break
        family = RegisterHousehold(DAY, "370786101215", (NewMember("A1", f"于某{n}", "head"),))
        request = asked(f"register {n}", family)
        if lane_of(request.stream) not in found:
            found[lane_of(request.stream)] = office.commands.handle(request).household
    return list(found.values())


def _queue_of(office: Installation) -> BatchQueue[Request, Handled]:
    assert isinstance(office.commands, CommandBatching)
    return office.commands._queue


@contextmanager
def at_work(office: Installation, databases: Databases, household: HouseholdId) -> Iterator[Future[Handled]]:
    """A command that is kept at work, its lane held by somebody, until the end."""
    with psycopg.connect(databases.store) as other, ThreadPoolExecutor(1) as pool:
        other.execute("SELECT 1 FROM es_lane WHERE lane = %s FOR UPDATE", (lane_of(household),))
        future = pool.submit(office.commands.handle, alert("kept", household))
        _until(lambda: _queue_of(office)._at_work)
        yield future
        other.rollback()


def together(
    office: Installation, databases: Databases, first: HouseholdId, requests: Sequence[Request]
) -> list[Future[Handled]]:
    """What became of requests that waited for one at work, and were then carried out together."""
    with ThreadPoolExecutor(len(requests)) as pool:
        with at_work(office, databases, first) as kept:
            futures = []
            for n, request in enumerate(requests, 1):
                futures.append(pool.submit(office.commands.handle, request))
                _until(lambda n=n: len(_queue_of(office)._queue) == n)  # type: ignore[misc]
        assert kept.result().version == 3
        return futures


def _until(that: Callable[[], object]) -> None:
    end = monotonic() + 20
    while not that():
        assert monotonic() < end
        sleep(0.001)


@contextmanager
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The statements sent meanwhile."""
    names: list[str] = []
    lock = threading.Lock()
    ask = LibpqClient.rows

    def spied(self: LibpqClient, statement: Statement, *args: object, **more: object) -> object:
        with lock:
            names.append(statement.name.decode())
        return ask(self, statement, *args, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(LibpqClient, "rows", spied)
        yield names


def facts(office: Installation, household: HouseholdId) -> list[tuple[object, ...]]:
    rows = office.store.load(household).rows
    return [
        (r.originator_version, r.event_id, r.name, r.effective_on, r.data, r.meta_bytes, bool(r.private))
        for r in rows
    ]


def test_those_who_wait_are_read_in_one_statement_and_appended_in_one_commit(
    office: Installation, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *rest = homes(office, 6)
    requests = [alert(f"alert {n}", home, note=f"入户核实{n}") for n, home in enumerate(rest)]
    with sent(monkeypatch) as names:
        futures = together(office, databases, first, requests)
    assert [each.result().version for each in futures] == [3] * 5
    assert sorted(name for name in names if name.startswith("es_")) == [
        "es_append",
        "es_append_many",
        "es_brief",
        "es_briefs",
    ]


def test_the_facts_and_answers_are_those_of_commands_carried_out_alone(
    office: Installation, databases: Databases
) -> None:
    first, *rest = homes(office, 6)
    requests = [alert(f"alert {n}", home, note=f"入户核实{n}") for n, home in enumerate(rest)]
    answers = [each.result() for each in together(office, databases, first, requests)]
    written = {home: facts(office, home) for home in rest}
    for answer, request in zip(answers, requests, strict=True):
        row = office.store.load(request.stream).rows[-1]
        assert answer.household == request.household
        assert answer.reached == {lane_of(request.stream): row.position}
        assert answer.recorded_at == row.recorded_at
        assert [type(event) for event in answer.events] == [type(row.event)]
        assert (answer.repeated, answer.news, answer.others) == (False, True, ())
        again = office.commands.handle(request)
        assert again.repeated
        assert (again.version, again.reached) == (answer.version, answer.reached)
    assert {home: facts(office, home) for home in rest} == written
    events = {home: rows[-1][2:5] for home, rows in written.items()}
    for n, home in enumerate(rest):
        name, day, data = events[home]
        alone = office.handler.preview(requests[n], _loaded(office, home))
        (event,) = alone[home]
        encoded = office.store.codec.encode(event)
        assert (encoded.name, event.on, encoded.data) == (name, day, data)


def _loaded(office: Installation, home: HouseholdId) -> dict[HouseholdId, LoadedHousehold]:
    chain = replayed(None, office.store.brief(home)[:2])
    assert chain is not None
    return {home: chain}


def test_among_those_who_wait_each_is_refused_repeated_or_overtaken_by_itself(
    office: Installation, databases: Databases
) -> None:
    first, one, two, three, four, five = homes(office, 6)
    before = office.commands.handle(alert("sent before", one))
    seen = office.commands.handle(alert("in between", two)).version
    requests = [
        alert("sent before", one),
        replace(alert("stale", two, "ORANGE"), expected=seen - 1),
        asked("no alert is open", VerifyAlert(DAY, ("w1", "w2"), True), three),
        replace(alert("sent before", four), command=FeedBackAlert(DAY, "watch")),
        alert("goes through", five),
    ]
    futures = together(office, databases, first, requests)
    assert futures[0].result().repeated
    assert futures[0].result().version == before.version
    for future, refusal in zip(futures[1:4], (VersionConflict, NoOpenAlert, NoOpenAlert), strict=True):
        with pytest.raises(refusal):
            future.result()
    assert futures[4].result().version == 3
    assert [len(facts(office, home)) for home in (one, two, three, four, five)] == [3, 3, 2, 2, 3]


def test_the_same_id_with_another_content_is_refused_in_a_group_too(
    office: Installation, databases: Databases
) -> None:
    first, one, two = homes(office, 3)
    office.commands.handle(alert("said", one))
    changed = alert("said", one, "ORANGE")
    futures = together(office, databases, first, [changed, alert("other", two)])
    with pytest.raises(ChangedCommand):
        futures[0].result()
    assert futures[1].result().version == 3


def test_two_commands_of_one_household_at_once_both_come_true(
    office: Installation, databases: Databases
) -> None:
    first, one, two = homes(office, 3)
    other = asked("second", RaiseAlert(DAY, "E-LOS-01", "RED"), one)
    futures = together(office, databases, first, [alert("first", one), other, alert("other", two)])
    assert sorted(each.result().version for each in futures[:2]) == [3, 4]
    assert futures[2].result().version == 3


def test_the_same_command_sent_twice_at_once_has_one_effect(
    office: Installation, databases: Databases
) -> None:
    first, one, two = homes(office, 3)
    twice = alert("twice", one)
    futures = together(office, databases, first, [twice, twice, alert("other", two)])
    answers = [each.result() for each in futures[:2]]
    assert sorted(answer.repeated for answer in answers) == [False, True]
    assert answers[0].reached == answers[1].reached
    assert len(facts(office, one)) == 3


def test_what_needs_more_than_its_household_is_not_kept_waiting(
    office: Installation, databases: Databases
) -> None:
    first, _ = homes(office, 2)
    family = RegisterHousehold(DAY, "370786101215", (NewMember("A1", "于某", "head", stories.A2),))
    with at_work(office, databases, first) as kept:
        assert office.commands.handle(asked("a new family", family)).version == 2
        assert not kept.done()


def test_where_commands_are_not_batched_each_goes_by_itself(
    office: Installation, databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest = homes(office, 6)
    with opened(addresses_of(databases), tmp_path, pool_size=8, batching=False) as unbatched:
        assert unbatched.commands is unbatched.handler
        with sent(monkeypatch) as names, ThreadPoolExecutor(6) as pool:
            list(
                pool.map(
                    unbatched.commands.handle, [alert(f"alert {n}", home) for n, home in enumerate(rest)]
                )
            )
    assert names.count("es_append") == 6
    assert "es_append_many" not in names


def test_on_citus_commands_are_not_batched(
    office: Installation, databases: Databases, tmp_path: Path
) -> None:
    # the extension itself is not at hand: its entry in the list of extensions is what a process goes by
    with psycopg.connect(databases.store, autocommit=True) as owner:
        owner.execute("SET allow_system_table_mods = on")
        owner.execute(
            "INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)"
            " SELECT 16383, 'citus', nspowner, oid, false, '14' FROM pg_namespace WHERE nspname = 'pg_catalog'"
        )
    with opened(addresses_of(databases), tmp_path) as spread:
        assert spread.commands is spread.handler
