"""The means test (家庭经济状况认定): what a household has on a day, with every rule applied."""

from __future__ import annotations

from datetime import date

from domain.categories import dibao, marginal
from domain.guards.registered import NobodyCounted
from domain.household.context import Context
from domain.household.state import Household
from domain.values.assessment import Assessment, IncomeItem, annual_income, per_capita_month
from domain.values.money import Fen
from domain.values.receipt import RuleApplied, apply, fraction, ratio, whole


def assess(
    household: Household, context: Context, on: date, items: tuple[IncomeItem, ...]
) -> tuple[Assessment, tuple[RuleApplied, ...]]:
    """What a household has on a day by the rules in force then, with every rule applied (M57 art.13).

    `items` are income in fen a month or a year; wages bear the employment-cost deduction of the place. Every category
    is measured by the Dibao standard of the place, which the law takes as the base of the others too.
    """
    rules = context.rules(on)
    members = len(household.counted(on))
    if not members:
        raise NobodyCounted(on=on)
    deduction = rules["income.employment-cost-ratio"]
    standard = dibao.standard(rules, household.area(on))

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
    line = marginal.line(rules, whole(standard.value))
    below = dibao.below_standard(standard, annual.result, members)
    exact = fraction(annual.result)
    assessment = Assessment(
        members,
        (exact.numerator, exact.denominator),
        Fen(whole(a_head.result)),
        Fen(whole(standard.value)),
        Fen(whole(line.result)) if line else None,
    )
    return assessment, (annual, a_head, *([line] if line else []), below)
