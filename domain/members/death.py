"""Death of a member (成员死亡): counted no more from the day after, and the amount settled in three months (M83)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from domain.categories.roads import is_paid
from domain.guards.order_of_steps import require_order
from domain.guards.registered import NotAMember, require_registered
from domain.household.command import Command
from domain.household.context import Context
from domain.household.duty import Turn, of_due
from domain.household.duty_context import DutyContext
from domain.household.event import Event
from domain.household.memberships import day_after, noticed, row_of, without
from domain.household.notions import StatusChange
from domain.household.state import Household
from domain.members.member_changes import reassessment
from domain.members.succession import sound, succession
from domain.values.deadline import Due
from domain.values.person import PersonId
from domain.values.refusals import Refusal
from domain.values.spells import Membership, holds


def is_settled_in_time(event: MemberDied, context: DutyContext) -> bool:
    """The death set the limit for settling the amount."""
    return event.due is not None and event.due.what == DEATH


def is_like_any_change(event: MemberDied, context: DutyContext) -> bool:
    """The death set the limit of any change."""
    return event.due is not None and event.due.what != DEATH


DEATH = "DL-DTH"
"""The limit for increase, reduction or stop after a member's death."""

DEAD = "death"
"""Why the membership of a dead person ended."""

ELSEWHERE = ("split", "moved", "joined")
"""Why somebody is looked for in another household."""

DeathEvidence = Literal[
    "death-certificate",
    "cremation-record",
    "household-register",
    "court-declaration",
    "village-statement",
]


class DeathAlreadyRecorded(Refusal):
    """该成员的死亡日期已登记为{died_on}；登记有误的，请办理更正。"""


@dataclass(frozen=True, slots=True)
class MemberDied(Event):
    """A member died; counted up to that day and no longer (成员死亡)."""

    title: ClassVar[str] = "成员死亡"
    basis: ClassVar[str] = "M83; L26 art.46"
    none: ClassVar[str] = "case home cycle benefit money aid stage count ruling paper found"
    changes_members: ClassVar[bool] = True
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of_due, opens=("adjust-after-death",), when=is_settled_in_time),
        # without a benefit on the day of death it is a change like any other
        Turn(of_due, opens=("adjust-after-change",), when=is_like_any_change),
    )

    on: date
    death: UUID
    person: PersonId
    died_on: date
    evidence: DeathEvidence
    due: Due | None

    def opens(self) -> tuple[Due, ...]:
        return (self.due,) if self.due else ()

    def changes_status(self) -> StatusChange | None:
        return StatusChange(ends_on=day_after(self.died_on), persons=(self.person,))

    def evolve(self, household: Household) -> Household:
        household = without(household, (self.person,), day_after(self.died_on), DEAD)
        return noticed(household, self.on, self.person, DEAD)


@dataclass(frozen=True, slots=True)
class RecordDeath(Command):
    """Record a member's death with its day and the paper that shows it (登记死亡).

    A Dibao family is to be checked, and its amount settled, within three months of the death. When the head
    died, `new_head` is the member who follows; when nobody is left, the aid is to be terminated.
    What was recorded of the dead for later days falls away.
    """

    on: date
    person: PersonId
    died_on: date
    evidence: DeathEvidence
    new_head: PersonId | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        yield from sound(household, self._facts(household, context))

    def _facts(self, household: Household, context: Context) -> Iterator[Event]:
        require_registered(household)
        until = day_after(self.died_on)
        known = death_of(household, self.person)
        if known is not None:
            if known.end == until:
                return
            raise DeathAlreadyRecorded(died_on=last_day(known))
        require_order(self.on, self.died_on)
        context.require("township", "county")
        row = row_of(household, self.person, self.died_on)
        if row is None or row.cause in ELSEWHERE:
            raise NotAMember
        death = context.id("death")
        due = death_due(household, context, self.died_on, death)
        yield MemberDied(
            self.on,
            death,
            self.person,
            self.died_on,
            self.evidence,
            due or reassessment(household, context, self.on, death),
        )
        yield from succession(household, {self.person}, self.new_head, until, self.on)


def death_of(household: Household, person: PersonId) -> Membership | None:
    """The membership a recorded death ended."""
    return next((m for m in household.members if m.person == person and m.cause == DEAD), None)


def last_day(member: Membership) -> date:
    """The last day an ended membership covers."""
    assert member.end is not None
    return date.fromordinal(member.end.toordinal() - 1)


def death_due(household: Household, context: Context, died_on: date, death: UUID) -> Due | None:
    """The limit that runs from a death in a family that is paid; None in others, and before M83 set it."""
    aided = any(holds(spell, died_on) and is_paid(spell.category) for spell in household.categories)
    if not aided or f"deadline.{DEATH}" not in context.rules(died_on):
        return None
    return context.due(DEATH, died_on, death)
