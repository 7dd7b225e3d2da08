"""The sample province: copies of decided lives, the same however it is stopped, valid as if each had been decided."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import psycopg
import pytest

from application.handling.system_acts import act_id
from bootstrap.addresses import Addresses
from bootstrap.wiring import Installation, adopt, migrated, opened, today
from domain.catalogue import RULES
from domain.clock.supervision import system_acts
from domain.household.claims import claims_of
from domain.household.state import Household
from domain.members.registration import HouseholdRegistered
from domain.values.citizen_id import parse
from domain.values.person import HouseholdId
from domain.values.receipt import Decision, Receipt, replay
from eventstore.lanes import lane_of
from projections.card_list import After, cards_in
from projections.engine.progress import Progress
from projections.engine.row_security import read_as
from projections.work_list_queries import counts_in
from samples.province import DAY, EventsOutOfReach, Province, Wish, _tilted, model_pack
from samples.province_places import TOWNS
from tests.database import Databases, TestServer

HOUSEHOLDS, EVENTS = 1_000, 14_000
SAMPLED = 150
KILLS = 1


@dataclass(frozen=True)
class Made:
    """A province made by the command without a stop."""

    databases: Databases
    home: Path
    told: Mapping[str, Any]


def environment(databases: Databases, home: Path) -> Mapping[str, str]:
    home.mkdir(exist_ok=True)
    return {
        **os.environ,
        "HULIAN_HOME": str(home),
        "HULIAN_DATABASE_URL": databases.store,
        "HULIAN_KEYS_URL": databases.keys,
    }


def making(databases: Databases, home: Path, *more: str) -> subprocess.Popen[str]:
    options = ["--households", str(HOUSEHOLDS), "--events", str(EVENTS), *more]
    return subprocess.Popen(
        [sys.executable, "-m", "bootstrap", "sample", "province", *options],
        env=environment(databases, home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> Mapping[str, Any]:
    said, complained = process.communicate(timeout=300)
    assert process.returncode == 0, complained
    told: dict[str, Any] = json.loads(said)
    return told


def facts(databases: Databases) -> list[tuple[object, ...]]:
    """Everything stored that depends neither on keys nor on who was first in a lane."""
    with psycopg.connect(databases.store) as connection:
        return connection.execute(
            "SELECT e.lane, e.stream_id, e.version, e.event_id, e.name, e.effective_on, e.recorded_at, e.meta, e.data"
            " FROM es_event e JOIN es_stream s USING (lane, stream_id) WHERE s.category = 'household'"
            " ORDER BY 1, 2, 3"
        ).fetchall()


def beside(databases: Databases) -> tuple[list[tuple[object, ...]], ...]:
    """How many commands, claims and index entries there are, and that positions lie dense."""
    with psycopg.connect(databases.store) as connection:
        return tuple(
            connection.execute(question).fetchall()
            for question in (
                "SELECT lane, command_id FROM es_command ORDER BY 1, 2",
                "SELECT * FROM es_claim ORDER BY lane, kind, key",
                "SELECT kind, count(*), count(DISTINCT owner) FROM es_index GROUP BY kind ORDER BY kind",
                "SELECT lane, position FROM es_lane ORDER BY lane",
                "SELECT lane, max(position), count(*) FROM es_event GROUP BY lane ORDER BY lane",
            )
        )


def households(databases: Databases) -> int:
    with psycopg.connect(databases.store) as connection:
        row = connection.execute("SELECT count(*) FROM es_stream WHERE category = 'household'").fetchone()
    return 0 if row is None else int(row[0])


@pytest.fixture(scope="module")
def made(server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    with server.databases() as pair:
        home = tmp_path_factory.mktemp("province")
        yield Made(pair, home, finished(making(pair, home, "--json")))


@pytest.fixture(scope="module")
def installation(made: Made) -> Iterator[Installation]:
    where = Addresses(made.databases.store, made.databases.keys, made.databases.store, made.databases.keys)
    with opened(where, made.home / "keys", pool_size=2) as opened_there:
        yield opened_there


@pytest.fixture(scope="module")
def sampled(installation: Installation) -> list[tuple[HouseholdId, Household]]:
    with installation.pool.connection() as connection:
        ids = connection.execute("SELECT stream_id FROM es_stream WHERE category = 'household'").fetchall()
    chosen = Random(1).sample(sorted(id for (id,) in ids), SAMPLED)
    return [(HouseholdId(id), installation.households.get(HouseholdId(id))) for id in chosen]


def test_it_holds_what_was_wished_in_the_places_made_for_it(made: Made, installation: Installation) -> None:
    told = made.told
    assert households(made.databases) == told["households"] == told["new"]["households"] == HOUSEHOLDS
    assert abs(told["events"] - EVENTS) < EVENTS / 50
    assert len(facts(made.databases)) == told["events"] == told["new"]["events"]
    assert len(told["kinds"]) > 45
    with installation.pool.connection() as connection:
        rows = connection.execute(
            "SELECT county, count(*), count(DISTINCT township), count(DISTINCT village) FROM read_card.card"
            " GROUP BY county ORDER BY county"
        ).fetchall()
        towns = connection.execute(
            "SELECT DISTINCT right(village, 3) FROM read_card.card WHERE area = 'urban'"
        ).fetchall()
    ours = [row for row in rows if row[0].startswith("9910")]
    assert [county for county, *_ in ours] == ["991001", "991002"]
    assert all(count > 300 and townships == 12 and villages > 80 for _, count, townships, villages in ours)
    assert {town for (town,) in towns} == set(TOWNS)


def test_its_work_lists_are_full_and_its_read_models_complete(installation: Installation) -> None:
    assert set(Progress(installation.pool).lag().values()) == {0}
    with installation.pool.connection() as connection:
        assert connection.execute("SELECT count(*) FROM read_parked").fetchone() == (0,)
        counts = counts_in(connection, "99", DAY)
    assert len(counts) > 25
    assert sum(each.overdue for each in counts) > 30


@pytest.mark.parametrize("place", ["99", "9910", "991001", "991002103"])
@pytest.mark.parametrize("category", [None, "DIBAO", "MARGINAL", "TEKUN"])
def test_lists_show_page_by_page_just_who_is_there(
    installation: Installation, place: str, category: str | None
) -> None:
    there = (
        "SELECT lane, household FROM read_card.card c WHERE starts_with(region, %s) AND joined_into IS NULL"
        " AND (%s::text IS NULL OR EXISTS (SELECT FROM read_card.category k WHERE k.lane = c.lane"
        " AND k.household = c.household AND k.category = %s AND since <= %s AND (until IS NULL OR until > %s)))"
        " ORDER BY lane, household"
    )
    seen: list[After] = []
    with installation.pool.connection() as connection, connection.transaction():
        expected = connection.execute(there.encode(), [place, category, category, DAY, DAY]).fetchall()
        read_as(connection, "9910" if len(place) > 2 else "99")
        after = None
        while rows := cards_in(connection, place, DAY, category=category, after=after, limit=37):
            seen += [row.after for row in rows]
            after = seen[-1]
    assert seen == expected
    assert (len(seen) > 0) is (category != "TEKUN") or len(place) == 9


def test_every_household_replays_to_one_that_owes_the_system_nothing(
    installation: Installation, sampled: list[tuple[HouseholdId, Household]]
) -> None:
    for id, household in sampled:
        assert household.registered
        assert household.id == id
        done = {act_id(id, act) for act in system_acts(household, DAY)}
        known = {row.event_id for row in installation.store.load(id).rows}
        assert not done - known, "the system would still have to act"


def test_every_receipt_replays_and_names_the_packs_of_its_own_county(installation: Installation) -> None:
    counties = Counter[str]()
    with installation.pool.connection() as connection:
        ids = connection.execute("SELECT stream_id FROM es_stream WHERE category = 'household'").fetchall()
    for (id,) in ids:
        rows = installation.store.load(id).rows
        begun = rows[0].event
        assert isinstance(begun, HouseholdRegistered)
        region = begun.region
        for row in rows:
            for receipt in receipts(row.event):
                replay(receipt, RULES)
                rules = installation.reference.ground(region, row.event.on).policy.rules(row.event.on)
                assert list(receipt.packs) == list(rules.packs)
                counties[region[:6]] += 1
    assert len(counties) == 2


def receipts(event: object) -> Iterator[Receipt]:
    decision = getattr(event, "decision", None)
    if isinstance(decision, Decision):
        yield decision.receipt
    receipt = getattr(event, "receipt", None)
    if isinstance(receipt, Receipt):
        yield receipt


def test_claims_are_those_the_events_say(made: Made, sampled: list[tuple[HouseholdId, Household]]) -> None:
    with psycopg.connect(made.databases.store) as connection:
        rows = connection.execute("SELECT holder, key, valid_from, valid_to FROM es_claim").fetchall()
    held: dict[UUID, set[tuple[object, ...]]] = {}
    for holder, *claim in rows:
        held.setdefault(holder, set()).add(tuple(claim))
    assert sum(bool(claims_of(household)) for _, household in sampled) > 5
    for id, household in sampled:
        said = {(claim.person, claim.start, claim.end) for claim in claims_of(household)}
        assert held.get(id, set()) == said


def test_people_have_names_and_test_numbers_of_their_own_that_open_and_are_found(
    installation: Installation, sampled: list[tuple[HouseholdId, Household]]
) -> None:
    numbers: list[str] = []
    names: set[str] = set()
    for id, household in sampled:
        for member in household.people.members:
            name, number = installation.keys.reveal(
                [member.name, member.id_number], purpose="test", actor="w1", subject=id
            )
            assert name is not None
            assert number is not None
            assert number.startswith("99")
            found = parse(number, today=DAY)
            assert (found.birth, found.sex) == (member.birth, member.sex)
            assert installation.store.find("id-number", number) == member.person
            numbers.append(number)
            names.add(name)
    assert len(set(numbers)) == len({member.person for _, h in sampled for member in h.people.members})
    assert len(names) > SAMPLED


def test_killed_at_any_point_it_goes_on_and_ends_the_same(
    made: Made, server: TestServer, tmp_path: Path
) -> None:
    with server.databases() as pair:
        chance = Random(os.urandom(8))
        alone = ("--no-projections", "--processes", "1")
        for n in range(KILLS):
            before = households(pair)
            process = making(pair, tmp_path, *alone)
            wanted = chance.randint(1, HOUSEHOLDS // (KILLS + 1))
            until = time.monotonic() + 60
            while households(pair) < before + wanted and process.poll() is None and time.monotonic() < until:
                time.sleep(0.01)
            process.kill()
            process.communicate()
            assert before < households(pair) < HOUSEHOLDS, f"kill {n}"
        told = finished(making(pair, tmp_path, *alone, "--json"))
        assert 0 < told["new"]["households"] < HOUSEHOLDS
        assert facts(pair) == facts(made.databases)
        assert beside(pair) == beside(made.databases)
        again = finished(making(pair, tmp_path, *alone, "--json"))
        assert again["new"] == {"households": 0, "events": 0}


def test_another_province_and_a_store_in_use_are_refused(
    made: Made, databases: Databases, tmp_path: Path
) -> None:
    other = making(made.databases, made.home, "--seed", "2")
    assert "[another-province]" in other.communicate()[1]
    assert other.returncode == 1
    assert households(made.databases) == HOUSEHOLDS
    where = Addresses(databases.store, databases.keys, databases.store, databases.keys)
    migrated(where)
    adopt(where, tmp_path / "home" / "keys", today())
    used = making(databases, tmp_path / "home")
    assert "[not-for-samples]" in used.communicate()[1]
    assert households(databases) == 0


def test_batches_hold_every_household_once_each_in_its_lane(installation: Installation) -> None:
    province = Province(Wish(997, 12_000, 5), installation.reference, model(installation))
    numbers: list[int] = []
    hash = b"said"
    for batch in province.batches():
        for n in province._numbers[batch.first : batch.first + batch.count]:
            assert lane_of(province.household(n, hash).stream.stream) == batch.lane
            numbers.append(n)
    assert sorted(numbers) == list(range(997))
    kinds = Counter(province._template(n).key for n in numbers)
    assert dict(kinds) == {key: count for key, count in province.by_kind().items() if count}


def model(installation: Installation) -> Any:
    from application.reference.reference import stored_packs

    with installation.pool.connection() as connection:
        return model_pack(list(stored_packs(connection).values()))


@pytest.mark.parametrize("mean", [4.5, 10.0, 30.0, 99.0])
def test_the_mix_is_tilted_to_the_events_wished(mean: float) -> None:
    lengths = [4, 5, 12, 18, 40, 100]
    shares = _tilted([5, 9, 1, 3, 8, 2], lengths, mean)
    assert sum(shares) == pytest.approx(1)
    assert all(share > 0 for share in shares)
    assert sum(share * length for share, length in zip(shares, lengths, strict=True)) == pytest.approx(mean)


@pytest.mark.parametrize("mean", [3.0, 4.0, 100.0])
def test_more_or_fewer_events_than_any_life_has_are_refused(mean: float) -> None:
    with pytest.raises(EventsOutOfReach):
        _tilted([1, 1], [4, 100], mean)
