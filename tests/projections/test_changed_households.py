"""Families that change, move, split and join, and what was recorded wrongly, as the card and the chain tell it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID, uuid5

import pytest

from domain.correction.member_correction import CorrectDeath, CorrectMember
from domain.members.arrival import Mover
from domain.members.death import MemberDied
from domain.members.identification import IdentifyPerson, PersonIdentified
from domain.members.moving import TakeOverFile
from domain.members.registration import MemberAdded
from domain.papers.delivery import NoteFailedDelivery
from domain.values.person import PersonId
from domain.values.spells import Category
from eventstore.events.envelope import Envelope
from projections.card import WholeCard, card_of
from projections.card_list import cards_in
from projections.chain import Step, chain_of
from projections.engine.projector import Projector
from projections.household_location import place_of
from tests.database import Databases
from tests.domain import test_corrections, test_delivery, test_irregular_records, test_m83_death, test_moving
from tests.domain.families import Families
from tests.domain.test_split_and_join import MO, SPLIT, both, join, people, split
from tests.projections.conftest import caught_up, reading
from tests.projections.lives import enclosed, fill
from tests.projections.truth import same
from tests.scenario import HOUSEHOLD, SEED, Life

Tell = Callable[[Families | Life], list[list[Envelope]]]


@pytest.fixture
def told(databases: Databases, projector: Projector) -> Tell:
    """Tells families to the store, projects them, holds them against the fold; answers their lives in order."""

    def tell(families: Families | Life) -> list[list[Envelope]]:
        chains = {HOUSEHOLD: families.events} if isinstance(families, Life) else families.chains
        lives = enclosed(chains, random.Random(7))
        fill(databases.store, lives, by_day=False)
        caught_up(projector)
        for life in lives:
            same(databases.reader, life)
        return lives

    return tell


def card(databases: Databases, life: list[Envelope]) -> WholeCard:
    with reading(databases) as connection:
        whole = card_of(connection, life[0].originator_id)
    assert whole is not None
    return whole


def chain(databases: Databases, life: list[Envelope]) -> list[Step]:
    with reading(databases) as connection:
        return chain_of(connection, life[0].originator_id)


def listed(databases: Databases, region: str, on: date) -> list[UUID]:
    with reading(databases, region) as connection:
        return [row.household for row in cards_in(connection, region, on)]


# --- who belongs


def test_when_the_head_died_the_card_bears_the_name_of_who_followed(databases: Databases, told: Tell) -> None:
    (life,) = told(test_m83_death.settled())
    whole = card(databases, life)
    husband, wife = (each.event.person for each in life if isinstance(each.event, MemberAdded))
    assert (whole.card.head, whole.card.members) == (wife, 1)
    assert [(m.person, m.relation, m.since, m.until, m.cause) for m in whole.members] == [
        (husband, "head", date(2026, 1, 8), date(2026, 3, 6), "death"),
        (wife, "spouse", date(2026, 1, 8), date(2026, 3, 6), None),
        (wife, "head", date(2026, 3, 6), None, None),
    ]
    assert whole.card.head_name == whole.members[2].name != whole.members[0].name
    # the amount is another from the month after the decision
    assert [(b.fen, b.first_month, b.last_month) for b in whole.benefits] == [
        (64_600, "2026-02", "2026-05"),
        (17_300, "2026-06", None),
    ]
    for month, fen in ((5, 64_600), (6, 17_300)):
        with reading(databases) as connection:
            (row,) = cards_in(connection, "990301100201", date(2026, month, 1))
        assert (row.fen, row.members, row.head) == (fen, 1, wife)


def test_a_head_who_turns_out_to_be_alive_is_head_again(databases: Databases, told: Tell) -> None:
    story = test_m83_death.died(test_m83_death.couple())
    step = test_corrections.step_of(story, MemberDied)
    (life,) = told(story.when(CorrectDeath(test_m83_death.TOLD, step, "误报")))
    whole = card(databases, life)
    assert (whole.card.members, whole.card.head) == (2, whole.members[0].person)
    steps = chain(databases, life)
    assert (steps[step - 1].corrected_by, steps[-1].corrects) == (len(steps), step)


def test_a_family_that_nobody_is_left_of_keeps_the_name_it_is_known_by(
    databases: Databases, told: Tell
) -> None:
    families = both()
    (only,) = people(families, MO)
    families.ask(MO, join((Mover(only, "parent"),)))
    _, life = told(families)
    whole = card(databases, life)
    (gone,) = whole.members
    assert gone.until == SPLIT
    assert (whole.card.members, whole.card.head, whole.card.head_name) == (0, gone.person, gone.name)


def test_who_was_identified_is_listed_under_the_id_they_have_nationwide(
    databases: Databases, told: Tell
) -> None:
    families = both()
    (nobody,) = people(families, MO)
    number, somebody = "990301196002030019", PersonId(uuid5(SEED, "somebody"))
    families.ask(MO, IdentifyPerson(SPLIT, nobody, "莫正", number), persons={number: somebody})
    _, life = told(families)
    whole = card(databases, life)
    identified = life[-1].event
    assert isinstance(identified, PersonIdentified)
    known_as = identified.person
    assert known_as != identified.provisional
    (member,) = whole.members
    assert (member.person, whole.card.head, whole.card.head_name) == (known_as, known_as, member.name)
    assert member.id_number is not None


# --- where they live, and in which household


def test_a_file_handed_over_is_seen_by_the_new_county_and_no_more_by_the_old(
    databases: Databases, told: Tell
) -> None:
    families = test_moving.handed()
    families.ask(test_moving.LING, TakeOverFile(test_moving.MOVED), test_moving.THERE)
    (life,) = told(families)
    household, on = life[0].originator_id, test_moving.MOVED
    whole = card(databases, life)
    assert [(home.region, home.since, home.until) for home in whole.homes] == [
        (test_moving.HERE, test_moving.ON, on),
        (test_moving.FAR, on, None),
    ]
    assert (listed(databases, "990801", on), listed(databases, "990301", on)) == ([household], [])
    for area, sees in (("990801", True), ("990301", False)):
        with reading(databases, area) as connection:
            assert (place_of(connection, household, ("chain",)) is not None) == sees
            assert bool(chain_of(connection, household)) == sees


def test_a_household_that_joined_another_is_listed_no_more_and_tells_the_way(
    databases: Databases, told: Tell
) -> None:
    families = both()
    (only,) = people(families, MO)
    families.ask(MO, join((Mover(only, "parent"),)))
    ling, mo = told(families)
    here, gone = ling[0].originator_id, mo[0].originator_id
    assert card(databases, mo).card.joined_into == here
    assert listed(databases, "990301", SPLIT) == [here]
    with reading(databases, "990301") as connection:
        place = place_of(connection, gone, ("chain",))
        living = place_of(connection, here, ("chain",))
    assert place is not None
    assert living is not None
    assert (place.joined_into, living.joined_into) == (here, None)


def test_who_split_off_has_a_card_of_their_own(databases: Databases, told: Tell) -> None:
    families = both()
    split(families, 1)
    ling, _, new = told(families)
    assert (card(databases, ling).card.members, card(databases, new).card.members) == (2, 1)
    top = card(databases, new).card
    assert (top.registered_on, top.village, top.provisional) == (SPLIT, "990301100201", False)
    assert card(databases, new).categories == []


# --- what should not have been


def test_an_irregular_category_is_shown_as_one_and_its_case_is_over(databases: Databases, told: Tell) -> None:
    story = test_irregular_records.known()
    (life,) = told(story.when(test_irregular_records.confirmed()))
    (category,) = card(databases, life).categories
    assert (category.category, category.irregular) == (Category.DIBAO, True)


def test_a_corrected_step_stays_and_is_marked_with_the_one_that_corrects_it(
    databases: Databases, told: Tell
) -> None:
    now = test_corrections.NOW
    story = test_corrections.aided().when(CorrectMember(now, 4, "笔误", relation="child"))
    wrong = len(story.events)
    (life,) = told(story.when(CorrectMember(now, wrong, "笔误", relation="son")))
    steps = chain(databases, life)
    assert steps[3].name == "household.member-added.1"
    assert [(s.version, s.corrects, s.corrected_by) for s in steps if s.corrects or s.corrected_by] == [
        (4, None, wrong),
        (wrong, 4, wrong + 1),
        (wrong + 1, wrong, None),
    ]


def test_every_step_about_a_document_says_its_kind_and_number(databases: Databases, told: Tell) -> None:
    story, on = test_delivery.refused(), test_delivery.REFUSED
    story = story.when(NoteFailedDelivery(on, "absent", story.household.papers.documents[-1].id))
    (life,) = told(test_delivery.delivered(story, on + timedelta(days=1)))
    steps = [step for step in chain(databases, life) if step.name.startswith("household.d") and step.facts]
    about = [json.loads(s.facts or "") for s in steps if "document" in s.name or "delivery" in s.name]
    assert [(facts["kind"], facts["number"]) for facts in about] == [
        ("refusal-decision", "试救〔2025〕1号")
    ] * 3
    assert (about[1]["cause"], about[2]["method"]) == ("absent", "direct")
