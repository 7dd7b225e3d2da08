"""Sampling (抽查): the county draws cases by a ratio, reproducibly, and looks whether they were handled well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import ClassVar, Literal
from uuid import UUID

from domain.categories.roads import road_of
from domain.guards.order_of_steps import require_order
from domain.guards.registered import require_registered
from domain.guards.separation_of_duties import investigators_of, require_disinterested, require_separate
from domain.guards.visit_team import require_team
from domain.household.command import Command
from domain.household.context import Context
from domain.household.duty import Turn, is_limited, of
from domain.household.event import Event
from domain.household.notions import Limit
from domain.household.parts import Procedure, Sample, Suspicion
from domain.household.state import Household
from domain.values.deadline import Due
from domain.values.immutables import replace
from domain.values.private import Private
from domain.values.receipt import Receipt, Value, apply, fraction, ratio
from domain.values.refusals import Refusal

SampleResult = Literal["in-order", "defect"]
SampleDisposition = Literal["mended", "re-decided", "passed-to-discipline", "other"]


class NothingToSample(Refusal):
    """该户没有已经受理的申请，无可抽查的事项。"""

    article = "M57 art.35"


class SeedMissing(Refusal):
    """抽查应当写明抽取批次（随机种子），以便复核抽取结果。"""

    article = "M57 art.35"


class DrawnAlready(Refusal):
    """本件已按批次“{seed}”抽取过，不能另行抽取。"""

    article = "M57 art.35"


class NotDrawn(Refusal):
    """本件未被抽中，或者抽查结果已经登记。"""

    article = "M57 art.35"


class DispositionMissing(Refusal):
    """抽查发现问题的，应当登记处置方式。"""

    article = "M57 art.35"


def is_drawn(*, seed: Value, subject: Value, ratio: Value) -> Value:
    """Whether a case is drawn: a number in [0, 1) made of seed and case id lies below the ratio.

    Whoever has the seed can draw again and must find the same cases.
    """
    share = fraction(ratio)
    number = int.from_bytes(sha256(f"{seed}/{subject}".encode()).digest()[:8], "big")
    return number * share.denominator < share.numerator << 64


@dataclass(frozen=True, slots=True)
class SampleDrawn(Event):
    """A case took part in a draw; if drawn, it is to be checked by a day (抽查抽取).

    Cases not drawn are recorded as well: the ratio must be provable.
    """

    title: ClassVar[str] = "抽查抽取"
    basis: ClassVar[str] = "M57 art.2, 35; L26 art.69"
    none: ClassVar[str] = "case home members cycle status benefit money aid stage count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (Turn(of("sample"), opens=("check-sample",), when=is_limited),)

    on: date
    case: UUID
    sample: UUID
    seed: str
    drawn: bool
    due: Due | None
    receipt: Receipt

    def opens(self) -> tuple[Due, ...]:
        return (self.due,) if self.due else ()

    def evolve(self, household: Household) -> Household:
        return household.with_case(sample=Sample(self.sample, self.seed, self.drawn))


@dataclass(frozen=True, slots=True)
class DrawSample(Command):
    """Let the household's last case take part in the county's draw (抽查抽取), decided or still under way.

    `seed` is the draw's, the same for all its cases. M57 fixes no ratio for Dibao: the parameter is this
    project's default after M220; for Tekun it is national (M43 art.16).
    """

    on: date
    seed: str

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = _sampled(household)
        if case.sample is not None:
            if case.sample.seed == self.seed:
                return
            raise DrawnAlready(seed=case.sample.seed)
        context.decider("county")
        require_order(self.on, case.accepted_on)
        if not self.seed.strip():
            raise SeedMissing
        rules = context.rules(self.on)
        key = road_of(case.category).sampling
        draw = apply(
            "sampling.is-drawn",
            is_drawn,
            rules[key].source,
            rules[key].since,
            seed=self.seed,
            subject=str(case.id),
            ratio=ratio(rules.ratio(key)),
        )
        sample = context.id("sample")
        due = context.due("DL-SMP-CHK", self.on, sample) if draw.result else None
        receipt = Receipt(rules.packs, (draw,))
        yield SampleDrawn(self.on, case.id, sample, self.seed, bool(draw.result), due, receipt)


@dataclass(frozen=True, slots=True)
class SampleChecked(Event):
    """A drawn case was checked: in order, or with a defect, which opens a suspicion (抽查核实)."""

    title: ClassVar[str] = "抽查核实"
    basis: ClassVar[str] = "M57 art.2, 35; L26 art.69"
    none: ClassVar[str] = "case home members cycle status benefit money aid stage count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of("sample"), closes=("check-sample",)),
        Turn(of("sample"), opens=("answer-suspicion",), when=is_limited),
    )

    on: date
    case: UUID
    sample: UUID
    investigators: tuple[str, ...]
    result: SampleResult
    disposition: SampleDisposition | None
    note: Private[str] | None
    due: Due | None

    def opens(self) -> tuple[Due, ...]:
        return (self.due,) if self.due else ()

    def meets(self) -> tuple[Limit, ...]:
        return (("DL-SMP-CHK", self.sample),)

    def evolve(self, household: Household) -> Household:
        household = replace(
            household,
            procedures=tuple(
                replace(each, sample=replace(each.sample, checked_on=self.on, result=self.result))
                if each.id == self.case and each.sample is not None
                else each
                for each in household.procedures
            ),
        )
        if self.result == "in-order":
            return household
        suspicion = Suspicion(self.sample, "sample-defect", self.on)
        return replace(household, suspicions=(*household.suspicions, suspicion))


@dataclass(frozen=True, slots=True)
class CheckSample(Command):
    """Record what the county's check of a drawn case found (登记抽查结果), by a team that had no part in it."""

    on: date
    investigators: tuple[str, ...]
    result: SampleResult
    disposition: SampleDisposition | None = None
    note: str | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        require_registered(household)
        drawn = [(each, each.sample) for each in household.procedures if each.sample and each.sample.drawn]
        waiting = next(((case, sample) for case, sample in drawn if sample.checked_on is None), None)
        if waiting is None:
            if any((sample.checked_on, sample.result) == (self.on, self.result) for _, sample in drawn):
                return
            raise NotDrawn
        case, sample = waiting
        context.require("county")
        require_disinterested(household, context, *self.investigators)
        for officer in (context.actor.officer, *self.investigators):
            require_separate("investigate-then-sample", investigators_of(case), officer, self.on, context)
        require_order(self.on, case.accepted_on)
        require_team(self.investigators, self.on, context)
        if self.result == "defect" and self.disposition is None:
            raise DispositionMissing
        yield SampleChecked(
            self.on,
            case.id,
            sample.id,
            self.investigators,
            self.result,
            self.disposition if self.result == "defect" else None,
            Private(household.id, "text", self.note) if self.note else None,
            context.due("DL-IRR-CHK", self.on, sample.id) if self.result == "defect" else None,
        )


def _sampled(household: Household) -> Procedure:
    require_registered(household)
    case = household.last_case
    if case is None or case.accepted_on is None:
        raise NothingToSample
    return case
