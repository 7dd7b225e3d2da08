"""Marginal families (低保边缘家庭): income from the Dibao standard up to the marginal line; the status pays no money.

No national measure gives it limits of its own: its procedure follows that of Dibao (G39), with the same limits. A
public notice is tied to granting aid, not to identification (N31), unless the place asks for one.
"""

from __future__ import annotations

from datetime import date

from domain.categories import dibao
from domain.categories.road import Road
from domain.household.context import Context
from domain.household.state import Household
from domain.values.assessment import Assessment, is_below, marginal_line
from domain.values.money import yuan
from domain.values.policy import Rules
from domain.values.receipt import RuleApplied, apply, ratio, whole
from domain.values.refusals import Refusal
from domain.values.spells import Category


class NotBelowMarginalLine(Refusal):
    """人均月收入{per_capita}元，不低于边缘家庭标准{line}元，不能确认为低保边缘家庭。"""

    article = "M57 art.8; L26 art.21"


class BelowDibaoStandard(Refusal):
    """人均月收入{per_capita}元，低于低保标准{standard}元，应当先按低保程序办理，不能直接确认为低保边缘家庭。"""

    article = "M57 art.8; S001"


def line(rules: Rules, standard: int) -> RuleApplied | None:
    """The marginal line in fen a head and month, applied with its rule; None where the province has set none."""
    times = rules.get("marginal.line-ratio")
    if times is None:
        return None
    return apply(
        "marginal.line",
        marginal_line,
        times.source,
        times.since,
        standard=standard,
        times=ratio(rules.ratio("marginal.line-ratio")),
    )


def _fits(assessment: Assessment) -> bool:
    return assessment.below_line


def _test(
    household: Household, assessment: Assessment, context: Context, on: date
) -> tuple[RuleApplied, ...]:
    times = context.rules(on)["marginal.line-ratio"]
    below = apply(
        "marginal.is-below-line",
        is_below,
        times.source,
        times.since,
        annual=list(assessment.annual),
        members=assessment.members,
        line=whole(assessment.line),
    )
    if not below.result:
        raise NotBelowMarginalLine(per_capita=yuan(assessment.per_capita), line=yuan(assessment.line or 0))
    # marginal is who does not fit Dibao; once that was refused, on its property say, marginal is open (M57 art.8)
    first = dibao.ROAD
    refused = any((p.category, p.outcome) == (first.category, "refused") for p in household.procedures)
    if first.fits(assessment) and not refused:
        raise BelowDibaoStandard(per_capita=yuan(assessment.per_capita), standard=yuan(assessment.standard))
    return (below,)


ROAD = Road(
    Category.MARGINAL,
    dibao.LIMITS,
    "M57 art.8; L26 art.21; G39",
    _fits,
    _test,
    noticed=False,
    notice_flag="marginal.notice-required",
    entered_by_transfer=True,
    aids="marginal.specialised-aid",
)
