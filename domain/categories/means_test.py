"""The means test (家庭经济状况认定): what a household has on a day, with every rule applied."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from domain.guards.registered import NobodyCounted
from domain.household.context import Context
from domain.household.state import Household
from domain.values.assessment import (
    Assessment,
    IncomeItem,
    annual_income,
    gap_benefit,
    is_below,
    marginal_line,
    per_capita_month,
)
from domain.values.money import Fen
from domain.values.receipt import RuleApplied, apply, fraction, ratio


def assess(
    household: Household, context: Context, on: date, items: tuple[IncomeItem, ...]
) -> tuple[Assessment, tuple[RuleApplied, ...]]:
    """What a household has on a day by the rules in force then, with every rule applied (M57 art.13).

    `items` are income in fen a month or a year; wages bear the employment-cost deduction of the place.
    """
    rules = context.rules(on)
    members = len(household.counted(on))
    if not members:
        raise NobodyCounted(on=on)
    deduction = rules["income.employment-cost-ratio"]
    standard = rules[f"dibao.standard.{household.area(on)}"]
    times = rules.get("marginal.line-ratio")

    def amounts(period: str, wage: bool) -> list[int]:
        return [item.fen for item in items if item.period == period and (item.kind == "wage") == wage]

    annual = apply(
        "income.annual",
        annual_income,
        deduction.source,
        deduction.since,
        monthly=amounts("monthly", False),
        yearly=amounts("yearly", False),
        monthly_wages=amounts("monthly", True),
        yearly_wages=amounts("yearly", True),
        wage_deduction=ratio(rules.ratio("income.employment-cost-ratio")),
    )
    a_head = apply(
        "income.per-capita-month",
        per_capita_month,
        "M57 art.13",
        None,
        annual=annual.result,
        members=members,
    )
    line = times and apply(
        "marginal.line",
        marginal_line,
        times.source,
        times.since,
        standard=_whole(standard.value),
        times=ratio(rules.ratio("marginal.line-ratio")),
    )
    below = apply(
        "dibao.is-below-standard",
        is_below,
        standard.source,
        standard.since,
        annual=annual.result,
        members=members,
        line=_whole(standard.value),
    )
    exact = fraction(annual.result)
    assessment = Assessment(
        members,
        (exact.numerator, exact.denominator),
        Fen(_whole(a_head.result)),
        Fen(_whole(standard.value)),
        Fen(_whole(line.result)) if line else None,
    )
    return assessment, (annual, a_head, *([line] if line else []), below)


def benefit_of(assessment: Assessment, context: Context, on: date) -> RuleApplied:
    """The monthly Dibao amount in fen by difference (补差), applied with its rule (M57 art.23)."""
    step = context.rules(on)["dibao.benefit-rounding"]
    return apply(
        "dibao.gap-benefit",
        gap_benefit,
        step.source,
        step.since,
        standard=assessment.standard,
        members=assessment.members,
        annual=ratio(Fraction(*assessment.annual)),
        step=_whole(step.value),
    )


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"a whole number is needed, not {value!r}")
    return value
