"""Intake (申请与受理): application, one-time notice, authorisation, acceptance (M57 art.4, 9–11, 29)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from domain.assessment import IncomeItem
from domain.context import Context
from domain.copies import replace
from domain.deadline import Due
from domain.household import Household
from domain.membership import require_member, require_registered
from domain.message import Command, Event, Refusal
from domain.money import Fen
from domain.order import require_order
from domain.person import PersonId
from domain.private import Private
from domain.procedure import Procedure
from domain.spells import Category

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


class NotApplied(Refusal):
    """该户没有正在办理的申请；请先登记申请。"""

    article = "M57 art.28"


class NotAccepted(Refusal):
    """申请尚未受理，不能进入调查核实；请先受理或者一次性告知补正。"""

    article = "M57 art.28"


class OneNoticeOnly(Refusal):
    """需要补充的材料应当一次性告知，本申请已于此前告知过，不能再次要求其他材料。"""

    article = "M57 art.10"


class NothingMissing(Refusal):
    """一次性告知应当列明需要补充的全部材料。"""

    article = "M57 art.10"


class FileIncomplete(Refusal):
    """告知补正的材料尚未补齐（{missing}），不能受理。"""

    article = "M57 art.10"


class AlreadyAccepted(Refusal):
    """申请已经受理，不能再要求补正材料。"""

    article = "M57 art.10"


class DelegationNotAllowed(Refusal):
    """本地没有将确认权限下放到乡镇（街道）的规定，应当由县级作出决定。"""

    article = "M57 art.2; L26 art.44"


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

    def evolve(self, household: Household) -> Household:
        case = Procedure(
            self.case,
            self.category,
            "application",
            self.on,
            self.applicant,
            self.income,
        )
        return replace(household, procedures=(*household.procedures, case))


@dataclass(frozen=True, slots=True)
class Apply(Command):
    """Record the application one member makes for the household (登记申请)."""

    on: date
    applicant: PersonId
    channel: Channel = "window"
    category: Category = Category.DIBAO
    income: tuple[IncomeItem, ...] = ()
    spending: tuple[SpendingItem, ...] = ()
    property: DeclaredProperty | None = None
    note: str | None = None
    account: str | None = None
    promised: bool = True

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        require_registered(household)
        case = household.case
        if case is not None:
            if (case.started_on, case.applicant, case.category) == (
                self.on,
                self.applicant,
                self.category,
            ):
                return
            raise AlreadyApplying
        require_member(household, self.applicant, self.on)
        if not self.promised:
            raise PromiseMissing
        held = household.category(self.on)
        if held is not None and held.category in (
            self.category,
            Category.TEKUN,
            Category.DIBAO,
        ):
            raise AlreadyReceives(category=held.category.word)
        named = [item.person for item in self.income] + [item.person for item in self.spending]
        for person in named:
            if person is not None:
                require_member(household, person, self.on)
        case_id = context.id("case")
        yield Applied(
            self.on,
            case_id,
            self.category,
            self.applicant,
            self.channel,
            self.income,
            self.spending,
            context.due("DL-ONE-NOTICE", self.on, case_id),
            self.property,
            Private(household.id, "text", self.note) if self.note else None,
            Private(household.id, "account", self.account) if self.account else None,
        )


@dataclass(frozen=True, slots=True)
class MissingItemsNotified(Event):
    """All missing papers were named at once (一次性告知)."""

    title: ClassVar[str] = "一次性告知补正"
    basis: ClassVar[str] = "M57 art.10"

    on: date
    case: UUID
    items: tuple[str, ...]

    def closes(self) -> tuple[tuple[str, UUID | None], ...]:
        return (("DL-ONE-NOTICE", self.case),)

    def evolve(self, household: Household) -> Household:
        return household.with_case(missing_notified=self.items)


@dataclass(frozen=True, slots=True)
class NotifyMissingItems(Command):
    """Tell the applicant every missing paper at once; a second notice is refused (一次性告知)."""

    on: date
    items: tuple[str, ...]

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = open_case(household)
        if set(case.missing_notified) == set(self.items) and self.items:
            return
        if case.missing_notified:
            raise OneNoticeOnly
        if case.accepted_on is not None:
            raise AlreadyAccepted
        if not self.items:
            raise NothingMissing
        context.require("township")
        yield MissingItemsNotified(self.on, case.id, self.items)


@dataclass(frozen=True, slots=True)
class MaterialsSupplemented(Event):
    """Papers asked for were handed in, or a written promise in their place (补充材料)."""

    title: ClassVar[str] = "补充材料"
    basis: ClassVar[str] = "M57 art.10; M83"

    on: date
    case: UUID
    items: tuple[str, ...]
    by_promise: bool

    def evolve(self, household: Household) -> Household:
        return household.with_case(supplemented=(*household.procedures[-1].supplemented, *self.items))


@dataclass(frozen=True, slots=True)
class SupplementMaterials(Command):
    """Record papers handed in after the one-time notice, or the promise that replaces them (补充材料)."""

    on: date
    items: tuple[str, ...]
    by_promise: bool = False

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = open_case(household)
        new = tuple(item for item in self.items if item not in case.supplemented)
        if new:
            yield MaterialsSupplemented(self.on, case.id, new, self.by_promise)


@dataclass(frozen=True, slots=True)
class ApplicationAccepted(Event):
    """The township accepted the application: the clocks start (受理)."""

    title: ClassVar[str] = "受理"
    basis: ClassVar[str] = "M57 art.10"

    on: date
    case: UUID
    relatives: bool
    delegated: bool
    investigation_due: Due
    total_due: Due

    def opens(self) -> tuple[Due, ...]:
        return (self.investigation_due, self.total_due)

    def closes(self) -> tuple[tuple[str, UUID | None], ...]:
        return (("DL-ONE-NOTICE", self.case),)

    def evolve(self, household: Household) -> Household:
        return household.with_case(accepted_on=self.on, relatives=self.relatives, delegated=self.delegated)


@dataclass(frozen=True, slots=True)
class AcceptApplication(Command):
    """Accept the complete application (受理).

    `relatives`: a member is a close relative of staff or a village cadre (近亲属备案, M57 art.11); the
    county must then visit. `delegated`: the county's power to confirm was given to the township
    (20 instead of 30 working days since 2022-10-20, M83).
    """

    on: date
    relatives: bool = False
    delegated: bool = False

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = open_case(household)
        if case.accepted_on is not None:
            return
        context.require("township")
        require_order(self.on, case.started_on)
        missing = [item for item in case.missing_notified if item not in case.supplemented]
        if missing:
            raise FileIncomplete(missing="、".join(missing))
        if self.delegated and not context.rules(self.on).flag("procedure.delegation-allowed"):
            raise DelegationNotAllowed
        shorter = self.delegated and "deadline.DL-DIB-DEL" in context.rules(self.on)
        total = "DL-DIB-DEL" if shorter else "DL-DIB-TOT"
        yield ApplicationAccepted(
            self.on,
            case.id,
            self.relatives,
            self.delegated,
            context.due("DL-DIB-INV", self.on, case.id),
            context.due(total, self.on, case.id),
        )


EndCause = Literal["authorisation-refused", "not-cooperating"]


@dataclass(frozen=True, slots=True)
class ProcedureEnded(Event):
    """The procedure was ended because it could not be carried on (终止审核确认程序)."""

    title: ClassVar[str] = "终止审核确认程序"
    basis: ClassVar[str] = "M57 art.29"

    on: date
    case: UUID
    cause: EndCause
    reasons: Private[str]
    watch: Due | None

    def opens(self) -> tuple[Due, ...]:
        return (self.watch,) if self.watch else ()

    def closes(self) -> tuple[tuple[str, UUID | None], ...]:
        return (("*", self.case),)

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


def open_case(household: Household) -> Procedure:
    """The case under way; refuses when there is none."""
    require_registered(household)
    case = household.case
    if case is None:
        raise NotApplied
    return case


def accepted_case(household: Household) -> Procedure:
    """The case under way and accepted; refuses when the door has not been passed (M57 art.28)."""
    case = open_case(household)
    if case.accepted_on is None:
        raise NotAccepted
    return case
