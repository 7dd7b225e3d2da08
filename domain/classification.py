"""Classification (审核意见与公示): what the family has, what the township proposes, and the public notice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import ClassVar
from uuid import UUID

from domain.assessment import (
    Assessment,
    IncomeItem,
    annual_income,
    gap_benefit,
    is_below,
    marginal_line,
    per_capita_month,
)
from domain.context import Context
from domain.copies import replace
from domain.deadline import Due
from domain.doors import accepted_case
from domain.household import Household
from domain.membership import NobodyCounted
from domain.message import Command, Event, Refusal
from domain.money import Fen
from domain.order import require_order
from domain.procedure import Procedure
from domain.receipt import Receipt, RuleApplied, apply, fraction, ratio
from domain.recheck import RecheckPending, answered, open_objection
from domain.separation import require_disinterested
from domain.spells import Category


class NotInvestigated(Refusal):
    """调查核实尚未完成（缺：{missing}），不能提出审核意见或者作出决定。"""

    article = "M57 art.28"


class OpinionMissing(Refusal):
    """乡镇（街道）尚未提出审核意见。"""

    article = "M57 art.19"


class NoticeNotForIdentification(Refusal):
    """仅认定低保边缘、刚性支出困难家庭身份的，不作公示（谁救助谁公示）。"""

    article = "N31"


class NothingToPublish(Refusal):
    """审核意见为不予确认，不作公示。"""

    article = "M57 art.19"


class NoticeMissing(Refusal):
    """审核意见尚未公示，或者公示尚未结束登记。"""

    article = "M57 art.19"


class NoticeStillRunning(Refusal):
    """公示期为七天，至{ends}届满；届满前不能结束公示。"""

    article = "M57 art.19"


class ObjectionNotInquired(Refusal):
    """公示期间有异议，应当重新组织调查或者开展民主评议后，再重新提出审核意见。"""

    article = "M57 art.19"


class ObjectionOpen(Refusal):
    """公示期间有异议且尚未处理，不能按无异议结束公示、报送材料或者作出决定。"""

    article = "M57 art.19"


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


@dataclass(frozen=True, slots=True)
class OpinionGiven(Event):
    """The township said what the family has and proposed approval or refusal (审核意见)."""

    title: ClassVar[str] = "提出审核意见"
    basis: ClassVar[str] = "M57 art.19, 23"

    on: date
    case: UUID
    category: Category
    approves: bool
    assessment: Assessment
    fen: Fen
    income: tuple[IncomeItem, ...]
    receipt: Receipt

    def closes(self) -> tuple[tuple[str, UUID | None], ...]:
        codes = ("DL-DIB-NOT", "DL-DIB-SND", "DL-DIB-CTY", "DL-DIB-RTN")
        return tuple((what, self.case) for what in codes)

    def evolve(self, household: Household) -> Household:
        # another opinion is another proposal: it goes on notice and to the county anew (M57 art.19)
        case = household.procedures[-1]
        return household.with_case(
            opinion_on=self.on,
            opinion_approves=self.approves,
            assessment=self.assessment,
            income=self.income,
            notice_on=None,
            notice_ends=None,
            notice_closed_on=None,
            file_received_on=None,
            objections=answered(case, "notice", self.on),
            inquired_on=None,
            returns=tuple(
                each if each.resubmitted_on else replace(each, resubmitted_on=self.on)
                for each in case.returns
            ),
            county_days_left=None,
        )


@dataclass(frozen=True, slots=True)
class GiveOpinion(Command):
    """Assess the household and propose the decision (提出审核意见).

    `income` is what the investigation found; left out, what the application declared. Approval is
    proposed when income a head lies strictly below the line of the category asked for, and the data
    check, or the re-check after an objection, found nothing against it. After an objection to the notice
    the opinion is given anew, and only once it was inquired into; it goes on notice again.
    """

    on: date
    income: tuple[IncomeItem, ...] | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = accepted_case(household)
        context.require("township")
        require_disinterested(household, context)
        require_investigated(household, context, self.on)
        require_order(self.on, case.accepted_on, case.investigation_on, case.reported_on, case.rechecked_on)
        if open_objection(case, "report") is not None:
            raise RecheckPending
        objected = open_objection(case, "notice") is not None
        if objected and case.inquired_on is None:
            raise ObjectionNotInquired
        require_order(self.on, case.inquired_on)
        income = case.income if self.income is None else self.income
        assessment, applied = assess(household, context, self.on, income)
        fits = assessment.below_line if case.category == Category.MARGINAL else assessment.below_standard
        approves = fits and case.report_eligible is not False
        same = (case.opinion_on, case.income, case.opinion_approves) == (self.on, income, approves)
        if same and not objected:
            return
        benefit = benefit_of(assessment, context, self.on)
        fen = Fen(_whole(benefit.result)) if approves and case.category == Category.DIBAO else Fen(0)
        receipt = Receipt(context.rules(self.on).packs, (*applied, benefit))
        yield OpinionGiven(self.on, case.id, case.category, approves, assessment, fen, income, receipt)


def require_investigated(household: Household, context: Context, on: date) -> None:
    """Refuse while the steps the place's rules ask for are not all done (M57 art.28)."""
    case = accepted_case(household)
    rules = context.rules(on)
    missing = []
    if case.investigation_on is None and case.origin == "application":
        missing.append("启动调查")
    if rules.flag("procedure.verification-required") and case.reported_on is None:
        missing.append("核对报告")
    if rules.flag("procedure.home-visit-required") and not case.visits:
        missing.append("入户调查")
    if missing:
        raise NotInvestigated(missing="、".join(missing))


def require_unopposed(case: Procedure) -> None:
    """Refuse to go on as if nobody had objected to the notice (M57 art.19)."""
    if open_objection(case, "notice") is not None:
        raise ObjectionOpen


@dataclass(frozen=True, slots=True)
class NoticePosted(Event):
    """The proposal was posted in the village: number of members and amount, nothing else (公示).

    The applicant's name is added on the printed sheet; ID number, phone, account and health never are
    (M57 art.24), so the fact has no room for them.
    """

    title: ClassVar[str] = "张榜公示"
    basis: ClassVar[str] = "M57 art.19, 24"

    on: date
    case: UUID
    members: int
    fen: Fen
    due: Due

    def opens(self) -> tuple[Due, ...]:
        return (self.due,)

    def evolve(self, household: Household) -> Household:
        return household.with_case(notice_on=self.on, notice_ends=self.due.day)


@dataclass(frozen=True, slots=True)
class PostNotice(Command):
    """Post the proposal in the village or community for seven days (公示)."""

    on: date

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = accepted_case(household)
        if case.category != Category.DIBAO and not context.rules(self.on).flag("marginal.notice-required"):
            raise NoticeNotForIdentification
        if case.assessment is None:
            raise OpinionMissing
        if not case.opinion_approves:
            raise NothingToPublish
        if case.notice_on is not None:
            return
        context.require("township")
        require_order(self.on, case.opinion_on)
        fen = Fen(_whole(benefit_of(case.assessment, context, case.opinion_on or self.on).result))
        due = context.due("DL-DIB-NOT", self.on, case.id, "period")
        yield NoticePosted(self.on, case.id, case.assessment.members, fen, due)


@dataclass(frozen=True, slots=True)
class NoticeClosed(Event):
    """The notice ran its time and nobody objected: the file goes to the county promptly (公示期满无异议)."""

    title: ClassVar[str] = "公示期满无异议"
    basis: ClassVar[str] = "M57 art.19"

    on: date
    case: UUID
    due: Due | None

    def opens(self) -> tuple[Due, ...]:
        return (self.due,) if self.due else ()

    def closes(self) -> tuple[tuple[str, UUID | None], ...]:
        return (("DL-DIB-NOT", self.case),)

    def evolve(self, household: Household) -> Household:
        return household.with_case(notice_closed_on=self.on)


@dataclass(frozen=True, slots=True)
class CloseNotice(Command):
    """Record that the notice ended without objection; not before its last day (结束公示)."""

    on: date

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = accepted_case(household)
        if case.notice_closed_on is not None:
            return
        if case.notice_ends is None:
            raise NoticeMissing
        require_unopposed(case)
        context.require("township")
        if self.on < case.notice_ends:
            raise NoticeStillRunning(ends=case.notice_ends)
        due = None if case.delegated else context.due("DL-DIB-SND", self.on, case.id)
        yield NoticeClosed(self.on, case.id, due)
