"""Adjustment (增发减发): the amount computed anew after a check, a reduction only once heard (M57 art.31, 32; L26)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import ClassVar, Literal
from uuid import UUID

from domain.categories.means_test import assess
from domain.categories.roads import is_paid, road_of
from domain.change.hearing import HearingNotHeld, may_decide
from domain.change.review import income_of
from domain.decision.confirmation import review_due
from domain.guards.delegation import competent, delegation
from domain.guards.registered import require_registered
from domain.household.command import Command
from domain.household.context import Context
from domain.household.duty import Turn, of, of_every, of_household
from domain.household.duty_context import DutyContext
from domain.household.event import Event
from domain.household.memberships import last_month
from domain.household.notions import BenefitBegun, BenefitChange, ClockMove, Count, Limit, MoneyMove, Ruling
from domain.household.parts import Decided, Undelivered
from domain.household.remedy import remedy_text
from domain.household.state import Household
from domain.members.death import DEATH
from domain.members.member_changes import CHANGE
from domain.values.assessment import Assessment, IncomeItem
from domain.values.immutables import replace
from domain.values.money import Fen, yuan
from domain.values.month import Month, Months
from domain.values.private import Private
from domain.values.receipt import Decision, apply, fraction
from domain.values.refusals import Refusal
from domain.values.spells import BenefitSpell, Category, Owed, Programme


def is_less(event: BenefitAdjusted, context: DutyContext) -> bool:
    """The family gets less."""
    return event.direction == "reduction"


Direction = Literal["increase", "reduction", "unchanged"]


class NothingToAdjust(Refusal):
    """该户当前没有可以调整的低保待遇。"""

    article = "M57 art.31"


class CheckMissing(Refusal):
    """家庭情况有变化且尚未核查，调整待遇前应当先核查。"""

    article = "M57 art.31; M83"


class NoLongerEligible(Refusal):
    """核查认定的人均月收入{per_capita}元，不低于保障标准{standard}元，应当办理终止或者渐退，不能调整金额。"""

    article = "M57 art.32, 33"


class NoClearChange(Refusal):
    """核查期（至{until}）内家庭经济状况没有明显变化，不调整低保金额。"""

    article = "M57 art.31"


class AdjustmentNeedsReasons(Refusal):
    """调整待遇应当书面说明理由。"""

    article = "M57 art.32; L26 art.48"


class NothingToConclude(Refusal):
    """该户没有待办结的复核事项。"""


class AdjustInstead(Refusal):
    """该户正在享受低保，应当以调整或者终止决定办结，不能只登记复核结论。"""

    article = "M57 art.31; M83"


@dataclass(frozen=True, slots=True)
class BenefitAdjusted(Event):
    """The monthly amount is `fen` from `first` on; or was looked at and stays (调整低保金额).

    `replaces` is the benefit that ran until then, `was` its amount. `since` is the first month for which the
    new facts hold, and `overpaid` what was paid above them before `first`: to be assessed for recovery.
    """

    title: ClassVar[str] = "调整低保金额"
    basis: ClassVar[str] = "M57 art.31, 32; M83; L26 art.47, 48"
    none: ClassVar[str] = "case home members cycle status aid paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of_household, closes=("check-change", "adjust-after-check")),
        Turn(of_every, closes=("adjust-after-death", "adjust-after-change")),
        Turn(of("adjustment"), opens=("deliver-notice",), when=is_less),
    )

    on: date
    adjustment: UUID
    direction: Direction
    programme: Programme
    replaces: UUID
    benefit: UUID
    was: Fen
    fen: Fen
    first: Month
    since: Month
    overpaid: Fen
    members: int
    assessment: Assessment
    income: tuple[IncomeItem, ...]
    reasons: Private[str]
    remedy: str
    decision: Decision

    def meets(self) -> tuple[Limit, ...]:
        return ((DEATH, None), (CHANGE, None))

    def changes_benefit(self) -> BenefitChange | None:
        if self.direction == "unchanged":
            return None
        begun = BenefitBegun(self.benefit, self.programme, self.fen, self.first)
        return BenefitChange(self.first, self.replaces, begun, self.decision.decider.organ)

    def moves_money(self) -> MoneyMove | None:
        if not self.overpaid:
            return None
        return MoneyMove("overpaid", self.programme, self.overpaid, self.replaces, self.since)

    def moves_clock(self) -> ClockMove | None:
        # the first money may be the new amount's
        return ClockMove(pays=self.replaces, paid_by=self.benefit)

    def counts(self) -> Count | None:
        return Count("adjusted", self.programme, self.direction, self.fen)

    def rules_against(self) -> Ruling | None:
        if self.direction != "reduction":
            return None
        return Ruling(self.adjustment, "reduction", None, self.remedy, self.first.first_day)

    def evolve(self, household: Household) -> Household:
        decided = (*household.decided, Decided(self.adjustment, self.on, "adjustment"))
        if self.direction == "unchanged":
            benefits = tuple(
                replace(spell, decided_on=self.on, basis=self.assessment)
                if spell.id == self.replaces
                else spell
                for spell in household.benefits
            )
            return replace(household, benefits=benefits, decided=decided)
        kept = tuple(
            replace(spell, last=self.first + -1) if spell.id == self.replaces else spell
            for spell in household.benefits
            if spell.id != self.replaces or spell.first < self.first
        )
        new = BenefitSpell(
            self.benefit,
            Category(self.programme),
            self.fen,
            self.first,
            decided_on=self.on,
            basis=self.assessment,
        )
        household = replace(household, benefits=(*kept, new), decided=decided)
        if self.since < self.first:
            owed = Owed(Months(self.since, self.first + -1), self.fen)
            household = replace(household, owed=(*household.owed, owed))
        if self.direction == "increase":
            return household
        return replace(
            household,
            hearings=tuple(
                replace(h, used=True) if h.about == "reduction" else h for h in household.hearings
            ),
            undelivered=(*household.undelivered, Undelivered(self.adjustment, "reduction")),
        )


@dataclass(frozen=True, slots=True)
class AdjustBenefit(Command):
    """Fix the monthly Dibao amount anew, by the county, from the month after (调整低保金额).

    The amount is computed from what the last check found, by the rules of the day. Between two checks it is
    left alone unless something clearly changed. Before a reduction the family is heard, since 2026-07-01.
    """

    on: date
    reasons: str
    delegated_by: str | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        require_registered(household)
        category = household.category(self.on)
        spell = household.benefit(Month.of(self.on) + 1)
        if category is None or category.end is not None or spell is None:
            raise NothingToAdjust
        road = road_of(category.category)
        if road.amount is None or road.programme is None:
            raise NothingToAdjust
        decider = competent(context, self.on, self.delegated_by)
        if not self.reasons.strip():
            raise AdjustmentNeedsReasons
        review = household.review
        if review is None or household.changes:
            raise CheckMissing
        income = income_of(household, review.income, self.on)
        assessment, applied = assess(household, context, self.on, income)
        if not road.fits(assessment):
            raise NoLongerEligible(per_capita=yuan(assessment.per_capita), standard=yuan(assessment.standard))
        computed = road.amount(assessment, context, self.on)
        fen = Fen(int(fraction(computed.result)))
        direction: Direction = (
            "unchanged" if fen == spell.fen else "increase" if fen > spell.fen else "reduction"
        )
        awaited = any(o.due.what in (DEATH, CHANGE) for o in household.dues)
        if direction == "unchanged" and not awaited:
            return
        if direction != "unchanged":
            _require_clear(household, spell, assessment, self.on, context)
        rules = context.rules(self.on)
        rule = []
        if direction == "reduction":
            duty = rules["procedure.hearing-before-reduction"]
            heard = any(h.about == "reduction" and not h.used and h.on <= self.on for h in household.hearings)
            hearing = apply(
                "exit.hearing", may_decide, duty.source, duty.since, required=bool(duty.value), heard=heard
            )
            if not hearing.result:
                raise HearingNotHeld
            rule.append(hearing)
        offset = "termination.month-offset" if direction == "reduction" else "benefit.first-month-offset"
        first = max(Month.of(self.on) + rules.integer(offset), spell.first)
        if spell.ordered is not None:  # a month already ordered is paid as it was ordered
            first = max(first, spell.ordered + 1)
        since = first
        if direction == "reduction":
            since = min(first, _since(household, spell, assessment, self.on) or first)
        yield BenefitAdjusted(
            self.on,
            context.id("adjustment"),
            direction,
            road.programme,
            spell.id,
            spell.id if direction == "unchanged" else context.id("benefit"),
            spell.fen,
            fen,
            first,
            since,
            _overpaid(household, since, first, fen),
            assessment.members,
            assessment,
            income,
            Private(household.id, "text", self.reasons),
            remedy_text(decider, context, self.on),
            context.decision(
                self.on, decider, *delegation(context, self.on, decider), *applied, computed, *rule
            ),
        )


def _require_clear(
    household: Household, spell: BenefitSpell, found: Assessment, on: date, context: Context
) -> None:
    """Refuse to touch an amount inside the check period when nothing clearly changed (M57 art.31)."""
    basis = spell.basis
    if basis is None or spell.decided_on is None or household.review is None:
        return
    until = review_due(household.review.interval, spell.decided_on, household, context).day
    if on >= until or (found.members, found.standard) != (basis.members, basis.standard):
        return
    clear = context.rules(on).ratio("benefit.clear-change-ratio") * basis.standard
    if abs(found.per_capita - basis.per_capita) < clear:
        raise NoClearChange(until=until)


def _since(household: Household, spell: BenefitSpell, found: Assessment, on: date) -> Month | None:
    """The first month for which what was found holds, where it is known: after the last member came or left.

    The month in which somebody leaves is still owed in full. None when the members are the same, or the income
    rose: nobody knows since when.
    """
    basis = spell.basis
    if basis is None or spell.decided_on is None or found.members == basis.members:
        return None
    if Fraction(*found.annual) > Fraction(*basis.annual):
        return None
    ends = [last_month(m.end) + 1 for m in household.members if m.end is not None and m.cause is not None]
    since = max((month for month in ends if month <= Month.of(on) + 1), default=None)
    went_on = {(m.person, m.end) for m in household.members}
    came = [m.start for m in household.members if (m.person, m.start) not in went_on and m.start <= on]
    new = [Month.of(day) for day in came if day > spell.decided_on]
    return None if since is None else max([since, *new])


def _overpaid(household: Household, since: Month, first: Month, fen: Fen) -> Fen:
    """What was ordered above `fen` in the months from `since` to the one before `first`."""
    total = 0
    for month in Months(since, first + -1) if since < first else ():
        spell = household.benefit(month)
        if spell is not None and spell.ordered is not None and month <= spell.ordered:
            total += max(0, spell.fen - fen) if month not in spell.returned else 0
    return Fen(total)


@dataclass(frozen=True, slots=True)
class ReassessmentConcluded(Event):
    """The family was looked at again after a change or a correction, and nothing is to be decided (复核办结)."""

    title: ClassVar[str] = "复核办结"
    basis: ClassVar[str] = "M57 art.31; L26 art.46"
    none: ClassVar[str] = "case home members cycle status benefit money aid stage count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of_household, closes=("check-change", "adjust-after-check")),
        Turn(of_every, closes=("adjust-after-change",)),
    )

    on: date
    reasons: Private[str]

    def meets(self) -> tuple[Limit, ...]:
        return ((CHANGE, None),)

    def evolve(self, household: Household) -> Household:
        return household


@dataclass(frozen=True, slots=True)
class ConcludeReassessment(Command):
    """Answer a change or correction that calls for no decision about an amount (办结复核), with the reasons.

    A family in Dibao is answered by an adjustment, which may leave the amount, or by a termination.
    """

    on: date
    reasons: str

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        require_registered(household)
        if not any(o.due.what == CHANGE for o in household.dues):
            if any((m.due.what, m.ended_on) == (CHANGE, self.on) for m in household.ended):
                return
            raise NothingToConclude
        context.require("county", "township")
        held = household.category(self.on)
        if held is not None and is_paid(held.category) and held.end is None:
            raise AdjustInstead
        if not self.reasons.strip():
            raise AdjustmentNeedsReasons
        yield ReassessmentConcluded(self.on, Private(household.id, "text", self.reasons))
