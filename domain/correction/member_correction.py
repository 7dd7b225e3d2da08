"""Members corrected (更正成员登记): who somebody is, since when they belong, that and when they died."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar
from uuid import UUID

from domain.correction.fact_correction import (
    CorrectionCommand,
    DayDoesNotFit,
    NothingWrong,
    affected,
    marked,
    recalled,
    redecision,
)
from domain.guards.registered import NotAMember
from domain.household.context import Context
from domain.household.duty import CORRECTED, MEMBERS_CHANGED, Turn, of
from domain.household.duty_context import DutyContext
from domain.household.event import Event
from domain.household.memberships import day_after, noticed
from domain.household.notions import Limit
from domain.household.state import Household
from domain.members.arrival import MemberArrived
from domain.members.death import DEAD, DEATH, MemberDied, death_due, last_day
from domain.members.member_changes import MemberChanged, MemberJoined
from domain.members.registration import MemberAdded, NewMember, NotOneHead, identity
from domain.members.succession import sound
from domain.values.deadline import Due
from domain.values.immutables import replace
from domain.values.person import Disability, PersonId, Relation, Sex, WorkCapacity
from domain.values.private import Private
from domain.values.refusals import Refusal
from domain.values.spells import Membership


def of_death_due(event: DeathCorrected, household: UUID) -> UUID | None:
    """The subject of the limit for settling the amount after the death, where one runs anew."""
    return event.death_due.subject if event.death_due else None


def is_limited_by_death(event: DeathCorrected, context: DutyContext) -> bool:
    """The amount is to be settled within the limit that runs from the death."""
    return event.death_due is not None


class NumberIsAnothers(Refusal):
    """该身份证号属于系统中的另一人；如系同一人，请办理身份认定，否则请核对证件。"""

    article = "M57 art.7"


@dataclass(frozen=True, slots=True)
class MemberCorrected(Event):
    """What was recorded of a member was wrong from the day `was` on; all is said as it is right (更正成员信息)."""

    title: ClassVar[str] = "更正成员信息"
    basis: ClassVar[str] = "M57 art.7"
    none: ClassVar[str] = "case home cycle status benefit money aid stage count ruling paper"
    changes_members: ClassVar[bool] = True
    turns: ClassVar[tuple[Turn, ...]] = CORRECTED

    on: date
    step: int
    corrects: UUID
    person: PersonId
    was: date
    since: date
    relation: Relation
    sex: Sex | None
    birth: date | None
    student: bool
    disability: Disability | None
    work_capacity: WorkCapacity
    affected: tuple[UUID, ...]
    due: Due | None
    why: Private[str]
    name: Private[str] | None = None
    id_number: Private[str] | None = None

    def opens(self) -> tuple[Due, ...]:
        return (self.due,) if self.due else ()

    def found_by(self) -> tuple[Private[str] | None, ...]:
        return (self.id_number, self.name)

    def evolve(self, household: Household) -> Household:
        wrong = _row(household, self.person, self.was)
        members = tuple(
            member if member.person != self.person else self._right(member, wrong)
            for member in household.members
        )
        household = marked(replace(household, members=members), self.step, self.corrects, self.on)
        return noticed(household, self.on, self.person) if self.due else household

    def _right(self, member: Membership, wrong: Membership | None) -> Membership:
        """Who somebody is holds in all of their memberships; how they are, where it was carried over wrongly."""
        member = replace(
            member,
            sex=self.sex,
            birth=self.birth,
            name=self.name or member.name,
            id_number=self.id_number or member.id_number,
        )
        if wrong is None:
            return member
        if member.end == self.was and member.cause is None:
            return replace(member, end=self.since)
        if member.start < self.was:
            return member
        same = {
            field: value
            for field, value in (
                ("relation", self.relation),
                ("student", self.student),
                ("disability", self.disability),
                ("work_capacity", self.work_capacity),
            )
            if member.start == self.was or getattr(member, field) == getattr(wrong, field)
        }
        start = self.since if member.start == self.was else member.start
        return replace(member, start=start, **same)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class CorrectMember(CorrectionCommand):
    """Correct what was recorded of a member: a name, number, birth, relation, circumstance or first day (更正成员).

    `step` is where the member was entered, changed or corrected; what is left out stands.
    """

    on: date
    step: int
    why: str
    name: str | None = None
    id_number: str | None = None
    birth: date | None = None
    relation: Relation | None = None
    student: bool | None = None
    disability: Disability | None = None
    no_disability: bool = False
    work_capacity: WorkCapacity | None = None
    since: date | None = None

    def numbers(self) -> tuple[str, ...]:
        return () if self.id_number is None else (self.id_number,)

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        yield from sound(household, self._facts(household, context))

    def _facts(self, household: Household, context: Context) -> Iterator[Event]:
        kinds = (MemberAdded, MemberJoined, MemberArrived, MemberChanged, MemberCorrected)
        fact = recalled(self, household, context, *kinds)
        event = fact.event
        assert isinstance(event, kinds)
        was = event.on if isinstance(event, MemberAdded) else event.since
        row = _row(household, event.person, was)
        if row is None:
            raise NotAMember
        birth, sex, number = self.birth or row.birth, row.sex, None
        if self.id_number is not None:
            known = identity(NewMember("P", "", "other", self.id_number, birth=self.birth), context)
            owner = context.persons.get(known.number or "")
            if owner not in (None, event.person):
                raise NumberIsAnothers
            birth, sex = known.birth, known.sex
            number = Private(event.person, "id-number", known.number) if known.number else None
        right = replace(
            row,
            start=self.since or row.start,
            relation=self.relation or row.relation,
            sex=sex,
            birth=birth,
            student=row.student if self.student is None else self.student,
            disability=None if self.no_disability else self.disability or row.disability,
            work_capacity=self.work_capacity or row.work_capacity,
        )
        if right == row and self.name is None and number is None:
            raise NothingWrong
        if (right.relation == "head") != (row.relation == "head"):
            raise NotOneHead(heads=2 if right.relation == "head" else 0)
        _require_fitting(household, row, right.start, self.on)
        corrected = MemberCorrected(
            self.on,
            self.step,
            fact.id,
            event.person,
            was,
            right.start,
            right.relation,
            right.sex,
            right.birth,
            right.student,
            right.disability,
            right.work_capacity,
            (),
            None,
            Private(household.id, "text", self.why),
            Private(event.person, "name", self.name) if self.name else None,
            number,
        )
        after = corrected.evolve(household)
        decisions = affected(household, after)
        due = redecision(household, after, decisions, self.on, context)
        yield replace(corrected, affected=decisions, due=due)


def _row(household: Household, person: PersonId, start: date) -> Membership | None:
    return next((m for m in household.members if (m.person, m.start) == (person, start)), None)


def _require_fitting(household: Household, row: Membership, start: date, on: date) -> None:
    """Refuse a first day after the last, in the future, or before what stands before it."""
    before = [
        m for m in household.members if m.person == row.person and m.end is not None and m.end <= row.start
    ]
    # what ran on into this one gives way, what ended before it does not
    firsts = [m.start if m.end == row.start and m.cause is None else last_day(m) for m in before]
    if any(start <= day for day in firsts) or start > on or (row.end is not None and start >= row.end):
        raise DayDoesNotFit(day=start)


@dataclass(frozen=True, slots=True)
class DeathCorrected(Event):
    """A member died on another day than was recorded, or is alive: `died_on` None (更正死亡登记).

    `until` is the first day outside that was recorded. Who followed as head did so from the right day, or not
    at all.
    """

    title: ClassVar[str] = "更正死亡登记"
    basis: ClassVar[str] = "M83"
    none: ClassVar[str] = "case home cycle status benefit money aid stage count ruling paper found"
    changes_members: ClassVar[bool] = True
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of("death"), closes=("adjust-after-death",)),
        Turn(of_death_due, opens=("adjust-after-death",), when=is_limited_by_death),
        *MEMBERS_CHANGED,
    )

    on: date
    step: int
    corrects: UUID
    death: UUID
    person: PersonId
    until: date
    died_on: date | None
    affected: tuple[UUID, ...]
    death_due: Due | None
    due: Due | None
    why: Private[str]

    def opens(self) -> tuple[Due, ...]:
        return tuple(due for due in (self.death_due, self.due) if due is not None)

    def closes(self) -> tuple[Limit, ...]:
        return ((DEATH, self.death),)

    def evolve(self, household: Household) -> Household:
        now = None if self.died_on is None else day_after(self.died_on)
        dead = next(
            m for m in household.members if (m.person, m.end, m.cause) == (self.person, self.until, DEAD)
        )
        members = tuple(
            replace(m, end=now, cause=None if now is None else DEAD) if m is dead else m
            for m in household.members
        )
        if dead.relation == "head":
            members = _succession_from(members, self.until, now)
        categories = tuple(
            replace(spell, end=now) if spell.person == self.person and spell.end == self.until else spell
            for spell in household.categories
        )
        household = replace(household, members=members, categories=categories)
        return noticed(marked(household, self.step, self.corrects, self.on), self.on, self.person, DEAD)


@dataclass(frozen=True, slots=True)
class CorrectDeath(CorrectionCommand):
    """Correct the day of a recorded death; `died_on` left out: the person is alive and counted again (更正死亡)."""

    on: date
    step: int
    why: str
    died_on: date | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        yield from sound(household, self._facts(household, context))

    def _facts(self, household: Household, context: Context) -> Iterator[Event]:
        fact = recalled(self, household, context, MemberDied, DeathCorrected)
        event = fact.event
        assert isinstance(event, MemberDied | DeathCorrected)
        recorded = event.died_on
        if recorded is None or recorded == self.died_on:
            raise NothingWrong
        until = day_after(recorded)
        dead = next(
            (m for m in household.members if (m.person, m.end, m.cause) == (event.person, until, DEAD)), None
        )
        if dead is None:
            raise NotAMember
        if self.died_on is not None and not dead.start <= self.died_on <= self.on:
            raise DayDoesNotFit(day=self.died_on)
        right = None if self.died_on is None else day_after(self.died_on)
        followed = [m for m in household.members if m.start == until and m.relation == "head"]
        if right is not None and any(m.end is not None and m.end <= right for m in followed):
            raise DayDoesNotFit(day=right)
        limit = death_due(household, context, self.died_on, event.death) if self.died_on else None
        corrected = DeathCorrected(
            self.on,
            self.step,
            fact.id,
            event.death,
            event.person,
            until,
            self.died_on,
            (),
            limit,
            None,
            Private(household.id, "text", self.why),
        )
        after = corrected.evolve(household)
        decisions = affected(household, after)
        due = redecision(household, after, decisions, self.on, context)
        yield replace(corrected, affected=decisions, due=due)


def _succession_from(
    members: tuple[Membership, ...], until: date, now: date | None
) -> tuple[Membership, ...]:
    """The memberships with the head's succession moved to another day, or undone."""
    new = next((m for m in members if m.start == until and m.relation == "head"), None)
    if new is None:
        return members
    before = next((m for m in members if (m.person, m.end) == (new.person, until) and m.cause is None), None)
    if before is None:
        return members
    moved: list[Membership] = []
    for member in members:
        if member is before:
            if now is None:
                moved.append(replace(before, end=new.end, cause=new.cause))
            elif before.start < now:
                moved.append(replace(before, end=now))
        elif member is new:
            if now is not None:
                moved.append(replace(new, start=max(now, before.start)))
        elif now is None and member.person == new.person and member.start > until:
            moved.append(
                replace(member, relation=before.relation if member.relation == "head" else member.relation)
            )
        else:
            moved.append(member)
    return tuple(moved)
