"""S001; G39: one household is in one category on one day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from domain.decision.confirmation import ConfirmDibao, ConfirmMarginal, OneCategoryOnly, WrongProcedure
from domain.household.claims import claims_of
from domain.household.context import Context
from domain.household.state import Household
from domain.values.spells import Category, CategorySpell
from tests import stories
from tests.scenario import Life, reference

ON, END = date(2025, 4, 21), date(2025, 4, 28)


@pytest.mark.parametrize("held", [Category.RIGID, Category.TEKUN, Category.DIBAO])
def test_dibao_is_not_confirmed_beside_another_category(held: Category) -> None:
    story = stories.on_the_road(stories.ling_registered(ON), ON)
    beside = replace(story.household, categories=(CategorySpell(held, ON),))
    with pytest.raises(OneCategoryOnly) as refused:
        list(ConfirmDibao(END).decide(beside, _context(story)))
    assert refused.value.facts == {"category": held.word}


def _context(story: Life) -> Context:
    return reference().context(story.region, END, story.actor, story.household.id)


def test_each_procedure_ends_in_its_own_category() -> None:
    story = stories.on_the_road(stories.ling_registered(ON), ON)
    refusal = story.refused(ConfirmMarginal(END))
    assert isinstance(refusal, WrongProcedure)
    assert refusal.sentence == "正在办理的是低保程序，不能作出其他类别的决定。"


def test_every_member_is_claimed_once_for_the_unbroken_run() -> None:
    household = stories.ling_marginal().household
    claims = claims_of(household)
    assert {claim.person for claim in claims} == {member.person for member in household.members}
    assert {(claim.start, claim.end) for claim in claims} == {(date(2025, 5, 20), None)}


def test_a_family_that_left_is_claimed_until_its_last_day() -> None:
    claims = claims_of(stories.yu_exited().household)
    assert {(claim.start, claim.end) for claim in claims} == {(date(2021, 7, 26), date(2023, 6, 1))}


def test_an_applicant_is_not_claimed_yet() -> None:
    assert claims_of(stories.yu_received().household) == frozenset()


def test_the_household_knows_no_category_before_its_first() -> None:
    household: Household = stories.yu_confirmed().household
    assert household.category(date(2021, 7, 25)) is None
    assert not household.in_any_category(date(2021, 7, 25))
