"""Intake (申请与受理): application by whichever door, acceptance, and its end for want of help (M57 art.4–11, 29)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from domain.categories import dibao
from domain.categories.roads import road_of
from domain.guards.delegation import DelegationNotAllowed
from domain.guards.order_of_steps import require_order
from domain.guards.procedure_guards import open_case
from domain.guards.registered import require_member, require_registered
from domain.guards.separation_of_duties import require_disinterested
from domain.household.command import Command
from domain.household.context import Context
from domain.household.duty import Turn, of, of_every
from domain.household.duty_context import DutyContext
from domain.household.event import Event
from domain.household.notions import NO_STAGE, CaseMove, CaseStep, ClockMove, Count, Limit, Ruling
from domain.household.parts import Procedure
from domain.household.state import Household
from domain.intake.application_place import Place, filed_at, placed, require_place
from domain.intake.completeness import ONE_NOTICE, SUPPLEMENT
from domain.intake.mandate import SCOPE_WORDS, Mandate, MandateMissing, MandateTooNarrow, mandated
from domain.intake.proactive_discovery import HELP, Found, findings_applied, helped, rests_on
from domain.values.assessment import IncomeItem
from domain.values.deadline import Due
from domain.values.immutables import replace
from domain.values.money import Fen
from domain.values.person import PersonId
from domain.values.private import Private
from domain.values.refusals import Refusal
from domain.values.spells import Category

Channel = Literal["window", "online", "village", "agent", "active-finding"]
Tenure = Literal["owned", "rented", "public", "borrowed", "none", "other"]
SpendingKind = Literal["medical", "education", "rehabilitation", "housing", "other"]


class AlreadyApplying(Refusal):
    """该户已有正在办理的申请，不能重复申请。"""

    article = "M57 art.9"


class AlreadyReceives(Refusal):
    """该户已是{category}对象，不能重复申请同类救助。"""

    article = "M57 art.4"


class PromiseMissing(Refusal):
    """申请人尚未就申请材料的真实完整作出书面承诺；请补签承诺书。"""

    article = "M57 art.9"


class FileIncomplete(Refusal):
    """告知补正的材料尚未补齐（{missing}），不能受理。"""

    article = "M57 art.10"


class AcceptanceContradicts(Refusal):
    """申请已经受理，再次受理时所填的{what}与原登记不一致；需要变更的，请按相应程序办理。"""

    article = "M57 art.10, 11"


class ChannelContradicts(Refusal):
    """申请渠道登记为“{channel}”，与所附的{paper}不符；请核对申请渠道。"""

    article = "M57 art.6"


@dataclass(frozen=True, slots=True)
class SpendingItem:
    """One unavoidable spending (刚性支出): kind, whose, fen a month or a year."""

    kind: SpendingKind
    period: Literal["monthly", "yearly"]
    fen: Fen
    person: PersonId | None = None


@dataclass(frozen=True, slots=True)
class DeclaredProperty:
    """What the family declares to own (家庭财产申报): None where nothing was said.

    `floor_area` is in hundredths of a square metre, `financial` in fen.
    """

    tenure: Tenure | None = None
    dwellings: int | None = None
    floor_area: int | None = None
    financial: Fen | None = None
    vehicles: int | None = None
    business: bool | None = None


@dataclass(frozen=True, slots=True)
class Applied(Event):
    """The family asked for help and promised that what it says is true (申请)."""

    title: ClassVar[str] = "申请"
    basis: ClassVar[str] = "M57 art.4, 9"
    none: ClassVar[str] = "home members cycle status benefit money aid ruling paper"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of_every, closes=("offer-help",)),
        Turn(of("case"), opens=("accept-or-notify",)),
    )

    on: date
    case: UUID
    category: Category
    applicant: PersonId
    channel: Channel
    income: tuple[IncomeItem, ...]
    spending: tuple[SpendingItem, ...]
    due: Due
    property: DeclaredProperty | None = None
    note: Private[str] | None = None
    account: Private[str] | None = None

    def opens(self) -> tuple[Due, ...]:
        return (self.due,)

    def closes(self) -> tuple[Limit, ...]:
        return ((HELP, None),)

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case, CaseStep.SUBMITTED, begins=self.category, applied=True)

    def moves_clock(self) -> ClockMove | None:
        return ClockMove(
            (self.case,), ("applied",), "township", begins=("case", self.category), follows_clues=True
        )

    def bears_on_duties(self, context: DutyContext) -> DutyContext:
        return DutyContext(held=context.held)

    def counts(self) -> Count | None:
        return Count("applied", self.category, self.channel)

    def found_by(self) -> tuple[Private[str] | None, ...]:
        return (self.account,)

    def evolve(self, household: Household) -> Household:
        case = Procedure(
            self.case,
            self.category,
            "application",
            self.on,
            self.applicant,
            self.income,
        )
        findings = findings_applied(household, self.on)
        return replace(household, procedures=(*household.procedures, case), findings=findings)


@dataclass(frozen=True, slots=True)
class Apply(Command):
    """Record the application one member makes for the household (登记申请).

    An agent (`agent`) shows a written mandate; an `active-finding` rests on what was found, with consent.
    `place` tells where the family is registered and lives.
    """

    on: date
    applicant: PersonId
    channel: Channel = "window"
    category: Category = dibao.ROAD.category
    income: tuple[IncomeItem, ...] = ()
    spending: tuple[SpendingItem, ...] = ()
    property: DeclaredProperty | None = None
    note: str | None = None
    account: str | None = None
    promised: bool = True
    mandate: Mandate | None = None
    found: Found | None = None
    place: Place | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        return self.entered(household, context)

    def entered(self, household: Household, context: Context, *, from_paper: bool = False) -> Iterator[Event]:
        """What the application makes true; `from_paper`: the mandate stays in the paper file it comes from."""
        require_registered(household)
        case = household.case
        if case is not None:
            if self.mandate is not None and case.agent is None:
                raise AlreadyApplying
            if (case.started_on, case.applicant, case.category) == (
                self.on,
                self.applicant,
                self.category,
            ):
                return
            raise AlreadyApplying
        road = road_of(self.category)
        require_member(household, self.applicant, self.on)
        if not self.promised:
            raise PromiseMissing
        held = household.category(self.on)
        if held is not None and held.category not in road.rises_from:
            raise AlreadyReceives(category=held.category.word)
        named = [item.person for item in self.income] + [item.person for item in self.spending]
        for person in named:
            if person is not None:
                require_member(household, person, self.on)
        self._require_door(context, from_paper)
        case_id = context.id("case")
        finding = None
        if self.channel == "active-finding":
            new, finding = rests_on(self.found, household, context, self.on)
            if new is not None:
                yield new
        yield Applied(
            self.on,
            case_id,
            self.category,
            self.applicant,
            self.channel,
            self.income,
            self.spending,
            context.due(ONE_NOTICE, self.on, case_id),
            self.property,
            Private(household.id, "text", self.note) if self.note else None,
            Private(household.id, "account", self.account) if self.account else None,
        )
        if self.mandate is not None:
            yield mandated(self.mandate, household, context, self.on, case_id, self.applicant)
        if finding is not None:
            found = self.found or Found()
            yield helped(found, household, context, self.on, case_id, finding, self.applicant)
        if self.place is not None:
            yield placed(filed_at(self.place, context, self.on), self.on, case_id)

    def _require_door(self, context: Context, from_paper: bool) -> None:
        """Refuse an agent without his paper, and papers that belong to another door."""
        rules = context.rules(self.on)
        entrusted = ("agent", *(rules.words(_ENTRUSTED) if _ENTRUSTED in rules else ()))
        if self.mandate is None:
            if self.channel in entrusted and not from_paper:
                raise MandateMissing
        elif self.channel not in ("agent", "village", "active-finding"):
            raise ChannelContradicts(channel=CHANNEL_WORDS[self.channel], paper="委托书")
        elif "apply" not in self.mandate.scope:
            raise MandateTooNarrow(act=SCOPE_WORDS["apply"])
        if self.found is not None and self.channel != "active-finding":
            raise ChannelContradicts(channel=CHANNEL_WORDS[self.channel], paper="主动发现记录")


_ENTRUSTED = "procedure.mandate-channels"
CHANNEL_WORDS: dict[Channel, str] = {
    "window": "窗口",
    "online": "网上",
    "village": "村（社区）代办",
    "agent": "委托代理",
    "active-finding": "主动发现",
}
"""What each channel is called."""


@dataclass(frozen=True, slots=True)
class ApplicationAccepted(Event):
    """The township accepted the application: the clocks start (受理)."""

    title: ClassVar[str] = "受理"
    basis: ClassVar[str] = "M57 art.10"
    none: ClassVar[str] = "home members cycle status benefit money aid ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of("case"), closes=("*",), opens=("start-investigation", "request-verification", "visit-home")),
    )

    on: date
    case: UUID
    relatives: bool
    delegated: bool
    investigation_due: Due
    total_due: Due

    def opens(self) -> tuple[Due, ...]:
        return (self.investigation_due, self.total_due)

    def meets(self) -> tuple[Limit, ...]:
        return ((ONE_NOTICE, self.case),)

    def closes(self) -> tuple[Limit, ...]:
        return ((SUPPLEMENT, self.case),)

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case, CaseStep.ACCEPTED)

    def moves_clock(self) -> ClockMove | None:
        return ClockMove((self.case,), ("accepted", "term"), "township")

    def bears_on_duties(self, context: DutyContext) -> DutyContext:
        looked_at = context.looked_at or self.relatives
        return replace(context, delegated=self.delegated, looked_at=looked_at, missing=frozenset())

    def counts(self) -> Count | None:
        return Count("accepted", None, case=self.case)

    def evolve(self, household: Household) -> Household:
        relatives = self.relatives or household.procedures[-1].relatives
        return household.with_case(accepted_on=self.on, relatives=relatives, delegated=self.delegated)


@dataclass(frozen=True, slots=True)
class AcceptApplication(Command):
    """Accept the complete application (受理).

    `relatives`: a member is a close relative of staff or a village cadre (近亲属备案, M57 art.11); the
    county must then visit. One registered before counts in any case. `delegated`: the county's power to
    confirm was given to the township (20 instead of 30 working days since 2022-10-20, M83). Accepting
    again with other answers is refused, and so is a place that may not accept (M57 art.4, 5).
    """

    on: date
    relatives: bool = False
    delegated: bool = False

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = open_case(household)
        if case.accepted_on is not None:
            self._require_same(case)
            return
        context.require("township")
        require_disinterested(household, context)
        require_order(self.on, case.started_on)
        require_place(case, context, self.on)
        missing = [item for item in case.missing_notified if item not in case.supplemented]
        if missing:
            raise FileIncomplete(missing="、".join(missing))
        if self.delegated and not context.rules(self.on).flag("procedure.delegation-allowed"):
            raise DelegationNotAllowed
        limits = road_of(case.category).limits
        delegated = limits.get("total-delegated")
        shorter = self.delegated and f"deadline.{delegated}" in context.rules(self.on)
        total = delegated if shorter and delegated is not None else limits["total"]
        yield ApplicationAccepted(
            self.on,
            case.id,
            self.relatives or case.relatives,
            self.delegated,
            context.due(limits["investigate"], self.on, case.id),
            context.due(total, self.on, case.id),
        )

    def _require_same(self, case: Procedure) -> None:
        if case.origin == "transfer":
            return
        if self.delegated != case.delegated:
            raise AcceptanceContradicts(what="确认权限下放情况")
        # a relative registered by itself may have come before or after the acceptance
        if self.relatives != case.relatives and not case.known_relatives:
            raise AcceptanceContradicts(what="近亲属备案情况")


EndCause = Literal["authorisation-refused", "not-cooperating"]


@dataclass(frozen=True, slots=True)
class ProcedureEnded(Event):
    """The procedure was ended because it could not be carried on (终止审核确认程序)."""

    title: ClassVar[str] = "终止审核确认程序"
    basis: ClassVar[str] = "M57 art.29"
    none: ClassVar[str] = "home members cycle status benefit money aid paper found"
    turns: ClassVar[tuple[Turn, ...]] = (Turn(of("case"), closes=("*",)),)

    on: date
    case: UUID
    cause: EndCause
    reasons: Private[str]
    watch: Due | None

    def opens(self) -> tuple[Due, ...]:
        return (self.watch,) if self.watch else ()

    def closes(self) -> tuple[Limit, ...]:
        return (("*", self.case),)

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case, CaseStep.ENDED)

    def moves_clock(self) -> ClockMove | None:
        return ClockMove((self.case,), leaves=NO_STAGE)

    def counts(self) -> Count | None:
        return Count("ended", None, self.cause, case=self.case)

    def rules_against(self) -> Ruling | None:
        return Ruling(self.case, "ended", self.cause, None, self.on)

    def evolve(self, household: Household) -> Household:
        return household.with_case(outcome="ended", decided_on=self.on)


@dataclass(frozen=True, slots=True)
class EndProcedure(Command):
    """End a procedure whose family refuses authorisation or co-operation without reason (终止程序)."""

    on: date
    cause: EndCause
    reasons: str

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        last = household.last_case
        if last is not None and (last.outcome, last.decided_on) == ("ended", self.on):
            return
        case = open_case(household)
        context.require("township", "county")
        reasons = Private(household.id, "text", self.reasons)
        yield ProcedureEnded(self.on, case.id, self.cause, reasons, watch_of(household, case, self.on))


def watch_of(household: Household, case: Procedure, on: date) -> Due | None:
    """What puts a family back on the watch list when its case ends without aid; None while it is aided."""
    if household.in_any_category(on):
        return None
    return Due("return-to-monitoring", on, case.id, "C2020", kind="timer")
