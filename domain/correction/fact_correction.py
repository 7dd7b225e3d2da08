"""Correction (更正): what was recorded wrongly is named and stays, marked; a decision taken on it is not rewritten.

A correction names the step it corrects and why. It is not a change of circumstance: it says what was true all
along, so that past days read otherwise from now on, and as before to who asks what was known then. A decision
that rested on the wrong fact stands until it is taken anew, which becomes a limit for the office.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal, TypeVar
from uuid import UUID

from domain.guards.registered import require_member
from domain.household.command import Command
from domain.household.context import Context, Recalled
from domain.household.duty import CORRECTED, Turn, has_visited, of, owes_visit
from domain.household.duty_context import DutyContext
from domain.household.event import Event
from domain.household.notions import HomeMove
from domain.household.parts import Correction
from domain.household.state import Household
from domain.inquiry.verification import HomeVisited
from domain.intake.application import Applied
from domain.members.arrival import require_here
from domain.members.member_changes import CHANGE
from domain.members.moving import FileHandedOver, HouseholdMoved
from domain.members.registration import HouseholdRegistered, area_of
from domain.members.split import HouseholdSplitFrom
from domain.values.assessment import IncomeItem
from domain.values.deadline import Due
from domain.values.immutables import replace
from domain.values.private import Private
from domain.values.refusals import Refusal
from domain.values.spells import Residence


class NoSuchStep(Refusal):
    """该户没有第{step}步，请核对要更正的步骤。"""


class NotCorrectable(Refusal):
    """第{step}步是“{title}”，不能用本更正办理。"""


class CorrectedAlready(Refusal):
    """第{step}步已经更正过；如更正有误，请对更正的那一步办理更正。"""


class CorrectionNeedsReasons(Refusal):
    """更正应当写明原因和依据。"""


class NothingWrong(Refusal):
    """更正后的内容与原登记相同，无需更正。"""


class DecidedOnIt(Refusal):
    """该申请已作出决定，申报内容不再更正；确需重新认定的，请办理核查或者另行申请。"""

    article = "M57 art.21, 31"


class OpinionRestsOnIt(Refusal):
    """乡镇（街道）已提出审核意见，请按查明的收入重新提出审核意见。"""

    article = "M57 art.19"


class CorrectionCommand(Command):
    """What every correction says: the step it corrects, counted from 1, and why."""

    __slots__ = ()

    step: int
    why: str


E = TypeVar("E", bound=Event)


def recalled(
    command: CorrectionCommand, household: Household, context: Context, *kinds: type[Event]
) -> Recalled:
    """The step a correction names; refuses one there is not, of another kind, or corrected before."""
    require_here(household)
    context.require("township", "county")
    fact = context.recalled
    if fact is None or fact.step != command.step:
        raise NoSuchStep(step=command.step)
    if not isinstance(fact.event, kinds):
        raise NotCorrectable(step=command.step, title=fact.event.title)
    if any(each.step == command.step for each in household.corrections):
        raise CorrectedAlready(step=command.step)
    if not command.why.strip():
        raise CorrectionNeedsReasons
    return fact


def marked(household: Household, step: int, corrects: UUID, on: date) -> Household:
    """The household with a step marked as corrected."""
    return replace(household, corrections=(*household.corrections, Correction(step, corrects, on)))


def affected(before: Household, after: Household) -> tuple[UUID, ...]:
    """The decisions that rested on what turns out otherwise: who was counted, and where the family lived."""
    decisions = [(case.id, case.decided_on) for case in before.procedures if case.outcome != "ended"]
    decisions += [(each.id, each.on) for each in before.decided]
    return tuple(id for id, on in decisions if on is not None and _ground(before, on) != _ground(after, on))


def redecision(
    before: Household, after: Household, decisions: tuple[UUID, ...], on: date, context: Context
) -> Due | None:
    """The limit for taking a decision anew, or for looking again at a family that is aided."""
    if f"deadline.{CHANGE}" not in context.rules(on):
        return None
    differs = before.in_any_category(on) and _ground(before, on) != _ground(after, on)
    return context.due(CHANGE, on, context.id("correction")) if decisions or differs else None


def _ground(household: Household, day: date) -> tuple[object, ...]:
    return frozenset(m.person for m in household.counted(day)), household.region(day), household.area(day)


@dataclass(frozen=True, slots=True)
class ResidenceCorrected(Event):
    """The family lived elsewhere, or from another day, than was recorded (更正住所); `was` is the day recorded."""

    title: ClassVar[str] = "更正住所登记"
    basis: ClassVar[str] = "M57 art.5"
    none: ClassVar[str] = "case members cycle status benefit money aid stage count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = CORRECTED

    on: date
    step: int
    corrects: UUID
    was: date
    region: str
    area: Literal["urban", "rural"]
    since: date
    affected: tuple[UUID, ...]
    due: Due | None
    why: Private[str]
    address: Private[str] | None = None

    def opens(self) -> tuple[Due, ...]:
        return (self.due,) if self.due else ()

    def settles(self) -> HomeMove | None:
        return HomeMove(self.region, self.area, self.since, was=self.was)

    def evolve(self, household: Household) -> Household:
        homes = tuple(self._right(home) for home in household.residences)
        return marked(replace(household, residences=homes), self.step, self.corrects, self.on)

    def _right(self, home: Residence) -> Residence:
        if home.start == self.was:
            address = self.address or home.address
            return replace(home, region=self.region, area=self.area, start=self.since, address=address)
        return replace(home, end=self.since) if home.end == self.was else home


@dataclass(frozen=True, slots=True)
class CorrectResidence(CorrectionCommand):
    """Correct where the family was recorded to live, or from which day (更正住所); what is left out stands."""

    on: date
    step: int
    why: str
    region: str | None = None
    since: date | None = None
    address: str | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        kinds = (HouseholdRegistered, HouseholdSplitFrom, HouseholdMoved, FileHandedOver, ResidenceCorrected)
        fact = recalled(self, household, context, *kinds)
        event = fact.event
        was = event.on if isinstance(event, HouseholdRegistered | FileHandedOver) else event.since  # type: ignore[attr-defined]
        home = next((each for each in household.residences if each.start == was), None)
        if home is None:
            raise NoSuchStep(step=self.step)
        since = self.since or was
        region = self.region or home.region
        if (region, since) == (home.region, was) and not self.address:
            raise NothingWrong
        earlier = [each.start for each in household.residences if each.end == was]
        if since > self.on or any(since <= day for day in earlier) or (home.end and since >= home.end):
            raise DayDoesNotFit(day=since)
        corrected = ResidenceCorrected(
            self.on,
            self.step,
            fact.id,
            was,
            region,
            area_of(region, self.on, context),
            since,
            (),
            None,
            Private(household.id, "text", self.why),
            Private(household.id, "address", self.address) if self.address else None,
        )
        after = corrected.evolve(household)
        decisions = affected(household, after)
        due = redecision(household, after, decisions, self.on, context)
        yield replace(corrected, affected=decisions, due=due)


class DayDoesNotFit(Refusal):
    """更正后的日期{day}与前后已登记的情况相抵触，请核对。"""


@dataclass(frozen=True, slots=True)
class IncomeCorrected(Event):
    """What the application declared as income was written down wrongly (更正申报收入)."""

    title: ClassVar[str] = "更正申报收入"
    basis: ClassVar[str] = "M57 art.9, 13"
    none: ClassVar[str] = (
        "limits case home members cycle status benefit money aid stage duties count ruling paper found"
    )

    on: date
    step: int
    corrects: UUID
    case: UUID
    income: tuple[IncomeItem, ...]
    why: Private[str]

    def evolve(self, household: Household) -> Household:
        return marked(household.with_case(income=self.income), self.step, self.corrects, self.on)


@dataclass(frozen=True, slots=True)
class CorrectIncome(CorrectionCommand):
    """Correct the declared income of an application, before the township's opinion (更正申报收入)."""

    on: date
    step: int
    why: str
    income: tuple[IncomeItem, ...]

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        fact = recalled(self, household, context, Applied, IncomeCorrected)
        case = household.case
        if case is None or case.id != fact.event.case:  # type: ignore[attr-defined]
            raise DecidedOnIt
        if case.opinion_on is not None:
            raise OpinionRestsOnIt
        if case.income == self.income:
            raise NothingWrong
        for item in self.income:
            if item.person is not None:
                require_member(household, item.person, self.on)
        why = Private(household.id, "text", self.why)
        yield IncomeCorrected(self.on, self.step, fact.id, case.id, self.income, why)


@dataclass(frozen=True, slots=True)
class VisitDayCorrected(Event):
    """A home visit took place on another day than was recorded (更正入户日期)."""

    title: ClassVar[str] = "更正入户日期"
    basis: ClassVar[str] = "M57 art.16"
    none: ClassVar[str] = (
        "limits case home members cycle status benefit money aid stage count ruling paper found"
    )
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of("case"), closes=("visit-home-county",), when=has_visited),
        Turn(of("case"), opens=("visit-home-county",), when=owes_visit, beside=("decide",)),
    )

    on: date
    step: int
    corrects: UUID
    case: UUID
    was: date
    day: date
    why: Private[str]

    def bears_on_duties(self, context: DutyContext) -> DutyContext:
        days = tuple(self.day if day == self.was else day for day in context.county_visits)
        return replace(context, county_visits=days)

    def evolve(self, household: Household) -> Household:
        procedures = tuple(
            replace(
                case,
                visits=tuple(replace(v, on=self.day) if v.on == self.was else v for v in case.visits),
            )
            if case.id == self.case
            else case
            for case in household.procedures
        )
        return marked(replace(household, procedures=procedures), self.step, self.corrects, self.on)


@dataclass(frozen=True, slots=True)
class CorrectVisitDay(CorrectionCommand):
    """Correct the day of a home visit (更正入户日期): after the acceptance, and not after the decision."""

    on: date
    step: int
    why: str
    day: date

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        fact = recalled(self, household, context, HomeVisited, VisitDayCorrected)
        event = fact.event
        was: date = event.day if isinstance(event, VisitDayCorrected) else event.on
        case_id: UUID = event.case  # type: ignore[attr-defined]
        if was == self.day:
            raise NothingWrong
        case = next(each for each in household.procedures if each.id == case_id)
        first, last = case.accepted_on, case.decided_on or self.on
        if (first is not None and self.day < first) or self.day > last:
            raise DayDoesNotFit(day=self.day)
        why = Private(household.id, "text", self.why)
        yield VisitDayCorrected(self.on, self.step, fact.id, case_id, was, self.day, why)
