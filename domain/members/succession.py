"""Succession (户主接续): who leaves, who follows as head, and a roster that never contradicts itself (M57 art.4, 7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from domain.guards.registered import NotAMember
from domain.household.event import Event
from domain.household.memberships import changed, contradiction, later_rows, represented, row_of
from domain.household.state import Household
from domain.members.registration import NotOneHead
from domain.values.person import HouseholdId, PersonId
from domain.values.refusals import Refusal


class HeadNeeded(Refusal):
    """户主不再是共同生活成员，应当同时确定一名其他成员为户主（申请人）。"""

    article = "M57 art.4"


class LaterChangeRecorded(Refusal):
    """该成员在{since}已登记有后来的情况，不能再从更早的日期变更；登记有误的，请办理更正。"""


class RosterContradicts(Refusal):
    """按此登记后，该户在{day}没有户主、有两名户主或者有人重复计入，请核对成员和日期后再办。"""

    article = "M57 art.4, 7"


@dataclass(frozen=True, slots=True)
class HeadChanged(Event):
    """Another member is the head from a day, the former one being there no more (户主变更)."""

    title: ClassVar[str] = "变更户主"
    basis: ClassVar[str] = "M57 art.4"
    none: ClassVar[str] = (
        "limits case home cycle status benefit money aid stage duties count ruling paper found"
    )
    changes_members: ClassVar[bool] = True

    on: date
    person: PersonId
    since: date

    def evolve(self, household: Household) -> Household:
        return represented(changed(household, self.person, self.since, relation="head"), self.since)


def has_left(household: Household, person: PersonId, until: date, cause: str) -> bool:
    """Whether this very leaving is on record."""
    return any(
        (m.person, m.end, m.cause) == (person, until, cause) and not row_of(household, person, until)
        for m in household.members
    )


def require_leaving(household: Household, person: PersonId, until: date) -> None:
    """Refuse the leaving of somebody not counted on the day, or of whom later circumstances are on record."""
    row = row_of(household, person, until)
    if row is None:
        raise NotAMember
    if row.end is not None and row.cause is not None:
        raise LaterChangeRecorded(since=row.end)
    later = later_rows(household, person, until)
    if later:
        raise LaterChangeRecorded(since=later[0].start)


def succession(
    household: Household, gone: set[PersonId], new_head: PersonId | None, since: date, on: date
) -> Iterator[HeadChanged]:
    """The new head when the head is among those gone; refuses none, or one too many."""
    staying = [m for m in household.counted(since) if m.person not in gone]
    headed = any(m.relation == "head" for m in staying)
    if headed or not staying:
        if new_head is not None:
            raise NotOneHead(heads=2 if headed else 0)
        return
    if new_head is None:
        raise HeadNeeded
    if not any(m.person == new_head for m in staying):
        raise NotAMember
    if later_rows(household, new_head, since):
        raise LaterChangeRecorded(since=later_rows(household, new_head, since)[0].start)
    yield HeadChanged(on, new_head, since)


def sound(household: Household, facts: Iterable[Event]) -> Iterator[Event]:
    """The facts, unless with them the roster would contradict itself on some day."""
    told, after = [], household
    for event in facts:
        told.append(event)
        after = event.evolve(after)
    require_sound(household, after)
    yield from told


def soundly(
    households: Mapping[HouseholdId, Household], facts: Iterable[tuple[HouseholdId, Event]]
) -> Iterator[tuple[HouseholdId, Event]]:
    """`sound` for the facts of several households."""
    told, after = [], dict(households)
    for id, event in facts:
        told.append((id, event))
        after[id] = event.evolve(after.get(id) or Household(id))
    for id, household in after.items():
        require_sound(households.get(id) or Household(id), household)
    yield from told


def require_sound(before: Household, after: Household) -> None:
    """Refuse a roster that contradicts itself, where it did not before."""
    day = contradiction(after)
    if day is not None and contradiction(before) is None:
        raise RosterContradicts(day=day)
