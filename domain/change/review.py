"""Review (动态管理与定期核查): changes reported, and the check at its time (M57 art.30–32)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal

from domain.categories import dibao
from domain.categories.means_test import assess
from domain.categories.roads import ROADS
from domain.decision.confirmation import review_due
from domain.decision.status import Interval
from domain.guards.registered import require_member, require_registered
from domain.household.command import Command
from domain.household.context import Context
from domain.household.duty import Turn, of_every, of_household
from domain.household.duty_context import DutyContext
from domain.household.event import Event
from domain.household.notions import Limit
from domain.household.parts import Change, Review
from domain.household.state import Household
from domain.values.assessment import Assessment, IncomeItem
from domain.values.deadline import Due
from domain.values.immutables import replace
from domain.values.person import PersonId
from domain.values.private import Private
from domain.values.receipt import Receipt
from domain.values.refusals import Refusal


def has_outgrown(event: Recertified, context: DutyContext) -> bool:
    """The check found the family over the line of what it is in, and not just again what was known."""
    road = ROADS.get(context.held, dibao.ROAD) if context.held is not None else dibao.ROAD
    return not road.fits(event.assessment) and event.finding != "unchanged"


def has_changed(event: Recertified, context: DutyContext) -> bool:
    """The check found more or less than before."""
    return event.finding in ("less", "more")


def has_fallen_back(event: Recertified, context: DutyContext) -> bool:
    """The family is below the standard again: nothing is to be decided when its grace period ends."""
    return event.assessment.below_standard


ChangeKind = Literal["employment", "income", "property", "members", "residence", "other"]
Finding = Literal["unchanged", "less", "more", "above-standard"]


class NothingToReview(Refusal):
    """该户没有正在享受的救助，无需定期核查。"""

    article = "M57 art.31"


@dataclass(frozen=True, slots=True)
class ChangeReported(Event):
    """The family said that something changed (家庭情况变化报告)."""

    title: ClassVar[str] = "家庭情况变化报告"
    basis: ClassVar[str] = "M57 art.30; L26 art.46"
    none: ClassVar[str] = (
        "limits case home members cycle status benefit money aid stage count ruling paper found"
    )
    turns: ClassVar[tuple[Turn, ...]] = (Turn(of_household, opens=("check-change",)),)

    on: date
    person: PersonId
    kind: ChangeKind
    note: Private[str] | None = None

    def evolve(self, household: Household) -> Household:
        change = Change(self.on, self.person, self.kind)
        return replace(household, changes=(*household.changes, change))


@dataclass(frozen=True, slots=True)
class ReportChange(Command):
    """Record what a member reported about the family's situation (报告变化)."""

    on: date
    person: PersonId
    kind: ChangeKind
    note: str | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        require_registered(household)
        require_member(household, self.person, self.on)
        if Change(self.on, self.person, self.kind) in household.changes:
            return
        note = Private(household.id, "text", self.note) if self.note else None
        yield ChangeReported(self.on, self.person, self.kind, note)


@dataclass(frozen=True, slots=True)
class Recertified(Event):
    """The family was checked again; the amount itself is not touched here (定期核查)."""

    title: ClassVar[str] = "定期核查"
    basis: ClassVar[str] = "M57 art.31"
    none: ClassVar[str] = "case home members cycle status benefit money aid stage count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of_household, closes=("check-change", "recertify"), opens=("recertify",)),
        Turn(of_household, closes=("adjust-after-check",), opens=("decide-after-check",), when=has_outgrown),
        Turn(of_household, closes=("decide-after-check",), opens=("adjust-after-check",), when=has_changed),
        Turn(of_every, closes=("decide-after-grace",), when=has_fallen_back),
    )

    on: date
    finding: Finding
    assessment: Assessment
    income: tuple[IncomeItem, ...]
    interval: Interval
    due: Due
    receipt: Receipt

    def opens(self) -> tuple[Due, ...]:
        return (self.due,)

    def meets(self) -> tuple[Limit, ...]:
        return (("DL-REC-HALF", None), ("DL-REC-YEAR", None))

    def closes(self) -> tuple[Limit, ...]:
        # income has fallen back below the line: there is nothing left to decide when the grace period ends
        return (("DL-GRC", None), ("warn-grace-expiry", None)) if self.assessment.below_standard else ()

    def evolve(self, household: Household) -> Household:
        review = Review(self.on, self.assessment, self.income, self.interval)
        return replace(household, review=review, changes=())


@dataclass(frozen=True, slots=True)
class Recertify(Command):
    """Record a check of the family (定期核查).

    `income` is what was found; left out, nothing changed since the last check. The next one is due by
    the interval in force for the family, `interval` overriding it.
    """

    on: date
    income: tuple[IncomeItem, ...] | None = None
    interval: Interval | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        last = household.review
        if last is None or not household.in_any_category(self.on):
            raise NothingToReview
        context.require("township", "county")
        income = income_of(household, last.income, self.on) if self.income is None else self.income
        if last.on == self.on and last.income == income and not household.changes:
            return
        assessment, applied = assess(household, context, self.on, income)
        interval = self.interval or last.interval
        yield Recertified(
            self.on,
            _finding(last.assessment, assessment),
            assessment,
            income,
            interval,
            review_due(interval, self.on, household, context),
            Receipt(context.rules(self.on).packs, applied),
        )


def income_of(household: Household, items: tuple[IncomeItem, ...], on: date) -> tuple[IncomeItem, ...]:
    """What of these incomes is the family's on a day: those of people who are members no more are not."""
    return tuple(item for item in items if item.person is None or household.has_member(item.person, on))


def _finding(before: Assessment, now: Assessment) -> Finding:
    if (before.members, before.annual) == (now.members, now.annual):
        return "unchanged"
    if not now.below_standard:
        return "above-standard"
    return "more" if now.per_capita > before.per_capita else "less"
