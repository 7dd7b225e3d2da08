"""A status begins and ends (类别确认与退出): the two facts that every category shares, whoever decides and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from domain.categories.road import LimitRole
from domain.categories.roads import limits, road_of
from domain.household.duty import AIDED, STATUS_ENDED, Turn, of, of_every, of_household
from domain.household.duty_context import DutyContext
from domain.household.event import Event
from domain.household.notions import (
    NO_STAGE,
    UNTIL_PAID,
    BenefitBegun,
    BenefitChange,
    CaseMove,
    CaseStep,
    ClockMove,
    Confirmed,
    Count,
    Limit,
    Ruling,
    StatusChange,
)
from domain.household.parts import Decided, Review, Undelivered
from domain.household.state import Household
from domain.members.death import DEATH
from domain.members.member_changes import CHANGE
from domain.values.assessment import Assessment, IncomeItem
from domain.values.deadline import Due
from domain.values.immutables import replace
from domain.values.money import Fen
from domain.values.month import Month, Months
from domain.values.person import PersonId
from domain.values.private import Private
from domain.values.receipt import Decision
from domain.values.spells import (
    BenefitSpell,
    Category,
    CategorySpell,
    Grace,
    Label,
    LabelSpell,
    Programme,
    ended,
    holds,
)

Interval = Literal["half-yearly", "yearly"]
ExitReason = Literal[
    "income-above-standard",
    "property-above-limit",
    "own-request",
    "death",
    "not-cooperating",
    "false-statement",
    "other-category",
]
"""Why a status ends; `other-category`: the family was confirmed in another one."""

DECIDED: tuple[LimitRole, ...] = ("decide", "total", "total-delegated", "total-extended")
"""The limits that a decision of a case keeps."""
WATCH = "return-to-monitoring"
"""The timer that puts a family without a status back on the watch list."""
RECHECKS = ("DL-REC-HALF", "DL-REC-YEAR")
"""The limits of the regular check of a family in a category."""
WATCHED = (Label.EXITED, Label.REFUSED)
"""The labels of a family that is watched because it is not aided; they end when it is aided again."""


def brings_money(event: Classified, context: DutyContext) -> bool:
    """The category is paid: who aids publishes (N31)."""
    return event.benefit is not None


@dataclass(frozen=True, slots=True)
class Classified(Event):
    """A category is confirmed from `start` on (类别确认), for the household or for one `person`.

    `benefit` is the monthly benefit it brings under a `programme`, `fen` a month from `first` on; all None where the
    decision only identifies. `eligible_for` are the kinds of
    specialised aid the status opens without another means test.
    """

    title: ClassVar[str] = "审核确认"
    basis: ClassVar[str] = "M57 art.20"
    none: ClassVar[str] = "home members cycle money aid ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of("case"), closes=("*",)),
        Turn(of("case"), opens=("publish-confirmation",), when=brings_money),
        Turn(of_household, closes=(*AIDED, "start-transfer"), opens=("recertify",)),
    )

    on: date
    case: UUID
    category: Category
    person: PersonId | None
    start: date
    benefit: UUID | None
    programme: Programme | None
    fen: Fen | None
    first: Month | None
    members: int
    assessment: Assessment
    income: tuple[IncomeItem, ...]
    interval: Interval
    review_due: Due
    eligible_for: tuple[str, ...]
    decision: Decision

    def rests_on(self) -> str:
        return road_of(self.category).basis

    def opens(self) -> tuple[Due, ...]:
        return (self.review_due,)

    def meets(self) -> tuple[Limit, ...]:
        return limits(self.case, *DECIDED)

    def closes(self) -> tuple[Limit, ...]:
        return (("*", self.case), (WATCH, None), *((code, None) for code in RECHECKS), (CHANGE, None))

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case, CaseStep.CONFIRMED)

    def changes_status(self) -> StatusChange | None:
        confirmed = Confirmed(self.category, self.start, self.person, self.eligible_for)
        persons = () if self.person is None else (self.person,)
        return StatusChange(self.start, WATCHED, persons, confirmed, organ=self.decision.decider.organ)

    def changes_benefit(self) -> BenefitChange | None:
        if self.benefit is None or self.programme is None or self.fen is None or self.first is None:
            return None
        begun = BenefitBegun(self.benefit, self.programme, self.fen, self.first)
        return BenefitChange(begun=begun, organ=self.decision.decider.organ)

    def moves_clock(self) -> ClockMove | None:
        if self.benefit is None:
            return ClockMove((self.case,), ("decided",), "county", leaves=NO_STAGE)
        reaches = ("decided", "confirmed")
        return ClockMove((self.case,), reaches, "county", leaves=UNTIL_PAID, paid_by=self.benefit)

    def bears_on_duties(self, context: DutyContext) -> DutyContext:
        return replace(context, held=self.category) if self.person is None else context

    def counts(self) -> Count | None:
        return Count("confirmed", self.category, fen=self.fen or 0)

    def evolve(self, household: Household) -> Household:
        household = household.with_case(outcome="confirmed", decided_on=self.on)
        benefits = household.benefits
        if self.benefit is not None and self.fen is not None and self.first is not None:
            spell = BenefitSpell(
                self.benefit,
                self.category,
                self.fen,
                self.first,
                decided_on=self.on,
                basis=self.assessment,
            )
            benefits = (*benefits, spell)
        return replace(
            household,
            categories=(
                *_ended(household.categories, self.start, self.person),
                CategorySpell(self.category, self.start, person=self.person),
            ),
            labels=watch_ended(household, self.start),
            benefits=benefits,
            review=Review(self.on, self.assessment, self.income, self.interval),
        )


def is_told(event: Exited, context: DutyContext) -> bool:
    """The family is told why, and of its remedies."""
    return event.remedy is not None


@dataclass(frozen=True, slots=True)
class Exited(Event):
    """A status ends (退出): `start` is the first day without it, for the household or one `person`.

    `leads_to` is the category the family goes on in, None where it is watched from then on: then `watch` opens the next
    cycle of its chain. `reasons` and `remedy` are those of a decision against the family.
    """

    title: ClassVar[str] = "退出"
    basis: ClassVar[str] = "M57 art.32; L26 art.48"
    none: ClassVar[str] = "case home members cycle money aid stage paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        *STATUS_ENDED,
        Turn(of_every, closes=("adjust-after-death", "adjust-after-change")),
        Turn(of("exit"), opens=("deliver-notice",), when=is_told),
    )

    on: date
    exit: UUID
    category: Category
    person: PersonId | None
    start: date
    reason: ExitReason
    leads_to: Category | None
    reasons: Private[str] | None
    remedy: str | None
    watch: Due | None
    decision: Decision

    def rests_on(self) -> str:
        # a family in another category is no longer in this one: nobody is in two
        return self.basis if self.leads_to is None else "S001; G39"

    def opens(self) -> tuple[Due, ...]:
        return (self.watch,) if self.watch else ()

    def meets(self) -> tuple[Limit, ...]:
        # a family that rises into another category is not decided out of this one
        return (("DL-GRC", None), (DEATH, None), (CHANGE, None)) if self.leads_to is None else ()

    def closes(self) -> tuple[Limit, ...]:
        rest = ("DL-GRC", DEATH, CHANGE) if self.leads_to is not None else ()
        return tuple((code, None) for code in ("warn-grace-expiry", *RECHECKS, *rest))

    def changes_status(self) -> StatusChange | None:
        persons = () if self.person is None else (self.person,)
        return StatusChange(self.start, (Label.GRACE,), persons, organ=self.decision.decider.organ)

    def changes_benefit(self) -> BenefitChange | None:
        return BenefitChange(ends_before=first_month_without(self.start))

    def bears_on_duties(self, context: DutyContext) -> DutyContext:
        return replace(context, held=None) if self.person is None else context

    def counts(self) -> Count | None:
        word = "terminated" if self.leads_to is None else "passed-on"
        return Count(word, self.category, self.leads_to or self.reason)

    def rules_against(self) -> Ruling | None:
        if self.remedy is None:
            return None
        return Ruling(self.exit, "termination", self.reason, self.remedy, self.start)

    def evolve(self, household: Household) -> Household:
        month = first_month_without(self.start)
        benefits = tuple(
            replace(spell, last=month + -1) if (spell.kind, spell.last) == (self.category, None) else spell
            for spell in household.benefits
        )
        household = replace(
            household,
            categories=_ended(household.categories, self.start, self.person),
            labels=tuple(_cut(label, self.start) for label in household.labels),
            graces=_shortened(household.graces, month),
            benefits=benefits,
            decided=(*household.decided, Decided(self.exit, self.on, "termination")),
        )
        if self.remedy is None:
            return household
        return replace(
            household,
            hearings=tuple(replace(h, used=True) for h in household.hearings),
            undelivered=(*household.undelivered, Undelivered(self.exit, "termination")),
        )


def first_month_without(start: date) -> Month:
    """The first month that is not paid, for a status whose first day without it is `start`: a month begun is paid."""
    month = Month.of(start)
    return month if start == month.first_day else month + 1


def watch_ended(household: Household, on: date) -> tuple[LabelSpell, ...]:
    """The labels with the watch of an exited or refused family ended: it is aided again."""
    return tuple(
        replace(label, end=on) if label.label in WATCHED and holds(label, on) else label
        for label in household.labels
    )


def _ended(
    spells: tuple[CategorySpell, ...], day: date, person: PersonId | None
) -> tuple[CategorySpell, ...]:
    """The categories with those of the household, or of the one person, ended on a day."""
    return tuple(
        each for spell in spells for each in (ended((spell,), day) if spell.person == person else (spell,))
    )


def _shortened(graces: tuple[Grace, ...], first: Month) -> tuple[Grace, ...]:
    return tuple(
        each if each.months.last < first else replace(each, months=Months(each.months.first, first + -1))
        for each in graces
        if each.months.first < first
    )


def _cut(label: LabelSpell, day: date) -> LabelSpell:
    if label.label == Label.GRACE and label.end is not None and label.end > day:
        return replace(label, end=max(day, label.start))
    return label
