"""S3, the Guangxi test family, 2025–2026: grace, the new hearing duty, marginal from 2026-10-01."""

from __future__ import annotations

from datetime import date

from domain.change.grace import GraceExpiryWarned
from domain.change.hearing import HearingNotHeld
from domain.change.review import Recertified
from domain.change.termination import TerminateBenefit
from domain.clock.supervision import DeadlineMissed
from domain.decision.status import Classified
from domain.values.month import Month, Months
from domain.values.spells import Category
from tests import stories


def test_the_benefit_is_1_080_from_june_2025() -> None:
    (confirmed,) = [e for e in stories.ling_confirmed().events if isinstance(e, Classified)]
    assert (confirmed.fen, confirmed.first) == (108_000, Month(2025, 6))


def test_a_fifth_of_the_wage_is_deducted_and_the_exact_sum_compared() -> None:
    found = [e for e in stories.ling_graced().events if isinstance(e, Recertified)][-1]
    assert found.on == date(2026, 3, 10)
    assert found.assessment.annual == (218_000 * 12, 1)
    assert found.assessment.per_capita == 72_667
    assert not found.assessment.below_standard
    assert found.assessment.below_line


def test_grace_runs_from_april_to_september_and_is_warned_of_30_days_before() -> None:
    story = stories.ling_graced()
    assert story.household.graces[-1].months == Months(Month(2026, 4), Month(2026, 9))
    warned = [e for e in stories.ling_heard().events if isinstance(e, GraceExpiryWarned)]
    assert [event.on for event in warned] == [date(2026, 8, 31)]


def test_marginal_runs_from_the_day_dibao_ends() -> None:
    story = stories.ling_marginal()
    _, confirmed = [e for e in story.events if isinstance(e, Classified)]
    assert (confirmed.on, confirmed.start) == (date(2026, 9, 22), date(2026, 10, 1))
    for day, category in ((date(2026, 9, 30), Category.DIBAO), (date(2026, 10, 1), Category.MARGINAL)):
        spell = story.household.category(day)
        assert spell is not None
        assert spell.category is category
    assert story.household.cycle == 1
    assert not [e for e in story.events if isinstance(e, DeadlineMissed)]


def test_termination_without_hearing_is_refused_on_2026_09_10() -> None:
    story = stories.county(stories.ling_graced())
    command = TerminateBenefit(date(2026, 9, 10), "income-above-standard", "人均收入超过标准")
    refusal = story.refused(command)
    assert isinstance(refusal, HearingNotHeld)
    assert (refusal.code, refusal.article) == ("hearing-not-held", "L26 art.48")


def test_the_same_termination_without_hearing_is_accepted_on_2026_06_10() -> None:
    story = stories.county(stories.ling_graced(months_earlier=3))
    assert story.household.graces[-1].months == Months(Month(2026, 1), Month(2026, 6))
    story = story.when(TerminateBenefit(date(2026, 6, 10), "income-above-standard", "人均收入超过标准"))
    spell = story.household.category(date(2026, 6, 30))
    assert spell is not None
    assert spell.end == date(2026, 7, 1)
