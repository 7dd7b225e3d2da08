"""The sample office: households at every step, told by a seed, the same wherever and however often it is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest

from application.handling.command_handler import CommandHandler
from application.handling.request import Handled, Request
from bootstrap.addresses import Addresses
from bootstrap.wiring import Installation, adopt, migrated, today
from domain.household.parts import Procedure
from domain.household.state import Household
from domain.values.citizen_id import parse
from domain.values.month import Month
from domain.values.spells import Category, Label
from samples.office import DAY, HOUSEHOLDS, Planned, Standing, make_office, plan
from samples.office_lives import KINDS
from samples.office_people import COUNTY
from tests.application.trials import trial
from tests.database import Databases, TestServer

SEED = 1
LATE = {"alert-late", "accepted-late", "county-late", "check-late"}


@pytest.fixture(scope="module")
def office(server: TestServer) -> Iterator[Installation]:
    with trial(server) as installation:
        yield installation


@pytest.fixture(scope="module")
def standings(office: Installation) -> list[Standing]:
    return make_office(office.handler, HOUSEHOLDS, SEED)


@pytest.fixture(scope="module")
def planned(office: Installation) -> list[Planned]:
    return list(plan(office.handler, HOUSEHOLDS, SEED))


def facts(installation: Installation) -> list[tuple[object, ...]]:
    """Everything stored about households that does not depend on keys, with the time of recording.

    An issued document names the hash of its sealed bytes, which no two keys make alike.
    """
    with installation.pool.connection() as connection:
        return connection.execute(
            "SELECT e.lane, e.stream_id, e.version, e.event_id, e.name, e.effective_on, e.recorded_at, e.meta,"
            " CASE WHEN e.name NOT LIKE 'household.document-issued.%' THEN e.data END"
            " FROM es_event e JOIN es_stream s USING (lane, stream_id) WHERE s.category = 'household'"
            " ORDER BY e.lane, e.stream_id, e.version"
        ).fetchall()


def case_of(household: Household) -> Procedure:
    assert household.case is not None
    return household.case


def last_case_of(household: Household) -> Procedure:
    assert household.last_case is not None
    return household.last_case


def open_dues(household: Household) -> set[str]:
    return {each.due.what for each in household.dues}


def aided(household: Household) -> bool:
    spell = household.category(DAY)
    return spell is not None and spell.category == Category.DIBAO and household.case is None


STANDS: Mapping[str, Callable[[Household], bool]] = {
    "alerted": lambda h: h.alerts[-1].verified_on is None,
    "alert-late": lambda h: h.alerts[-1].verified_on is None,
    "alert-verified": lambda h: h.alerts[-1].need and h.alerts[-1].outcome is None,
    "alert-false": lambda h: h.alerts[-1].outcome == "false-positive",
    "found": lambda h: h.findings[-1].answer is None and not h.procedures,
    "applied": lambda h: case_of(h).accepted_on is None and not case_of(h).missing_notified,
    "by-agent": lambda h: case_of(h).agent is not None and case_of(h).accepted_on is None,
    "papers-missing": lambda h: bool(set(case_of(h).missing_notified) - set(case_of(h).supplemented)),
    "papers-supplemented": lambda h: (
        set(case_of(h).missing_notified) == set(case_of(h).supplemented) != set()
    ),
    "turned-away": lambda h: len(h.declined) == 1 and "DL-NAC" in open_dues(h),
    "withdrawn": lambda h: last_case_of(h).outcome == "withdrawn",
    "accepted": lambda h: case_of(h).accepted_on is not None and case_of(h).investigation_on is None,
    "accepted-late": lambda h: case_of(h).accepted_on is not None and case_of(h).investigation_on is None,
    "visiting": lambda h: case_of(h).verification_requested_on is not None and not case_of(h).visits,
    "checking": lambda h: case_of(h).verification_started_on is not None and case_of(h).reported_on is None,
    "reported": lambda h: case_of(h).report_eligible is True and not case_of(h).visits,
    "report-objected": lambda h: [o.to for o in case_of(h).objections if o.answered_on is None] == ["report"],
    "refused-co-operation": lambda h: last_case_of(h).outcome == "ended",
    "relatives": lambda h: case_of(h).known_relatives[0].relation == "sibling",
    "visited": lambda h: bool(case_of(h).visits) and case_of(h).opinion_on is None,
    "proposed": lambda h: case_of(h).opinion_approves is True and case_of(h).notice_on is None,
    "on-notice": lambda h: case_of(h).notice_on is not None and case_of(h).notice_closed_on is None,
    "notice-objected": lambda h: [o.to for o in case_of(h).objections if o.answered_on is None] == ["notice"],
    "notice-reviewed": lambda h: case_of(h).inquired_on is not None,
    "at-county": lambda h: case_of(h).file_received_on is not None and not case_of(h).returns,
    "county-late": lambda h: case_of(h).file_received_on is not None,
    "returned": lambda h: case_of(h).returns[-1].resubmitted_on is None,
    "extended": lambda h: case_of(h).extended_on is not None,
    "confirmed": lambda h: last_case_of(h).published_on is not None and h.benefits[-1].ordered is None,
    "notice-issued": lambda h: len(h.documents) == 1 and last_case_of(h).outcome == "confirmed",
    "refused": lambda h: last_case_of(h).outcome == "refused" and bool(h.undelivered),
    "refused-told": lambda h: last_case_of(h).outcome == "refused" and not h.undelivered,
    "helped-at-once": lambda h: len(h.temporary) == 1 and case_of(h).decided_on is None,
    "aided": aided,
    "helped-and-aided": lambda h: aided(h) and len(h.temporary) == 1,
    "check-late": aided,
    "payment-returned": lambda h: aided(h) and len(h.benefits[-1].returned) == 1,
    "change-reported": lambda h: aided(h) and h.changes[-1].kind == "employment",
    "complained-of": lambda h: aided(h) and h.complaints[-1].answered_on is None,
    "irregular": lambda h: aided(h) and [each.answered_on for each in h.suspicions] == [None],
    "complaint-answered": lambda h: aided(h) and h.complaints[-1].outcome == "unsubstantiated",
    "drawn": lambda h: last_case_of(h).sample is not None,
    "born": lambda h: aided(h) and max(m.start for m in h.members) > min(m.start for m in h.members),
    "died": lambda h: aided(h) and len(h.counted(DAY)) == len(h.members) - 1 and "DL-DTH" in open_dues(h),
    "died-adjusted": lambda h: aided(h) and [each.kind for each in h.decided] == ["adjustment"],
    "split-off": lambda h: aided(h) and len(h.counted(DAY)) == len(h.members) - 1,
    "moved": lambda h: aided(h) and len(h.residences) == 2,
    "corrected": lambda h: len(h.corrections) == 1 and case_of(h).opinion_on is None,
    "handed-over": lambda h: aided(h) and h.handing is not None,
    "in-grace": lambda h: aided(h) and h.grace(Month.of(DAY)) is not None,
    "exited": lambda h: not h.in_any_category(DAY) and h.cycle == 2,
    "marginal": lambda h: [s.category for s in h.categories] == [Category.DIBAO, Category.MARGINAL],
    "own-wish": lambda h: not h.in_any_category(DAY) and h.hearings[-1].substitute == "own-request",
}


def test_every_kind_of_life_is_there_and_says_where_it_stands(
    office: Installation, standings: list[Standing]
) -> None:
    assert {kind.key for kind in KINDS} == set(STANDS)
    assert len(standings) == HOUSEHOLDS == sum(kind.weight for kind in KINDS)
    counts = Counter(standing.kind.key for standing in standings)
    assert counts == {kind.key: kind.weight for kind in KINDS}
    wrong = [
        (standing.kind.key, standing.household)
        for standing in standings
        if not STANDS[standing.kind.key](office.households.get(standing.household))
    ]
    assert wrong == []


def test_just_those_meant_to_be_late_are_overdue(standings: list[Standing]) -> None:
    assert {standing.kind.key for standing in standings if standing.missed} == LATE
    assert all(standing.missed for standing in standings if standing.kind.key in LATE)


def test_telling_it_again_adds_nothing(office: Installation, standings: list[Standing]) -> None:
    before = facts(office)
    again = make_office(office.handler, HOUSEHOLDS, SEED)
    assert [(each.household, each.kind, each.missed, each.events) for each in again] == [
        (each.household, each.kind, each.missed, 0) for each in standings
    ]
    assert sum(each.events for each in standings) > 4_000
    assert facts(office) == before


def test_the_same_seed_tells_the_same_facts_in_another_store_also_when_stopped_on_the_way(
    server: TestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = CommandHandler.handle
    left = 0

    def mortal(handler: CommandHandler, request: Request) -> Handled:
        nonlocal left
        if left == 0:
            raise KeyboardInterrupt
        left -= 1
        return handle(handler, request)

    with trial(server) as whole, trial(server) as broken:
        make_office(whole.handler, len(KINDS), SEED)
        monkeypatch.setattr(CommandHandler, "handle", mortal)
        for left in (3, 100, 217, 400):  # noqa: B007 - the mortal handler counts it down
            with pytest.raises(KeyboardInterrupt):
                make_office(broken.handler, len(KINDS), SEED)
        monkeypatch.undo()
        make_office(broken.handler, len(KINDS), SEED)
        assert facts(broken) == facts(whole)


def test_another_seed_is_another_office(office: Installation, planned: list[Planned]) -> None:
    other = list(plan(office.handler, HOUSEHOLDS, SEED + 1))
    assert {each.household for each in other}.isdisjoint(each.household for each in planned)
    assert [each.kind.key for each in other] != [each.kind.key for each in planned]


def test_people_have_test_numbers_with_the_right_check_digit_each_their_own(planned: list[Planned]) -> None:
    numbers = [str(member["id_number"]) for each in planned for member in each.family.members]
    assert len(numbers) == len(set(numbers)) > HOUSEHOLDS
    assert all(parse(number, today=DAY).number == number and number.startswith(COUNTY) for number in numbers)
    assert len({member["name"] for each in planned for member in each.family.members}) > HOUSEHOLDS


def test_people_act_on_working_days_up_to_the_offices_day(
    office: Installation, planned: list[Planned]
) -> None:
    calendar = office.reference.ground(COUNTY, DAY).calendar
    days = {step.on for each in planned for step in each.steps}
    assert max(days) == DAY
    assert [day for day in days if not calendar.is_working(day)] == []
    assert all(
        earlier.on <= later.on
        for each in planned
        for earlier, later in zip(each.steps, each.steps[1:], strict=False)
    )


def test_each_step_is_recorded_on_its_own_day(office: Installation, standings: list[Standing]) -> None:
    with office.pool.connection() as connection:
        row = connection.execute(
            "SELECT count(*), max(recorded_at) FROM es_event e JOIN es_stream s USING (lane, stream_id)"
            " WHERE s.category = 'household' AND (recorded_at AT TIME ZONE 'Asia/Shanghai')::date < effective_on"
        ).fetchone()
    assert row is not None
    assert row[0] == 0


@pytest.mark.parametrize("day", [date(2026, 2, 24), date(2027, 1, 4)])
def test_it_can_be_looked_at_on_other_days(server: TestServer, day: date) -> None:
    with trial(server) as other:
        standings = make_office(other.handler, len(KINDS), 7, day)
        assert {standing.kind.key for standing in standings} == {kind.key for kind in KINDS}
        latest = max(row[5] for row in facts(other) if isinstance(row[5], date))
        assert day - timedelta(days=7) < latest <= day


# the command


def ran(databases: Databases, home: Path, *more: str) -> subprocess.CompletedProcess[str]:
    home.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "bootstrap", "sample", "office", "--households", "60", *more],
        env={
            **os.environ,
            "HULIAN_HOME": str(home),
            "HULIAN_DATABASE_URL": databases.store,
            "HULIAN_KEYS_URL": databases.keys,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def households(databases: Databases) -> int:
    with psycopg.connect(databases.store) as connection:
        row = connection.execute("SELECT count(*) FROM es_stream WHERE category = 'household'").fetchone()
    return 0 if row is None else int(row[0])


def test_the_command_makes_a_trial_tells_where_households_stand_and_is_no_news_again(
    databases: Databases, tmp_path: Path
) -> None:
    first = ran(databases, tmp_path / "home")
    assert first.returncode == 0, first.stderr
    assert "渐退期内" in first.stdout
    assert "共 60 户" in first.stdout
    assert "生成样例 50/60" in first.stderr
    count = households(databases)
    assert count >= 60
    again = ran(databases, tmp_path / "home", "--json")
    told = json.loads(again.stdout)
    assert (told["events"], len(told["households"])) == (0, 60)
    assert households(databases) == count
    other = ran(databases, tmp_path / "home", "--seed", "2")
    assert (other.returncode, "[another-office]" in other.stderr) == (1, True)
    assert households(databases) == count


def test_a_store_in_use_is_left_alone(databases: Databases, tmp_path: Path) -> None:
    where = Addresses(databases.store, databases.keys, databases.store, databases.keys)
    migrated(where)
    adopt(where, tmp_path / "keys", today())
    refused = ran(databases, tmp_path / "home")
    assert (refused.returncode, "[not-for-samples]" in refused.stderr) == (1, True)
    assert households(databases) == 0


def test_labels_stand_beside_categories(office: Installation, standings: list[Standing]) -> None:
    grace = next(each.household for each in standings if each.kind.key == "in-grace")
    labels = {spell.label for spell in office.households.get(grace).labels}
    assert labels == {Label.GRACE}
