"""Dibao (最低生活保障): the standard, the monthly amount by difference, and the limits of its procedure (M57, M83)."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from domain.categories.road import LimitRole, Road
from domain.household.context import Context
from domain.household.state import Household
from domain.values.assessment import Assessment, gap_benefit, is_below
from domain.values.money import yuan
from domain.values.pack import Parameter
from domain.values.policy import Rules
from domain.values.receipt import RuleApplied, Value, apply, ratio, whole
from domain.values.refusals import Refusal
from domain.values.spells import Category, Programme

LIMITS: dict[LimitRole, str] = {
    "investigate": "DL-DIB-INV",
    "check": "DL-DIB-CHK",
    "tell": "DL-DIB-TELL",
    "notice": "DL-DIB-NOT",
    "send": "DL-DIB-SND",
    "mend": "DL-DIB-RTN",
    "decide": "DL-DIB-CTY",
    "notify": "DL-DIB-REF",
    "total": "DL-DIB-TOT",
    "total-delegated": "DL-DIB-DEL",
    "total-extended": "DL-DIB-EXT",
}
"""The limits of the procedure, by what they govern; their length stands in the pack."""


BELOW_STANDARD = "dibao.is-below-standard"
"""The rule by which a receipt says whether income lies below the standard."""


class IncomeNotBelowStandard(Refusal):
    """人均月收入{per_capita}元，不低于保障标准{standard}元，不能确认为{category}对象。"""

    article = "M57 art.4, 13"


def standard(rules: Rules, area: str) -> Parameter:
    """The standard of an urban or rural area in fen a head and month (M57 art.4); other categories rest on it."""
    return rules[f"dibao.standard.{area}"]


def below_standard(standard: Parameter, annual: Value, members: int) -> RuleApplied:
    """Whether income lies strictly below the standard, applied with its rule."""
    return apply(
        BELOW_STANDARD,
        is_below,
        standard.source,
        standard.since,
        annual=annual,
        members=members,
        line=whole(standard.value),
    )


def amount(assessment: Assessment, context: Context, on: date) -> RuleApplied:
    """The monthly amount in fen by difference (补差), applied with its rule (M57 art.23)."""
    step = context.rules(on)["dibao.benefit-rounding"]
    return apply(
        "dibao.gap-benefit",
        gap_benefit,
        step.source,
        step.since,
        standard=assessment.standard,
        members=assessment.members,
        annual=ratio(Fraction(*assessment.annual)),
        step=whole(step.value),
    )


def _fits(assessment: Assessment) -> bool:
    return assessment.below_standard


def _test(
    household: Household, assessment: Assessment, context: Context, on: date
) -> tuple[RuleApplied, ...]:
    if not assessment.below_standard:
        raise IncomeNotBelowStandard(
            per_capita=yuan(assessment.per_capita),
            standard=yuan(assessment.standard),
            category=Category.DIBAO.word,
        )
    return ()


ROAD = Road(
    Category.DIBAO,
    LIMITS,
    "M57 art.20, 21, 23",
    _fits,
    _test,
    noticed=True,
    programme=Programme.DIBAO,
    amount=amount,
    rises_from=frozenset({Category.MARGINAL}),
    needs_clean_report=True,
)
