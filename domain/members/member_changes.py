"""Members who come, leave and change (成员变动): each from a day, with the re-check it calls for (M57 art.7, 30)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from domain.guards.order_of_steps import require_order
from domain.guards.registered import NotAMember, require_registered
from domain.household.command import Command
from domain.household.context import Context
from domain.household.duty import MEMBERS_CHANGED, Turn
from domain.household.event import Event
from domain.household.memberships import changed, later_rows, noticed, row_of, with_member, without
from domain.household.notions import StatusChange
from domain.household.state import Household
from domain.members.registration import NewMember, NotOneHead, identity, membership_of
from domain.members.succession import LaterChangeRecorded, has_left, require_leaving, sound, succession
from domain.values.deadline import Due
from domain.values.immutables import replace
from domain.values.person import Disability, PersonId, Relation, Sex, WorkCapacity, age_on
from domain.values.private import Private
from domain.values.refusals import Refusal

CHANGE = "DL-CHG"
"""The limit for looking again at a family whose members, home or recorded facts changed."""

JoinCause = Literal["birth", "marriage", "adoption", "return", "release", "support", "other"]
LeaveCause = Literal[
    "marriage",
    "divorce",
    "independent",
    "graduate-studies",
    "military",
    "prison",
    "drug-treatment",
    "missing",
    "religious",
    "adopted-away",
    "provincial-rule",
]
"""Why somebody is counted no more: lives apart, or is left out by M57 art.7. Death has a command of its own."""


class AlreadyMember(Refusal):
    """该人员已是该户的共同生活成员，不能重复登记。"""

    article = "M57 art.7"


class RecordedAsDead(Refusal):
    """该人员已登记死亡，不能登记为成员；死亡登记有误的，请办理更正。"""


class NotBornYet(Refusal):
    """成员的出生日期晚于其成为共同生活成员的日期，请核对。"""

    article = "M57 art.7"


class NobodyWouldRemain(Refusal):
    """该户将没有共同生活成员，不能按成员变动办理；请办理终止、并户或者登记死亡。"""

    article = "M57 art.7, 32"


class OwnAidRunning(Refusal):
    """该成员本人正在享受{category}，应当先就其本人的救助作出决定。"""

    article = "M57 art.8, 32"


class ReligiousTooShort(Refusal):
    """脱离家庭独立生活未满{years}年的宗教教职人员，仍应计入共同生活成员。"""

    article = "M57 art.7"


def reassessment(household: Household, context: Context, on: date, subject: UUID) -> Due | None:
    """The limit for looking again at a family that is aided; None for one that is not."""
    if not household.in_any_category(on) or f"deadline.{CHANGE}" not in context.rules(on):
        return None
    return context.due(CHANGE, on, subject)


@dataclass(frozen=True, slots=True)
class MemberJoined(Event):
    """A person belongs to the household from a day, after it was registered (成员增加)."""

    title: ClassVar[str] = "增加成员"
    basis: ClassVar[str] = "M57 art.7, 30; L26 art.46"
    none: ClassVar[str] = "case home cycle status benefit money aid stage count ruling paper"
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
    cause: JoinCause
    due: Due | None
    name: Private[str]
    id_number: Private[str] | None = None

    def opens(self) -> tuple[Due, ...]:
        return (self.due,) if self.due else ()

    def found_by(self) -> tuple[Private[str] | None, ...]:
        return (self.id_number, self.name)

    def evolve(self, household: Household) -> Household:
        member = membership_of(self, self.since)
        return noticed(with_member(household, member), self.on, self.person)


@dataclass(frozen=True, slots=True)
class AddMember(Command):
    """Count one more member from a day: born, married in, come back (增加成员).

    `since` left out is `on`. Birth and sex are taken from the ID number where there is one.
    """

    on: date
    member: NewMember
    cause: JoinCause
    since: date | None = None

    def numbers(self) -> tuple[str, ...]:
        return () if self.member.id_number is None else (self.member.id_number,)

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        yield from sound(household, self._facts(household, context))

    def _facts(self, household: Household, context: Context) -> Iterator[Event]:
        require_registered(household)
        since = self.since or self.on
        known = identity(self.member, context)
        row = row_of(household, known.person, since)
        if row is not None:
            if (row.start, row.relation, row.end) == (since, self.member.relation, None):
                return
            raise AlreadyMember
        require_order(self.on, since)
        if later_rows(household, known.person, since):
            raise AlreadyMember
        if any((m.person, m.cause) == (known.person, "death") for m in household.members):
            raise RecordedAsDead
        context.require("township", "county")
        if self.member.relation == "head" and household.head(since) is not None:
            raise NotOneHead(heads=2)
        if known.birth is not None and known.birth > since:
            raise NotBornYet
        yield MemberJoined(
            self.on,
            known.person,
            self.member.relation,
            known.sex,
            known.birth,
            self.member.student,
            self.member.disability,
            self.member.work_capacity,
            since,
            self.cause,
            reassessment(household, context, self.on, context.id("change")),
            Private(known.person, "name", self.member.name),
            known.sealed,
        )


@dataclass(frozen=True, slots=True)
class MemberLeft(Event):
    """A person is counted no more: `until` is the first day outside (成员减少)."""

    title: ClassVar[str] = "减少成员"
    basis: ClassVar[str] = "M57 art.7, 30; L26 art.46"
    none: ClassVar[str] = "case home cycle benefit money aid stage count ruling paper found"
    changes_members: ClassVar[bool] = True
    turns: ClassVar[tuple[Turn, ...]] = MEMBERS_CHANGED

    on: date
    person: PersonId
    until: date
    cause: LeaveCause
    due: Due | None

    def opens(self) -> tuple[Due, ...]:
        return (self.due,) if self.due else ()

    def changes_status(self) -> StatusChange | None:
        return StatusChange(ends_on=self.until, persons=(self.person,))

    def evolve(self, household: Household) -> Household:
        household = without(household, (self.person,), self.until, self.cause)
        return noticed(household, self.on, self.person)


@dataclass(frozen=True, slots=True)
class RemoveMember(Command):
    """Count a member no more: married away, in prison, missing (减少成员).

    `left_on` is the first day outside, left out `on`. When the head leaves, `new_head` is who follows.
    `apart_since` is asked of clergy, who are left out after three years apart (M57 art.7).
    """

    on: date
    person: PersonId
    cause: LeaveCause
    left_on: date | None = None
    new_head: PersonId | None = None
    apart_since: date | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        yield from sound(household, self._facts(household, context))

    def _facts(self, household: Household, context: Context) -> Iterator[Event]:
        require_registered(household)
        until = self.left_on or self.on
        if has_left(household, self.person, until, self.cause):
            return
        require_order(self.on, until)
        context.require("township", "county")
        require_leaving(household, self.person, until)
        own = household.category(until, person=self.person)
        if own is not None:
            raise OwnAidRunning(category=own.category.word)
        if self.cause == "religious":
            years = context.rules(self.on).integer("member.religious-years")
            if self.apart_since is None or age_on(self.apart_since, until) < years:
                raise ReligiousTooShort(years=years)
        if not any(m.person != self.person for m in household.counted(until)):
            raise NobodyWouldRemain
        yield MemberLeft(
            self.on,
            self.person,
            until,
            self.cause,
            reassessment(household, context, self.on, context.id("change")),
        )
        yield from succession(household, {self.person}, self.new_head, until, self.on)


@dataclass(frozen=True, slots=True)
class MemberChanged(Event):
    """A member's circumstances are these from a day; all four are said, changed or not (成员情况变更)."""

    title: ClassVar[str] = "成员情况变更"
    basis: ClassVar[str] = "M57 art.30; L26 art.46"
    none: ClassVar[str] = "case home cycle status benefit money aid stage count ruling paper found"
    changes_members: ClassVar[bool] = True
    turns: ClassVar[tuple[Turn, ...]] = MEMBERS_CHANGED

    on: date
    person: PersonId
    since: date
    relation: Relation
    student: bool
    disability: Disability | None
    work_capacity: WorkCapacity
    due: Due | None

    def opens(self) -> tuple[Due, ...]:
        return (self.due,) if self.due else ()

    def evolve(self, household: Household) -> Household:
        household = changed(
            household,
            self.person,
            self.since,
            relation=self.relation,
            student=self.student,
            disability=self.disability,
            work_capacity=self.work_capacity,
        )
        return noticed(household, self.on, self.person)


@dataclass(frozen=True, slots=True)
class ChangeMember(Command):
    """Record that a member's circumstances changed from a day (变更成员情况): what is left out stays.

    `no_disability` ends a disability on record. What was wrong from the beginning is corrected instead.
    """

    on: date
    person: PersonId
    since: date | None = None
    relation: Relation | None = None
    student: bool | None = None
    disability: Disability | None = None
    no_disability: bool = False
    work_capacity: WorkCapacity | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        require_registered(household)
        since = self.since or self.on
        row = row_of(household, self.person, since)
        if row is None:
            raise NotAMember
        new = replace(
            row,
            relation=self.relation or row.relation,
            student=row.student if self.student is None else self.student,
            disability=None if self.no_disability else self.disability or row.disability,
            work_capacity=self.work_capacity or row.work_capacity,
        )
        if new == row:
            return
        require_order(self.on, since)
        context.require("township", "county")
        if (new.relation == "head") != (row.relation == "head"):
            raise NotOneHead(heads=2 if new.relation == "head" else 0)
        later = later_rows(household, self.person, since)
        if later:
            raise LaterChangeRecorded(since=later[0].start)
        yield MemberChanged(
            self.on,
            self.person,
            since,
            new.relation,
            new.student,
            new.disability,
            new.work_capacity,
            reassessment(household, context, self.on, context.id("change")),
        )
