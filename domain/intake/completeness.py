"""Completeness (材料审查): what is missing is said once, all of it; papers or a promise follow (M57 art.10)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar
from uuid import UUID

from domain.guards.order_of_steps import require_order
from domain.guards.procedure_guards import open_case
from domain.guards.separation_of_duties import require_disinterested
from domain.household.command import Command
from domain.household.context import Context
from domain.household.duty import Turn, is_complete, of
from domain.household.duty_context import DutyContext
from domain.household.event import Event
from domain.household.notions import CaseMove, CaseStep, ClockMove, Limit
from domain.household.state import Household
from domain.values.deadline import Due
from domain.values.immutables import replace
from domain.values.refusals import Refusal

ONE_NOTICE = "DL-ONE-NOTICE"
"""The limit from the application to its acceptance, or to the one notice of all that is missing."""
SUPPLEMENT = "DL-SUP"
"""The code of the term a place may set for handing in what was asked for; the nation sets none."""


class OneNoticeOnly(Refusal):
    """需要补充的材料应当一次性告知，本申请已于此前告知过，不能再次要求其他材料。"""

    article = "M57 art.10"


class NothingMissing(Refusal):
    """一次性告知应当列明需要补充的全部材料。"""

    article = "M57 art.10"


class AlreadyAccepted(Refusal):
    """申请已经受理，不能再要求补正材料。"""

    article = "M57 art.10"


class PaperNotToBeAsked(Refusal):
    """“{paper}”可以通过政务服务平台或者核对机制查询获取，不得要求申请人提交。"""

    article = "M57 art.10; L26 art.62"


@dataclass(frozen=True, slots=True)
class MissingItemsNotified(Event):
    """All missing papers were named at once (一次性告知)."""

    title: ClassVar[str] = "一次性告知补正"
    basis: ClassVar[str] = "M57 art.10"
    none: ClassVar[str] = "home members cycle status benefit money aid count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of("case"), closes=("accept-or-notify",), opens=("await-materials",)),
    )

    on: date
    case: UUID
    items: tuple[str, ...]

    def meets(self) -> tuple[Limit, ...]:
        return ((ONE_NOTICE, self.case),)

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case, CaseStep.MATERIALS_MISSING, asks=self.items)

    def moves_clock(self) -> ClockMove | None:
        return ClockMove((self.case,), holder="applicant", stop="supplement", asks=self.items)

    def bears_on_duties(self, context: DutyContext) -> DutyContext:
        return replace(context, missing=frozenset(self.items))

    def evolve(self, household: Household) -> Household:
        return household.with_case(missing_notified=self.items)


@dataclass(frozen=True, slots=True)
class SupplementTermSet(Event):
    """The place gives the applicant until a day to hand in what was asked for (补正期限)."""

    title: ClassVar[str] = "补正期限"
    basis: ClassVar[str] = "M57 art.10"
    none: ClassVar[str] = (
        "case home members cycle status benefit money aid stage duties count ruling paper found"
    )

    on: date
    case: UUID
    due: Due

    def opens(self) -> tuple[Due, ...]:
        return (self.due,)

    def evolve(self, household: Household) -> Household:
        return household


@dataclass(frozen=True, slots=True)
class NotifyMissingItems(Command):
    """Tell the applicant every missing paper at once; a second notice is refused (一次性告知).

    So is asking for what the office can look up itself. Where the place has set a term to hand the papers
    in, it starts here.
    """

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
        if not self.items or not all(item.strip() for item in self.items):
            raise NothingMissing
        context.require("township")
        require_disinterested(household, context)
        require_order(self.on, case.started_on)
        rules = context.rules(self.on)
        known = rules.words(_PLATFORM) if _PLATFORM in rules else ()
        for item in self.items:
            if item in known:
                raise PaperNotToBeAsked(paper=item)
        yield MissingItemsNotified(self.on, case.id, self.items)
        if f"deadline.{SUPPLEMENT}" in rules:
            yield SupplementTermSet(
                self.on, case.id, context.due(SUPPLEMENT, self.on, case.id, kind="period")
            )


_PLATFORM = "procedure.papers-from-platform"


@dataclass(frozen=True, slots=True)
class MaterialsSupplemented(Event):
    """Papers asked for were handed in, or a written promise in their place (补充材料)."""

    title: ClassVar[str] = "补充材料"
    basis: ClassVar[str] = "M57 art.10; M83"
    none: ClassVar[str] = "limits home members cycle status benefit money aid count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(
            of("case"),
            closes=("await-materials",),
            opens=("accept",),
            when=is_complete,
            once_done=("accept",),
        ),
    )

    on: date
    case: UUID
    items: tuple[str, ...]
    by_promise: bool

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case, CaseStep.MATERIALS_COMPLETE, brings=self.items)

    def moves_clock(self) -> ClockMove | None:
        return ClockMove((self.case,), ("supplemented",), "township", brings=self.items)

    def bears_on_duties(self, context: DutyContext) -> DutyContext:
        return replace(context, missing=context.missing - set(self.items))

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
            require_order(self.on, case.started_on)
            yield MaterialsSupplemented(self.on, case.id, new, self.by_promise)
