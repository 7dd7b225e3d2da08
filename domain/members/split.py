"""Split (分户): some members leave into a household of their own, with a chain of its own (M57 art.7, 30)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal

from domain.guards.order_of_steps import require_order
from domain.household.command import JointCommand
from domain.household.context import Context
from domain.household.duty import MEMBERS_CHANGED, Turn
from domain.household.event import Event
from domain.household.memberships import noticed, without
from domain.household.notions import HomeMove, StatusChange
from domain.household.state import Household
from domain.members.arrival import (
    Mover,
    SameHousehold,
    arrival,
    looked_at_again,
    require_here,
    require_movers,
    require_same_county,
)
from domain.members.member_changes import NobodyWouldRemain
from domain.members.registration import area_of
from domain.members.succession import has_left, soundly, succession
from domain.values.deadline import Due
from domain.values.immutables import replace
from domain.values.person import HouseholdId, PersonId, Relation
from domain.values.private import Private
from domain.values.refusals import Refusal
from domain.values.spells import Residence, current


class NobodySplitsOff(Refusal):
    """分户应当写明分出的成员。"""

    article = "M57 art.7"


@dataclass(frozen=True, slots=True)
class MembersSplitOff(Event):
    """Members left into a household of their own: `until` is their first day outside (分出成员)."""

    title: ClassVar[str] = "分户：分出成员"
    basis: ClassVar[str] = "M57 art.7, 30; L26 art.46"
    none: ClassVar[str] = "case home cycle benefit money aid stage count ruling paper found"
    changes_members: ClassVar[bool] = True
    turns: ClassVar[tuple[Turn, ...]] = MEMBERS_CHANGED

    on: date
    persons: tuple[PersonId, ...]
    until: date
    into: HouseholdId
    into_version: int
    due: Due | None

    def opens(self) -> tuple[Due, ...]:
        return (self.due,) if self.due else ()

    def changes_status(self) -> StatusChange | None:
        return StatusChange(ends_on=self.until, persons=self.persons)

    def evolve(self, household: Household) -> Household:
        household = without(household, self.persons, self.until, "split")
        for person in self.persons:
            household = noticed(household, self.on, person)
        return household


@dataclass(frozen=True, slots=True)
class HouseholdSplitFrom(Event):
    """A chain begins: a household came out of another, `origin_version` the last step read there (分户设立)."""

    title: ClassVar[str] = "分户：新户设立"
    basis: ClassVar[str] = "M57 art.4, 7; L26 art.46"
    none: ClassVar[str] = "case members cycle status benefit money aid stage count ruling paper"
    turns: ClassVar[tuple[Turn, ...]] = MEMBERS_CHANGED

    on: date
    region: str
    area: Literal["urban", "rural"]
    since: date
    origin: HouseholdId
    origin_version: int
    due: Due | None
    address: Private[str] | None = None
    phone: Private[str] | None = None

    def opens(self) -> tuple[Due, ...]:
        return (self.due,) if self.due else ()

    def settles(self) -> HomeMove | None:
        return HomeMove(self.region, self.area, self.since, begins=True)

    def found_by(self) -> tuple[Private[str] | None, ...]:
        return (self.phone,)

    def evolve(self, household: Household) -> Household:
        home = Residence(self.region, self.area, self.since, address=self.address)
        return replace(household, residences=(home,), split_from=self.origin)


@dataclass(frozen=True, slots=True)
class SplitHousehold(JointCommand):
    """Let members leave into a household of their own, in the same county (分户).

    One of `members` is its head; `since` (left out: `on`) is its first day. The new household is in no
    category: it applies for itself (M57 art.28). Both are looked at again when the old one is aided. Without
    an address of its own it keeps the old one's, sealed anew; in another village it has none until told.
    """

    on: date
    members: tuple[Mover, ...]
    since: date | None = None
    region: str | None = None
    new_head: PersonId | None = None
    address: str | None = None
    phone: str | None = None

    def decide(
        self, households: Mapping[HouseholdId, Household], context: Context
    ) -> Iterator[tuple[HouseholdId, Event]]:
        yield from soundly(households, self._facts(households, context))

    def _facts(
        self, households: Mapping[HouseholdId, Household], context: Context
    ) -> Iterator[tuple[HouseholdId, Event]]:
        household = next(iter(households.values()))
        require_here(household)
        since = self.since or self.on
        gone = {mover.person for mover in self.members}
        if gone and all(has_left(household, person, since, "split") for person in gone):
            return
        require_order(self.on, since)
        context.require("township", "county")
        if not gone:
            raise NobodySplitsOff
        require_movers(household, self.members, since, heads=1)
        if all(member.person in gone for member in household.counted(since)):
            raise NobodyWouldRemain
        home = household.region(self.on)
        region = self.region or home
        area = area_of(region, self.on, context)
        require_same_county(home, region, self.on, context)
        new = HouseholdId(context.id("household"))
        yield (
            household.id,
            MembersSplitOff(
                self.on,
                tuple(mover.person for mover in self.members),
                since,
                new,
                0,
                looked_at_again(household, context, self.on),
            ),
        )
        for succeeded in succession(household, gone, self.new_head, since, self.on):
            yield household.id, succeeded
        aided = looked_at_again(household, context, self.on, 1)
        yield (
            new,
            HouseholdSplitFrom(
                self.on,
                region,
                area,
                since,
                household.id,
                context.versions.get(household.id, 0),
                aided,
                self._address(household, new, region == home),
                Private(new, "phone", self.phone) if self.phone else None,
            ),
        )
        for mover in self.members:
            yield new, arrival(mover, household, since, self.on, context)

    def _address(self, household: Household, new: HouseholdId, stays: bool) -> Private[str] | None:
        if self.address:
            return Private(new, "address", self.address)
        old = current(household.residences, self.on)
        return old.address.handed_to(new) if stays and old is not None and old.address is not None else None


@dataclass(frozen=True, slots=True)
class MemberMovedOut(Event):
    """A member went to another household: `until` is the first day outside (成员转出)."""

    title: ClassVar[str] = "成员转出"
    basis: ClassVar[str] = "M57 art.7, 30; L26 art.46"
    none: ClassVar[str] = "case home cycle benefit money aid stage count ruling paper found"
    changes_members: ClassVar[bool] = True
    turns: ClassVar[tuple[Turn, ...]] = MEMBERS_CHANGED

    on: date
    person: PersonId
    until: date
    into: HouseholdId
    into_version: int
    due: Due | None

    def opens(self) -> tuple[Due, ...]:
        return (self.due,) if self.due else ()

    def changes_status(self) -> StatusChange | None:
        return StatusChange(ends_on=self.until, persons=(self.person,))

    def evolve(self, household: Household) -> Household:
        household = without(household, (self.person,), self.until, "moved")
        return noticed(household, self.on, self.person)


@dataclass(frozen=True, slots=True)
class MoveMember(JointCommand):
    """Let one member go to another household of the same county (成员转户), from `since`, left out `on`."""

    on: date
    into: HouseholdId
    person: PersonId
    relation: Relation
    since: date | None = None
    new_head: PersonId | None = None

    def households(self) -> tuple[HouseholdId, ...]:
        return (self.into,)

    def decide(
        self, households: Mapping[HouseholdId, Household], context: Context
    ) -> Iterator[tuple[HouseholdId, Event]]:
        yield from soundly(households, self._facts(households, context))

    def _facts(
        self, households: Mapping[HouseholdId, Household], context: Context
    ) -> Iterator[tuple[HouseholdId, Event]]:
        household, other = next(iter(households.values())), households[self.into]
        if household.id == other.id:
            raise SameHousehold
        require_here(household)
        require_here(other)
        since = self.since or self.on
        if has_left(household, self.person, since, "moved") and other.has_member(self.person, since):
            return
        require_order(self.on, since)
        context.require("township", "county")
        require_same_county(household.region(self.on), other.region(self.on), self.on, context)
        context.require_for(other, self.on, "township", "county")
        mover = Mover(self.person, self.relation)
        require_movers(household, (mover,), since, heads=0)
        if all(member.person == self.person for member in household.counted(since)):
            raise NobodyWouldRemain
        yield (
            household.id,
            MemberMovedOut(
                self.on,
                self.person,
                since,
                other.id,
                context.versions.get(other.id, 0),
                looked_at_again(household, context, self.on),
            ),
        )
        for succeeded in succession(household, {self.person}, self.new_head, since, self.on):
            yield household.id, succeeded
        yield (
            other.id,
            arrival(mover, household, since, self.on, context, looked_at_again(other, context, self.on, 1)),
        )
