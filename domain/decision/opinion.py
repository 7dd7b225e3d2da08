"""Classification (审核意见与公示): what the family has, what the township proposes, and the public notice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar
from uuid import UUID

from domain.categories.means_test import assess
from domain.categories.roads import limits, road_of
from domain.guards.order_of_steps import require_order
from domain.guards.procedure_guards import accepted_case
from domain.guards.separation_of_duties import require_disinterested
from domain.household.command import Command
from domain.household.context import Context
from domain.household.duty import FROM_NOTICE_ON, UP_TO_OPINION, Turn, of
from domain.household.duty_context import DutyContext
from domain.household.event import Event
from domain.household.notions import CaseMove, CaseStep, ClockMove, Limit
from domain.household.parts import Procedure
from domain.household.state import Household
from domain.inquiry.completion import missing_steps
from domain.inquiry.recheck import RecheckPending, answered, open_objection
from domain.values.assessment import (
    Assessment,
    IncomeItem,
)
from domain.values.immutables import replace
from domain.values.money import Fen
from domain.values.receipt import Receipt, whole
from domain.values.refusals import Refusal
from domain.values.spells import Category

_SENT_BEFORE = frozenset({"notice", "send"})


def goes_on_notice(event: OpinionGiven, context: DutyContext) -> bool:
    """The opinion is for approval, of a category that is put on notice."""
    return event.approves and road_of(event.category).noticed


def skips_notice_to_county(event: OpinionGiven, context: DutyContext) -> bool:
    """The opinion goes to the county without a notice."""
    return not goes_on_notice(event, context) and not context.delegated


def skips_notice_delegated(event: OpinionGiven, context: DutyContext) -> bool:
    """The opinion goes without a notice to the township's own decision."""
    return not goes_on_notice(event, context) and context.delegated


class NotInvestigated(Refusal):
    """调查核实尚未完成（缺：{missing}），不能提出审核意见或者作出决定。"""

    article = "M57 art.28"


class OpinionMissing(Refusal):
    """乡镇（街道）尚未提出审核意见。"""

    article = "M57 art.19"


class NoticeMissing(Refusal):
    """审核意见尚未公示，或者公示尚未结束登记。"""

    article = "M57 art.19"


class ObjectionNotInquired(Refusal):
    """公示期间有异议，应当重新组织调查或者开展民主评议后，再重新提出审核意见。"""

    article = "M57 art.19"


class ObjectionOpen(Refusal):
    """公示期间有异议且尚未处理，不能按无异议结束公示、报送材料或者作出决定。"""

    article = "M57 art.19"


@dataclass(frozen=True, slots=True)
class OpinionGiven(Event):
    """The township said what the family has and proposed approval or refusal (审核意见)."""

    title: ClassVar[str] = "提出审核意见"
    basis: ClassVar[str] = "M57 art.19, 23"
    none: ClassVar[str] = "home members cycle status benefit money aid count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of("case"), closes=(*UP_TO_OPINION, *FROM_NOTICE_ON)),
        Turn(of("case"), opens=("post-notice",), when=goes_on_notice),
        Turn(of("case"), opens=("send-file",), when=skips_notice_to_county),
        Turn(of("case"), opens=("decide-delegated",), when=skips_notice_delegated),
    )

    on: date
    case: UUID
    category: Category
    approves: bool
    assessment: Assessment
    fen: Fen
    income: tuple[IncomeItem, ...]
    receipt: Receipt

    def meets(self) -> tuple[Limit, ...]:
        return limits(self.case, "mend")

    def closes(self) -> tuple[Limit, ...]:
        return limits(self.case, "notice", "send", "decide")

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case, CaseStep.OPINION_GIVEN)

    def moves_clock(self) -> ClockMove | None:
        # a proposal to refuse goes to the county without a notice
        reaches = ("opinion", "mended") if self.approves else ("opinion", "mended", "ready")
        return ClockMove((self.case,), reaches, "township", drops=_SENT_BEFORE)

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
        road = road_of(case.category)
        approves = road.fits(assessment) and case.report_eligible is not False
        same = (case.opinion_on, case.income, case.opinion_approves) == (self.on, income, approves)
        if same and not objected:
            return
        benefit = (road.amount(assessment, context, self.on),) if road.amount else ()
        fen = Fen(whole(benefit[0].result)) if approves and benefit else Fen(0)
        receipt = Receipt(context.rules(self.on).packs, (*applied, *benefit))
        yield OpinionGiven(self.on, case.id, case.category, approves, assessment, fen, income, receipt)


def require_investigated(household: Household, context: Context, on: date) -> None:
    """Refuse while the steps the place's rules ask for are not all done (M57 art.28)."""
    missing = missing_steps(accepted_case(household), context.rules(on))
    if missing:
        raise NotInvestigated(missing="、".join(missing))


def require_unopposed(case: Procedure) -> None:
    """Refuse to go on as if nobody had objected to the notice (M57 art.19)."""
    if open_objection(case, "notice") is not None:
        raise ObjectionOpen
