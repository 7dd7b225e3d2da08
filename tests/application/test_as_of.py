"""What a household was on D as known at T: one function, and every answer once given is given again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import uuid5

import pytest

from application.handling.request import Request
from bootstrap.wiring import Installation
from domain.correction.fact_correction import CorrectResidence
from domain.correction.member_correction import CorrectDeath, CorrectMember
from domain.guards.registered import HouseholdUnknown
from domain.household.as_of import ValidOn
from domain.members.death import RecordDeath
from domain.members.registration import NewMember, RegisterHousehold
from domain.values.person import HouseholdId
from domain.values.private import Private
from domain.values.refusals import Refusal
from eventstore.errors import StoreError
from tests.application.test_command_handler import COUNTY, SEED, TOWNSHIP, asked, confirmed, registered
from tests.database import Databases
from tests.domain.families import Families
from tests.domain.test_joint_laws import command_of
from tests.installations import installed

NOW = date(2021, 9, 1)
VILLAGES = ("370786101215", "370786101216", "370786001001")


@pytest.fixture
def office(databases: Databases, tmp_path: Path) -> Iterator[Installation]:
    with installed(databases, tmp_path) as installation:
        yield installation


def known(office: Installation, household: HouseholdId) -> datetime:
    """The instant of the last thing recorded of a household."""
    return office.store.load(household).rows[-1].recorded_at


def said(office: Installation, answer: ValidOn) -> tuple[object, ...]:
    """An answer with what is sealed in it as stored, which equality leaves out."""
    privates: list[Private[str] | None] = [m.name for m in answer.members]
    if answer.residence is not None:
        privates.append(answer.residence.address)
    return answer, tuple(each.token if each else None for each in privates)


def test_the_day_stays_and_what_is_known_of_it_changes(office: Installation) -> None:
    household = confirmed(office, "first")
    father, daughter = (m.person for m in office.households.get(household).members)
    day = date(2021, 8, 15)
    first = known(office, household)
    dead = RecordDeath(NOW, father, date(2021, 8, 10), "village-statement", daughter)
    office.handler.handle(asked("dead", dead, household))
    second = known(office, household)
    step = office.store.load(household).version - 1
    office.handler.handle(asked("alive", CorrectDeath(date(2021, 9, 6), step, "本人到场"), household))
    third = known(office, household)
    office.handler.handle(asked("name", CorrectMember(date(2021, 9, 6), 3, "笔误", name="于晓晓"), household))
    answers = [office.households.on_day(household, day, at) for at in (first, second, third, None)]
    assert [{m.person for m in each.members} for each in answers] == [
        {father, daughter},
        {daughter},
        {father, daughter},
        {father, daughter},
    ]
    assert [next(m.relation for m in each.members if m.person == daughter) for each in answers] == [
        "daughter",
        "head",
        "daughter",
        "daughter",
    ]
    names = [next(m.name for m in each.members if m.person == daughter) for each in answers]
    reveal = office.store.keys.reveal(names, purpose="test", actor="w1", subject=household)
    assert reveal == ["于某某", "于某某", "于某某", "于晓晓"]


def test_a_day_is_answered_by_its_law_and_place_as_known(office: Installation) -> None:
    household = confirmed(office, "first")
    before = known(office, household)
    office.handler.handle(asked("home", CorrectResidence(NOW, 1, "户籍核对", "370786101216"), household))
    day = date(2021, 8, 15)
    then, now = office.households.on_day(household, day, before), office.households.on_day(household, day)
    assert (then.region, now.region) == ("370786101215", "370786101216")
    assert (then.category, now.category, then.fen, now.fen) == ("DIBAO", "DIBAO", 100_000, 100_000)


def test_before_a_household_was_known_there_is_no_answer_and_before_its_first_day_an_empty_one(
    office: Installation,
) -> None:
    handled = registered(office)
    assert handled.recorded_at is not None
    with pytest.raises(HouseholdUnknown):
        office.households.on_day(handled.household, NOW, handled.recorded_at - timedelta(microseconds=1))
    early = office.households.on_day(handled.household, date(2021, 6, 30))
    assert (early.region, early.members, early.category, early.dues) == (None, (), None, ())


@pytest.mark.parametrize("seed", range(3))
def test_every_answer_ever_given_is_given_again_to_who_asks_what_was_known_then(
    office: Installation, seed: int
) -> None:
    """Random splits, moves, deaths and corrections on a real store; after each the answers for some days."""
    chance = random.Random(seed)
    pairs = Families()
    ids = [confirmed(office, "first"), *(registered_pair(office, n) for n in range(3))]
    answers: list[tuple[HouseholdId, datetime, date, tuple[object, ...]]] = []
    on = NOW
    for n in range(100):
        on += timedelta(days=chance.choice([0, 0, 1, 8, 30]))
        id = chance.choice(ids)
        pairs.chains = {each: [row.event for row in office.store.load(each).rows] for each in ids}
        which, a, b = (chance.randint(0, 13) for _ in range(3))
        command, actor = command_of(pairs, id, on, which, a, b, VILLAGES)
        here = {"990301100/township": TOWNSHIP, "990301/civil-affairs": COUNTY}[actor.organ]
        try:
            handled = office.handler.handle(Request(uuid5(SEED, f"{seed}/{n}"), command, here, id))
        except (Refusal, StoreError):
            continue
        ids += [other.household for other in handled.others if other.household not in ids]
        for each in ids:
            at = known(office, each)
            for day in (date(2021, 8, 1), on - timedelta(days=20), on, date(2022, 6, 1)):
                answers.append((each, at, day, said(office, office.households.on_day(each, day))))
    assert len(answers) > 100
    for each, at, day, answer in answers:
        assert said(office, office.households.on_day(each, day, at)) == answer


def registered_pair(office: Installation, n: int) -> HouseholdId:
    pair = (NewMember("P", "甲", "head"), NewMember("Q", "乙", "daughter"))
    command = RegisterHousehold(date(2021, 7, 1), "370786101216", pair)
    return office.handler.handle(asked(f"pair/{n}", command)).household
