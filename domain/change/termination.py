"""Exit (退出): opinion heard, benefit terminated from the next month, with reasons and remedy (L26 art.48)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from domain.categories.roads import road_of
from domain.change.hearing import HearingNotHeld, NothingToTerminate, may_decide
from domain.decision.status import WATCH, Exited
from domain.guards.delegation import competent
from domain.guards.separation_of_duties import require_disinterested
from domain.household.command import Command
from domain.household.context import Context
from domain.household.event import Event
from domain.household.remedy import remedy_text
from domain.household.state import Household
from domain.values.deadline import Due
from domain.values.month import Month
from domain.values.private import Private
from domain.values.receipt import apply
from domain.values.refusals import Refusal

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
        if spell is None:
            raise NothingToTerminate
        road = road_of(spell.category)
        if road.programme is None:
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
            if household.review is None or road.fits(household.review.assessment):
                raise StillEligible
            if grace is not None:
                raise GraceStillRunning(last=grace.months.last)
        exit = context.id("exit")
        yield Exited(
            self.on,
            exit,
            spell.category,
            None,
            first.first_day,
            self.ground,
            None,
            Private(household.id, "text", self.reasons),
            remedy_text(decider, context, self.on),
            Due(WATCH, first.first_day, exit, "C2020", kind="timer"),
            context.decision(self.on, decider, hearing),
        )
