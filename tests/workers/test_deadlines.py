"""The deadline worker: each act on its own day, once, whoever and however many do it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from bootstrap.wiring import Installation
from domain.household.state import Household
from domain.inquiry.verification import StartInvestigation
from domain.intake.application import AcceptApplication, Apply
from domain.members.registration import NewMember, RegisterHousehold
from domain.values.assessment import IncomeItem
from domain.values.money import Fen
from domain.values.person import HouseholdId
from domain.watching.alerts import RaiseAlert
from projections.dues import awaiting
from tests.database import Databases
from tests.installations import installed, told
from workers.deadlines import carry_out, one_round

TOWNSHIP = "370786101/township"
DAY = date(2021, 7, 1)


@pytest.fixture
def office(databases: Databases, tmp_path: Path) -> Iterator[Installation]:
    with installed(databases, tmp_path) as installation:
        yield installation


def accepted(office: Installation) -> HouseholdId:
    members = (NewMember("A1", "于某", "head", "990101197304120013"),)
    (registered,) = told(office, [(TOWNSHIP, RegisterHousehold(DAY, "370786101215", members))])
    head = office.households.get(registered.household).members[0].person
    income = (IncomeItem("property", "monthly", Fen(40_000)),)
    told(
        office,
        [
            (TOWNSHIP, RaiseAlert(DAY, "E-EXP-01", "RED", head)),
            (TOWNSHIP, RaiseAlert(DAY, "E-LOS-01", "RED", head)),
            (TOWNSHIP, Apply(DAY, head, income=income)),
            (TOWNSHIP, AcceptApplication(DAY)),
        ],
        registered.household,
        name="accepted",
    )
    return registered.household


def missed(household: Household) -> list[str]:
    return sorted(each.due.what for each in household.dues if each.missed)


def candidates(office: Installation, today: date) -> list[HouseholdId]:
    office.caught_up()
    with office.pool.connection() as connection:
        return [HouseholdId(each) for each in awaiting(connection, today)]


def test_nothing_is_missed_on_the_last_day(office: Installation) -> None:
    household = accepted(office)
    assert carry_out(office.handler, household, date(2021, 7, 6)).acts == 0
    assert candidates(office, date(2021, 7, 6)) == []


def test_both_alerts_and_the_investigation_are_noted_the_day_after(office: Installation) -> None:
    household = accepted(office)
    done = carry_out(office.handler, household, date(2021, 7, 7))
    assert done.acts == 3
    assert missed(office.households.get(household)) == ["DL-ALERT-R", "DL-ALERT-R", "DL-DIB-INV"]


def test_a_missed_limit_stays_open_until_the_act_is_done(office: Installation) -> None:
    household = accepted(office)
    carry_out(office.handler, household, date(2021, 7, 7))
    told(office, [(TOWNSHIP, StartInvestigation(date(2021, 7, 8)))], household, name="late")
    assert missed(office.households.get(household)) == ["DL-ALERT-R", "DL-ALERT-R"]


def test_the_read_model_finds_the_household_and_a_second_round_does_nothing(office: Installation) -> None:
    household = accepted(office)
    today = date(2021, 7, 7)
    first = one_round(office.handler, lambda day: candidates(office, day), today)
    assert (first.households, first.acts, first.refused) == (1, 3, 0)
    assert candidates(office, today) == []
    again = carry_out(office.handler, household, today)
    assert again.acts == 0


def test_four_workers_at_once_do_each_act_once(office: Installation) -> None:
    household = accepted(office)
    with ThreadPoolExecutor(4) as pool:
        rounds = list(pool.map(lambda _: carry_out(office.handler, household, date(2021, 8, 20)), range(4)))
    assert sum(each.acts for each in rounds) == 4
    names = [row.name for row in office.store.load(household).rows]
    assert names.count("household.deadline-missed.1") == 4
