"""Exit (退出): opinion heard, benefit terminated from the next month, with reasons and remedy (L26 art.48)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from domain.change.hearing import HearingNotHeld, NothingToTerminate, may_decide
from domain.guards.delegation import competent
from domain.guards.separation_of_duties import require_disinterested
from domain.household.command import Command
from domain.household.context import Context
from domain.household.event import Event
from domain.household.parts import Decided, Undelivered
from domain.household.remedy import remedy_text
from domain.household.state import Household
from domain.values.deadline import Due
from domain.values.immutables import replace
from domain.values.month import Month, Months
from domain.values.private import Private
from domain.values.receipt import Decision, apply
from domain.values.refusals import Refusal
from domain.values.spells import Category, Grace, LabelSpell, ended

ExitGround = Literal[
    "income-above-standard",
    "property-above-limit",
    "own-request",
    "death",
    "not-cooperating",
    "false-statement",
]
ON_INCOME: tuple[ExitGround, ...] = ("income-above-standard",)


class StillEligible(Refusal):
    """最近一次核查的人均收入仍低于保障标准，不能以收入超标为由终止。"""

    article = "M57 art.32"


class GraceStillRunning(Refusal):
    """渐退期至{last}届满，届满前不能以收入超标为由终止。"""

    article = "M57 art.33"


class EndsNextMonth(Refusal):
    """终止决定自下月起执行（{first}），不能提前或者溯及既往。"""

    article = "M57 art.21, 32"


class ReasonsMissing(Refusal):
    """终止决定应当书面说明理由。"""

    article = "M57 art.32; L26 art.48"


@dataclass(frozen=True, slots=True)
class BenefitTerminated(Event):
    """Dibao ends on the first day of `from_month`; the family was heard and is told why (终止低保)."""

    title: ClassVar[str] = "终止低保"
    basis: ClassVar[str] = "M57 art.32; L26 art.48"

    on: date
    termination: UUID
    ground: ExitGround
    reasons: Private[str]
    from_month: Month
    remedy: str
    watch: Due
    decision: Decision

    def opens(self) -> tuple[Due, ...]:
        return (self.watch,)

    def closes(self) -> tuple[tuple[str, UUID | None], ...]:
        return (
            ("DL-GRC", None),
            ("warn-grace-expiry", None),
            ("DL-REC-HALF", None),
            ("DL-REC-YEAR", None),
            ("DL-DTH", None),
            ("DL-CHG", None),
        )

    def evolve(self, household: Household) -> Household:
        day = self.from_month.first_day
        benefits = tuple(
            replace(spell, last=self.from_month + -1) if spell.last is None else spell
            for spell in household.benefits
        )
        return replace(
            household,
            categories=ended(household.categories, day),
            labels=tuple(_cut(label, day) for label in household.labels),
            graces=tuple(_shortened(household.graces, self.from_month)),
            benefits=benefits,
            hearings=tuple(replace(h, used=True) for h in household.hearings),
            undelivered=(*household.undelivered, Undelivered(self.termination, "termination")),
            decided=(*household.decided, Decided(self.termination, self.on, "termination")),
        )


@dataclass(frozen=True, slots=True)
class TerminateBenefit(Command):
    """Terminate Dibao from the next month, by the county, after the family was heard (终止低保).

    Before 2026-07-01 reasons were enough; since then an opinion heard must come first (L26 art.48).
    """

    on: date
    ground: ExitGround
    reasons: str
    delegated_by: str | None = None
    from_month: Month | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        rules = context.rules(self.on)
        first = Month.of(self.on) + rules.integer("termination.month-offset")
        spell = household.category(self.on)
        if spell is None or spell.category != Category.DIBAO:
            raise NothingToTerminate
        if spell.end is not None:
            if spell.end == first.first_day:
                return
            raise NothingToTerminate
        if self.from_month not in (None, first):
            raise EndsNextMonth(first=first)
        decider = competent(context, self.on, self.delegated_by)
        require_disinterested(household, context)
        if not self.reasons.strip():
            raise ReasonsMissing
        duty = rules["procedure.hearing-before-reduction"]
        heard = any(h.about == "termination" and not h.used and h.on <= self.on for h in household.hearings)
        hearing = apply(
            "exit.hearing", may_decide, duty.source, duty.since, required=bool(duty.value), heard=heard
        )
        if not hearing.result:
            raise HearingNotHeld
        grace = household.grace(first)
        if self.ground in ON_INCOME:
            if household.review is None or household.review.assessment.below_standard:
                raise StillEligible
            if grace is not None:
                raise GraceStillRunning(last=grace.months.last)
        termination = context.id("termination")
        yield BenefitTerminated(
            self.on,
            termination,
            self.ground,
            Private(household.id, "text", self.reasons),
            first,
            remedy_text(decider, context, self.on),
            Due("return-to-monitoring", first.first_day, termination, "C2020", kind="timer"),
            context.decision(self.on, decider, hearing),
        )


def _shortened(graces: tuple[Grace, ...], first: Month) -> Iterator[Grace]:
    for grace in graces:
        if grace.months.last < first:
            yield grace
        elif grace.months.first < first:
            yield replace(grace, months=Months(grace.months.first, first + -1))


def _cut(label: LabelSpell, day: date) -> LabelSpell:
    if label.label == "GRACE" and label.end is not None and label.end > day:
        return replace(label, end=max(day, label.start))
    return label
