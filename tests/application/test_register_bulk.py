"""Importing many at once: the same facts as one by one, in few statements, whoever else is at work."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from io import BytesIO
from pathlib import Path
from threading import Barrier

import psycopg
import pytest

from application.handling.request import Request
from application.register.checking import check, villages_of
from application.register.importing import command_id, entry_of, import_register
from application.register.reading import read_register
from application.register.rows import Checked, HouseholdRow
from application.register.template import write_register
from bootstrap.wiring import Installation
from domain.members.registration import MemberAdded, NewMember, RegisterHousehold
from domain.values.receipt import Actor
from eventstore.lanes import lane_of
from samples.register import families
from tests.database import Databases, TestServer
from tests.installations import installed

TODAY = date(2026, 11, 20)
HOUSEHOLDS = 60


@pytest.fixture
def office(databases: Databases, tmp_path: Path) -> Iterator[Installation]:
    with installed(databases, tmp_path) as installation:
        yield installation


def register(office: Installation, count: int = HOUSEHOLDS) -> Checked:
    made = families(count, mistakes=False)
    file = BytesIO()
    write_register(
        file,
        [family.household for family in made],
        [member for family in made for member in family.members],
        [item for family in made for item in family.items],
    )
    checked = check(read_register(file.getvalue()), villages_of(office.reference.regions), TODAY)
    assert len(checked.good) == count
    return checked


def request_of(row: HouseholdRow) -> Request:
    """The row handed in by itself, as any other command."""
    township = row.region[:9]
    key = command_id(township, row.local_number, "enter-from-register")
    return Request(key, entry_of(row), Actor("import", f"{township}/township"))


def facts(databases: Databases) -> dict[str, list[tuple[object, ...]]]:
    """Everything an import writes that does not depend on the moment or on keys."""
    with psycopg.connect(databases.store) as connection:
        return {
            name: connection.execute(query).fetchall()
            for name, query in {
                "events": "SELECT stream_id, version, event_id, name, effective_on, meta, data FROM es_event"
                " WHERE name LIKE 'household.%' ORDER BY 1, 2",
                "commands": "SELECT lane, command_id, streams, versions FROM es_command ORDER BY 1, 2",
                "index": "SELECT kind, count(*), count(DISTINCT owner) FROM es_index GROUP BY 1 ORDER BY 1",
            }.items()
        }


def test_it_writes_the_very_facts_that_one_by_one_writes(
    server: TestServer, office: Installation, databases: Databases, tmp_path: Path
) -> None:
    checked = register(office)
    states = {each.state for each in import_register(office.handler, checked, "import")}
    assert states == {"accepted"}
    with server.databases() as others, installed(others, tmp_path / "others") as other:
        for row in checked.good:
            other.handler.handle(request_of(row))
        assert facts(databases) == facts(others)


def test_rows_handed_in_one_by_one_before_are_known_again(office: Installation, databases: Databases) -> None:
    checked = register(office)
    for row in checked.good[::3]:
        office.handler.handle(request_of(row))
    answers = {each.row: each for each in import_register(office.handler, checked, "import")}
    assert [answers[row.row].state for row in checked.good] == ["already", "accepted", "accepted"] * 20
    before = facts(databases)
    for row in checked.good:
        handled = office.handler.handle(request_of(row))
        assert (handled.repeated, handled.household) == (True, answers[row.row].household)
    assert facts(databases) == before


def test_keys_of_a_lane_are_made_in_one_statement_and_ids_found_in_one(
    office: Installation, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = register(office)
    lanes = {lane_of(request_of(row).stream) for row in checked.good}
    made: list[int] = []
    found: list[int] = []
    ring, store = office.store.keys, office.store
    fetch, find = ring._fetch, store.find_each

    def fetched(owners: list[object], *, make: bool) -> object:
        made.append(len(owners))
        return fetch(owners, make=make)  # type: ignore[arg-type]

    def asked(kind: str, texts: list[str]) -> object:
        found.append(len(texts))
        return find(kind, texts)

    monkeypatch.setattr(ring, "_fetch", fetched)
    monkeypatch.setattr(type(store), "find_each", lambda self, kind, texts: asked(kind, texts))
    monkeypatch.setattr(type(store), "find", None)
    list(import_register(office.handler, checked, "import"))
    people = sum(len(row.members) for row in checked.good)
    assert (len(made), sum(made)) == (len(lanes), people + HOUSEHOLDS)
    assert found == [people]


def test_whoever_is_registered_meanwhile_keeps_their_id_and_the_household_goes_in(
    office: Installation, databases: Databases
) -> None:
    checked = register(office)
    last = max(checked.good, key=lambda row: (lane_of(request_of(row).stream), row.row))
    importing = import_register(office.handler, checked, "import")
    first = next(importing)
    person = last.members[0]
    meanwhile = RegisterHousehold(
        TODAY, last.region, (NewMember("A", person.name, "head", person.id_number, work_capacity="full"),)
    )
    key = command_id("elsewhere", "1", "register-household")
    elsewhere = office.handler.handle(Request(key, meanwhile, Actor("w1", f"{last.region[:9]}/township")))
    answers = {each.row: each for each in (first, *importing)}
    assert {each.state for each in answers.values()} == {"accepted"}
    persons = [
        next(row.event for row in office.store.load(household).rows if isinstance(row.event, MemberAdded))
        for household in (elsewhere.household, answers[last.row].household)
        if household is not None
    ]
    assert persons[0].person == persons[1].person


def test_two_imports_of_one_register_at_once_write_everything_once(
    office: Installation, databases: Databases
) -> None:
    checked = register(office)
    barrier = Barrier(4)

    def work(_: int) -> list[str]:
        barrier.wait()
        return [each.state for each in import_register(office.handler, checked, "import")]

    with ThreadPoolExecutor(4) as pool:
        states = [state for told in pool.map(work, range(4)) for state in told]
    assert (states.count("accepted"), states.count("already")) == (HOUSEHOLDS, 3 * HOUSEHOLDS)
    written = facts(databases)
    assert len(written["commands"]) - len({row[1] for row in written["commands"]}) == 0
    assert sum(row[3] == "household.registered.1" for row in written["events"]) == HOUSEHOLDS


def test_a_household_the_rules_refuse_keeps_nobody_else_of_its_lane_out(office: Installation) -> None:
    checked = register(office)
    bad = replace(checked.good[0], members=checked.good[0].members * 2)
    answers = list(import_register(office.handler, replace(checked, good=(bad, *checked.good[1:])), "import"))
    states = {each.row: each.state for each in answers}
    assert states.pop(bad.row) == "refused"
    assert set(states.values()) == {"accepted"}
