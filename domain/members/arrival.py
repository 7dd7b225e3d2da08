"""Arrival (转入): a person comes from another household with all that is known of them (M57 art.7, 30)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import ClassVar
from uuid import UUID

from domain.guards.registered import require_registered
from domain.household.context import Context
from domain.household.duty import MEMBERS_CHANGED, Turn
from domain.household.event import Event
from domain.household.memberships import noticed, represented, row_of, with_member
from domain.household.state import Household
from domain.members.member_changes import OwnAidRunning, reassessment
from domain.members.registration import NotOneHead, SamePersonTwice, membership_of
from domain.members.succession import require_leaving
from domain.values.deadline import Due
from domain.values.person import Disability, HouseholdId, PersonId, Relation, Sex, WorkCapacity
from domain.values.private import Private
from domain.values.refusals import Refusal
from domain.values.spells import holds


class SameHousehold(Refusal):
    """转出和转入的是同一户，请核对户编号。"""


class JoinedElsewhere(Refusal):
    """该户已于{since}并入另一户，请到并入后的户办理。"""


class NotSameCounty(Refusal):
    """两户不在同一县内，应当先办理档案移交。"""

    article = "M57 art.5"


@dataclass(frozen=True, slots=True)
class Mover:
    """A person who goes to another household, and what they are there (随迁成员)."""

    person: PersonId
    relation: Relation


@dataclass(frozen=True, slots=True)
class MemberArrived(Event):
    """A person came from another household; `origin_version` is the last step read there (成员转入).

    Name and ID number are the tokens sealed when they were first said: they are the person's, and go along.
    """

    title: ClassVar[str] = "成员转入"
    basis: ClassVar[str] = "M57 art.7, 30; L26 art.46"
    none: ClassVar[str] = "case home cycle status benefit money aid stage count ruling paper found"
    changes_members: ClassVar[bool] = True
    turns: ClassVar[tuple[Turn, ...]] = MEMBERS_CHANGED

    on: date
    person: PersonId
    relation: Relation
    sex: Sex | None
    birth: date | None
    student: bool
    disability: Disability | None
    work_capacity: WorkCapacity
    since: date
    origin: HouseholdId
    origin_version: int
    due: Due | None = None
    name: Private[str] | None = None
    id_number: Private[str] | None = None

    def opens(self) -> tuple[Due, ...]:
        return (self.due,) if self.due else ()

    def evolve(self, household: Household) -> Household:
        household = with_member(household, membership_of(self, self.since))
        return noticed(represented(household, self.since), self.on, self.person)


def arrival(
    mover: Mover, origin: Household, since: date, on: date, context: Context, due: Due | None = None
) -> MemberArrived:
    """The arrival of somebody as they were known in the household they come from."""
    row = row_of(origin, mover.person, since)
    assert row is not None
    return MemberArrived(
        on,
        mover.person,
        mover.relation,
        row.sex,
        row.birth,
        row.student,
        row.disability,
        row.work_capacity,
        since,
        origin.id,
        context.versions.get(origin.id, 0),
        due,
        row.name,
        row.id_number,
    )


def require_here(household: Household) -> None:
    """Refuse a household that is not known, or that went on in another."""
    require_registered(household)
    require_apart(household)


def require_apart(household: Household) -> None:
    """Refuse any act on a household that was joined to another."""
    if household.joined_into is not None:
        raise JoinedElsewhere(since=household.residences[-1].end)


def require_movers(household: Household, movers: Collection[Mover], since: date, heads: int) -> None:
    """Refuse movers who may not leave, who are named twice, or of whom not just `heads` are to be head."""
    if len({mover.person for mover in movers}) < len(movers):
        raise SamePersonTwice(member="重复人员")
    for mover in movers:
        require_leaving(household, mover.person, since)
        own = next((s for s in household.categories if s.person == mover.person and holds(s, since)), None)
        if own is not None:
            raise OwnAidRunning(category=own.category.word)
    named = sum(mover.relation == "head" for mover in movers)
    if named != heads:
        raise NotOneHead(heads=named if heads else named + 1)


def require_same_county(one: str, other: str, on: date, context: Context) -> None:
    """Refuse two regions of different counties."""
    if county_of(one, on, context) != county_of(other, on, context):
        raise NotSameCounty


def county_of(region: str, on: date, context: Context) -> str:
    """The county a region lies in on a day."""
    return context.regions.path(region, on)[2]


def looked_at_again(household: Household, context: Context, on: date, ordinal: int = 0) -> Due | None:
    """The limit for looking at an aided household again, under an id of its own in a joint act."""
    return reassessment(household, context, on, subject(context, ordinal))


def subject(context: Context, ordinal: int) -> UUID:
    return context.id("change", ordinal)
