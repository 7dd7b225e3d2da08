"""M57 art.13, 23: sum first, compare exactly, round once; a rounded amount a head is never multiplied back."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from domain.decision.opinion import OpinionGiven
from domain.values.assessment import (
    IncomeItem,
    annual_income,
    gap_benefit,
    is_below,
    marginal_line,
    per_capita_month,
)
from domain.values.money import Fen
from domain.values.receipt import Value
from tests import stories

YUAN = 100


def monthly(fen: int) -> list[int]:
    return [fen * 12, 1]


def test_632_times_3_less_1894_is_2_and_not_3() -> None:
    benefit = gap_benefit(standard=63_200, members=3, annual=monthly(189_400), step=YUAN)
    assert benefit == 200
    a_head = per_capita_month(annual=monthly(189_400), members=3)
    assert a_head == 63_133
    by_the_rounded_head = -(-(63_200 - 63_133) * 3 // YUAN) * YUAN
    assert by_the_rounded_head == 300


def test_the_countys_step_rounds_the_sum_up_once() -> None:
    """见分进元 in the county of the river towns: 1,800.00 − 1,234.56 → 566 yuan."""
    on = date(2025, 4, 21)
    story = stories.ling_registered(on, "990801100201")
    item = IncomeItem("transfer", "monthly", Fen(123_456))
    story = stories.on_the_road(story, on, until="opine", income=(item,))
    (opinion,) = [event for event in story.events if isinstance(event, OpinionGiven)]
    assert opinion.fen == 56_600


def test_a_yearly_income_that_is_no_whole_month_keeps_its_fen() -> None:
    on = date(2025, 4, 21)
    item = IncomeItem("business", "yearly", Fen(1_000_001))
    story = stories.on_the_road(stories.ling_registered(on), on, until="opine", income=(item,))
    (opinion,) = [event for event in story.events if isinstance(event, OpinionGiven)]
    assert opinion.assessment.annual == (1_000_001, 1)
    assert opinion.assessment.per_capita == 27_778
    assert opinion.fen == 84_667  # 168 000 − 83 333.4167, raised to the fen


def test_exactly_the_standard_is_not_below_it_and_a_third_of_a_fen_less_is() -> None:
    assert is_below(annual=monthly(168_000), members=3, line=56_000) is False
    assert is_below(annual=[168_000 * 12 - 1, 1], members=3, line=56_000) is True
    assert per_capita_month(annual=[168_000 * 12 - 1, 1], members=3) == 56_000


def test_the_deduction_is_the_wages_and_nobody_elses() -> None:
    annual = annual_income(
        monthly=[10_000], yearly=[50_000], monthly_wages=[260_000], yearly_wages=[1], wage_deduction=[1, 5]
    )
    assert annual == [(10_000 * 12 + 50_000) * 5 + (260_000 * 12 + 1) * 4, 5]


def test_nobody_pays_when_income_passes_the_standard() -> None:
    assert gap_benefit(standard=56_000, members=3, annual=monthly(168_001), step=1) == 0


amounts = st.lists(st.integers(0, 10**7), max_size=4)


@given(amounts, amounts, st.integers(1, 9), st.integers(1, 300_000), st.sampled_from([1, 10, 100]))
def test_the_benefit_fills_the_gap_by_less_than_one_step(
    by_month: list[int], by_year: list[int], members: int, standard: int, step: int
) -> None:
    nothing: Value = []
    annual = annual_income(
        monthly=list(by_month),
        yearly=list(by_year),
        monthly_wages=nothing,
        yearly_wages=nothing,
        wage_deduction=0,
    )
    benefit = gap_benefit(standard=standard, members=members, annual=annual, step=step)
    assert isinstance(benefit, int)
    gap = max(standard * members - Fraction(12 * sum(by_month) + sum(by_year), 12), Fraction(0))
    assert benefit % step == 0
    assert gap <= benefit < gap + step


@given(st.integers(1, 300_000))
def test_the_marginal_line_is_one_and_a_half_standards_to_the_half_fen(standard: int) -> None:
    line = marginal_line(standard=standard, times=[3, 2])
    assert isinstance(line, int)
    assert abs(Fraction(line) - Fraction(3 * standard, 2)) <= Fraction(1, 2)
