"""Grace period (渐退期): Dibao runs on for a while after work lifted the family over the line (M57 art.33)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import ClassVar
from uuid import UUID

from domain.categories import dibao
from domain.guards.delegation import competent
from domain.guards.separation_of_duties import require_disinterested
from domain.household.command import Command
from domain.household.context import Context
from domain.household.duty import Turn, of, of_household
from domain.household.event import Event
from domain.household.notions import Count, Labelled, Limit, StatusChange
from domain.household.state import Household
from domain.values.deadline import Due
from domain.values.immutables import replace
from domain.values.money import yuan
from domain.values.month import Month, Months
from domain.values.private import Private
from domain.values.receipt import Decision, Value, apply, fraction, ratio
from domain.values.refusals import Refusal
from domain.values.spells import Grace, Label, LabelSpell


class NoCurrentDibao(Refusal):
    """该户当前不是低保对象，不能给予渐退期。"""

    article = "M57 art.33"


class GraceCauseNotRecognised(Refusal):
    """“{cause}”不是本地规定的渐退情形。"""

    article = "M57 art.33; M83"


class LongGraceNeedsGround(Refusal):
    """渐退期原则上不超过{months}个月；超过的应当写明理由。"""

    article = "M83"


class IncomeOutsideGrace(Refusal):
    """最近一次核查的人均收入未达到或者已超出渐退范围（应在{lowest}元以上、{highest}元以下）。"""

    article = "M57 art.33; M83"


class ReviewMissing(Refusal):
    """给予渐退期前应当重新核查家庭收入。"""

    article = "M57 art.32, 33"


class GraceAlreadyRunning(Refusal):
    """该户已在渐退期内（至{last}），不能重复给予。"""

    article = "M57 art.33"


class GraceBeginsNextMonth(Refusal):
    """渐退期自决定的次月（{first}）起算，不能从已经开始的月份计算。"""

    article = "M57 art.33"


class SteppedGraceUnheard(Refusal):
    """递减渐退涉及减发，给予前应当听取当事人意见。"""

    article = "L26 art.48"


class NoGraceToWarn(Refusal):
    """该户没有即将届满的渐退期。"""


def within_grace_band(*, annual: Value, members: Value, standard: Value, times: Value) -> Value:
    """Whether income a head and month is at or over the standard and below its `times`-fold."""
    a_head = fraction(annual) / 12 / fraction(members)
    return fraction(standard) <= a_head < fraction(standard) * fraction(times)


@dataclass(frozen=True, slots=True)
class GraceGranted(Event):
    """Dibao continues over these months although income passed the line (给予渐退期)."""

    title: ClassVar[str] = "给予渐退期"
    basis: ClassVar[str] = "M57 art.33; M83"
    none: ClassVar[str] = "case home members cycle benefit money aid stage ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of_household, closes=("decide-after-check",)),
        Turn(of("grace"), opens=("decide-after-grace",)),
    )

    on: date
    grace: UUID
    cause: str
    months: Months
    long: bool
    ground: Private[str] | None
    warning: Due
    end: Due
    decision: Decision

    def opens(self) -> tuple[Due, ...]:
        return (self.warning, self.end)

    def changes_status(self) -> StatusChange | None:
        since, until = self.months.first.first_day, (self.months.last + 1).first_day
        organ = self.decision.decider.organ
        return StatusChange(labelled=Labelled(Label.GRACE, since, until, self.grace), organ=organ)

    def counts(self) -> Count | None:
        return Count("grace-granted", dibao.ROAD.category, self.cause)

    def evolve(self, household: Household) -> Household:
        grace = Grace(self.grace, self.cause, self.months, self.on)
        label = LabelSpell(Label.GRACE, self.months.first.first_day, (self.months.last + 1).first_day)
        return replace(household, graces=(*household.graces, grace), labels=(*household.labels, label))


@dataclass(frozen=True, slots=True)
class GrantGrace(Command):
    """Let Dibao run on for a while after work lifted the household over the line (给予渐退期).

    `months` left out: the rule's usual length from the month after `on`; longer than that needs a ground.
    """

    on: date
    cause: str = "employment"
    months: Months | None = None
    ground: str | None = None
    delegated_by: str | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        spell = household.category(self.on)
        if spell is None or spell.category != dibao.ROAD.category or spell.end is not None:
            raise NoCurrentDibao
        rules = context.rules(self.on)
        usual = rules.integer("grace.months")
        first = Month.of(self.on) + 1
        months = self.months or Months(first, first + (usual - 1))
        running = household.grace(months.first) or household.grace(first)
        if running is not None:
            if (running.granted_on, running.cause, running.months) == (self.on, self.cause, months):
                return
            raise GraceAlreadyRunning(last=running.months.last)
        if months.first < first:
            raise GraceBeginsNextMonth(first=first)
        decider = competent(context, self.on, self.delegated_by)
        require_disinterested(household, context)
        if self.cause not in rules.words("grace.causes"):
            raise GraceCauseNotRecognised(cause=self.cause)
        # A grace that follows on another is one long grace: six months are the principle for both together.
        before = household.grace(months.first + -1)
        long = len(months) + (len(before.months) if before else 0) > usual
        if long and not self.ground:
            raise LongGraceNeedsGround(months=usual)
        review = household.review
        if review is None or any(change.on > review.on for change in household.changes):
            raise ReviewMissing
        band = rules["grace.line-ratio"]
        times = rules.ratio("grace.line-ratio")
        found = review.assessment
        applied = apply(
            "grace.within-band",
            within_grace_band,
            band.source,
            band.since,
            annual=ratio(Fraction(*found.annual)),
            members=found.members,
            standard=found.standard,
            times=ratio(times),
        )
        if not applied.result:
            raise IncomeOutsideGrace(lowest=yuan(found.standard), highest=yuan(int(found.standard * times)))
        stepped = rules["grace.amount-mode"].value != "FULL"
        heard = any(h.about == "reduction" and not h.used for h in household.hearings)
        if stepped and rules.flag("procedure.hearing-before-reduction") and not heard:
            raise SteppedGraceUnheard
        grace = context.id("grace")
        last_day = months.last.last_day
        warn = rules.days("DL-GRC-WARN")
        limit = rules.days("DL-GRC")
        yield GraceGranted(
            self.on,
            grace,
            self.cause,
            months,
            long,
            Private(household.id, "text", self.ground) if self.ground else None,
            Due(
                "warn-grace-expiry",
                max(self.on, last_day - timedelta(days=int(warn.value))),  # type: ignore[arg-type]
                grace,
                warn.source,
                kind="timer",
            ),
            Due("DL-GRC", last_day, grace, limit.source),
            context.decision(self.on, decider, applied),
        )


@dataclass(frozen=True, slots=True)
class GraceExpiryWarned(Event):
    """Family and office were told that the grace period is about to end; nothing ends by itself (渐退期到期提醒)."""

    title: ClassVar[str] = "渐退期到期提醒"
    basis: ClassVar[str] = "M83"
    none: ClassVar[str] = (
        "case home members cycle status benefit money aid stage duties count ruling paper found"
    )

    on: date
    grace: UUID
    last: Month

    def meets(self) -> tuple[Limit, ...]:
        return (("warn-grace-expiry", self.grace),)

    def evolve(self, household: Household) -> Household:
        graces = tuple(replace(g, warned=True) if g.id == self.grace else g for g in household.graces)
        return replace(household, graces=graces)


@dataclass(frozen=True, slots=True)
class WarnGraceExpiry(Command):
    """Warn of the end of the grace period, from the day the rules set before it (渐退期到期提醒)."""

    on: date

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        timer = next((o.due for o in household.dues if o.due.what == "warn-grace-expiry"), None)
        if timer is None:
            if household.graces and household.graces[-1].warned:
                return
            raise NoGraceToWarn
        if self.on < timer.day:
            raise NoGraceToWarn
        grace = next(g for g in household.graces if g.id == timer.subject)
        yield GraceExpiryWarned(self.on, grace.id, grace.months.last)
