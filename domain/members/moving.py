"""Moving (迁移): within the county a new home, across counties the file handed over; the chain stays one (M83)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Final, Literal
from uuid import UUID

from domain.guards.order_of_steps import require_order
from domain.household.command import Command
from domain.household.context import Context
from domain.household.duty import CORRECTED, Turn, is_looked_at_anyway, of, of_household
from domain.household.duty_context import DutyContext
from domain.household.event import Event
from domain.household.memberships import noticed
from domain.household.notions import HomeMove, Limit
from domain.household.parts import Handing
from domain.household.state import Household
from domain.members.arrival import county_of, looked_at_again, require_here
from domain.members.registration import area_of
from domain.values.deadline import Due
from domain.values.immutables import replace
from domain.values.person import PersonId
from domain.values.private import Private
from domain.values.refusals import Refusal
from domain.values.spells import Residence


def moves_somebody(event: HouseholdMoved | FileTakenOver, context: DutyContext) -> bool:
    """A family in a category lives elsewhere, and no rule sets a day for looking at it."""
    return event.person is not None and is_looked_at_anyway(event, context)


MOVED: Final = (*CORRECTED, Turn(of_household, opens=("check-change",), when=moves_somebody))
"""What a move calls for; one by which nothing changes calls for nobody."""


HANDED_OVER = "DL-MOV"
"""The limit within which the county a family moved to takes its file over."""


class LivesThere(Refusal):
    """该户已登记在该村（社区）居住，请核对；原登记有误的，请办理更正。"""


class AcrossCounties(Refusal):
    """该户迁往另一县，应当由原县级民政部门移交档案，由迁入地接收。"""

    article = "M57 art.5; M83"


class WithinCounty(Refusal):
    """该户未迁出本县，请办理县内迁居。"""

    article = "M57 art.5"


class CaseStays(Refusal):
    """该户有正在办理的申请，由受理地办结后再移交档案。"""

    article = "M57 art.5"


class NothingHandedOver(Refusal):
    """没有移交到本地、待接收的档案。"""

    article = "M57 art.5"


@dataclass(frozen=True, slots=True)
class HouseholdMoved(Event):
    """The family lives in another village of the county from a day (县内迁居)."""

    title: ClassVar[str] = "县内迁居"
    basis: ClassVar[str] = "M57 art.5; M83"
    none: ClassVar[str] = "case members cycle status benefit money aid stage count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = MOVED

    on: date
    region: str
    area: Literal["urban", "rural"]
    since: date
    person: PersonId | None
    due: Due | None
    address: Private[str] | None = None

    def opens(self) -> tuple[Due, ...]:
        return (self.due,) if self.due else ()

    def settles(self) -> HomeMove | None:
        return HomeMove(self.region, self.area, self.since)

    def evolve(self, household: Household) -> Household:
        household = settled(household, self.region, self.area, self.since, self.address)
        return household if self.person is None else noticed(household, self.on, self.person, "residence")


@dataclass(frozen=True, slots=True)
class MoveHousehold(Command):
    """Record that the family lives in another village of the same county from a day (县内迁居).

    Where town and countryside have standards of their own, an aided family is looked at again.
    """

    on: date
    region: str
    since: date | None = None
    address: str | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        require_here(household)
        since = self.since or self.on
        home = household.residences[-1]
        if home.region == self.region:
            if home.start == since:
                return
            raise LivesThere
        require_order(self.on, since)
        require_order(since, home.start)
        context.require("township", "county")
        area = area_of(self.region, self.on, context)
        if county_of(home.region, self.on, context) != county_of(self.region, self.on, context):
            raise AcrossCounties
        other = area != home.area
        yield HouseholdMoved(
            self.on,
            self.region,
            area,
            since,
            household.head(self.on) if other else None,
            looked_at_again(household, context, self.on) if other else None,
            Private(household.id, "address", self.address) if self.address else None,
        )


@dataclass(frozen=True, slots=True)
class FileHandedOver(Event):
    """The family moved to another county, whose office has the file from this day (移交档案).

    Its category goes on until the new county has looked at it: nobody falls out by moving (M83 §3.1).
    """

    title: ClassVar[str] = "跨县迁移：移交档案"
    basis: ClassVar[str] = "M57 art.5; M83"
    none: ClassVar[str] = "case members cycle status benefit money aid stage count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (Turn(of("handing"), opens=("take-over-file",)),)

    on: date
    handing: UUID
    region: str
    area: Literal["urban", "rural"]
    from_region: str
    due: Due
    address: Private[str] | None = None

    def opens(self) -> tuple[Due, ...]:
        return (self.due,)

    def settles(self) -> HomeMove | None:
        return HomeMove(self.region, self.area, self.on)

    def evolve(self, household: Household) -> Household:
        household = settled(household, self.region, self.area, self.on, self.address)
        return replace(household, handing=Handing(self.handing, self.on, self.from_region))


@dataclass(frozen=True, slots=True)
class HandOverFile(Command):
    """Hand the file to the county the family moved to, by the civil affairs of the old one (移交档案).

    From the day itself only the new county may act. A case under way is decided first where it was accepted.
    """

    on: date
    region: str
    address: str | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        require_here(household)
        home = household.residences[-1]
        if home.region == self.region and home.start == self.on:
            return
        context.decider("county")
        area = area_of(self.region, self.on, context)
        if county_of(home.region, self.on, context) == county_of(self.region, self.on, context):
            raise WithinCounty
        require_order(self.on, home.start)
        if household.case is not None:
            raise CaseStays
        handing = context.id("handing")
        yield FileHandedOver(
            self.on,
            handing,
            self.region,
            area,
            home.region,
            context.due(HANDED_OVER, self.on, handing),
            Private(household.id, "address", self.address) if self.address else None,
        )


@dataclass(frozen=True, slots=True)
class FileTakenOver(Event):
    """The new county has the file and looks at the family by its own standard (接收档案)."""

    title: ClassVar[str] = "跨县迁移：接收档案"
    basis: ClassVar[str] = "M57 art.5; M83"
    none: ClassVar[str] = "case home members cycle status benefit money aid stage count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of("handing"), closes=("take-over-file",)),
        *MOVED,
    )

    on: date
    handing: UUID
    person: PersonId | None
    due: Due | None

    def opens(self) -> tuple[Due, ...]:
        return (self.due,) if self.due else ()

    def meets(self) -> tuple[Limit, ...]:
        return ((HANDED_OVER, self.handing),)

    def evolve(self, household: Household) -> Household:
        household = replace(household, handing=None)
        return household if self.person is None else noticed(household, self.on, self.person, "residence")


@dataclass(frozen=True, slots=True)
class TakeOverFile(Command):
    """Take over the file of a family that moved here from another county (接收档案)."""

    on: date

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        require_here(household)
        handing = household.handing
        if handing is None:
            if any((m.due.what, m.ended_on) == (HANDED_OVER, self.on) for m in household.ended):
                return
            raise NothingHandedOver
        context.decider("county")
        require_order(self.on, handing.on)
        due = looked_at_again(household, context, self.on)
        person = household.head(self.on) if due else None
        yield FileTakenOver(self.on, handing.id, person, due)


def settled(
    household: Household,
    region: str,
    area: Literal["urban", "rural"],
    since: date,
    address: Private[str] | None,
) -> Household:
    """The household living elsewhere from a day: one residence ends, the next begins."""
    before = tuple(
        replace(home, end=since) if home.end is None else home
        for home in household.residences
        if home.start < since
    )
    return replace(household, residences=(*before, Residence(region, area, since, address=address)))
