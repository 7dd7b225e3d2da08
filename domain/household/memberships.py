"""The roster (成员名册): how joining, leaving and changing move the memberships of a household."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

from domain.household.parts import Change
from domain.household.state import Household
from domain.values.immutables import replace
from domain.values.month import Month
from domain.values.person import PersonId
from domain.values.spells import BenefitSpell, CategorySpell, Membership, holds


def row_of(household: Household, person: PersonId, day: date) -> Membership | None:
    """The membership of a person that covers a day."""
    return next((m for m in household.members if m.person == person and holds(m, day)), None)


def later_rows(household: Household, person: PersonId, day: date) -> tuple[Membership, ...]:
    """The memberships of a person that begin after a day."""
    return tuple(m for m in household.members if m.person == person and m.start > day)


def with_member(household: Household, member: Membership) -> Household:
    """The household with one more membership."""
    return replace(household, members=(*household.members, member))


def without(household: Household, gone: Collection[PersonId], until: date, cause: str) -> Household:
    """The household that these persons have left: `until` is their first day outside.

    Memberships not begun by then fall away; a person's own category ends with the membership.
    """
    members: list[Membership] = []
    for member in household.members:
        if member.person not in gone or (member.end is not None and member.end <= until):
            members.append(member)
        elif member.start < until:
            members.append(replace(member, end=until, cause=cause))
    categories = tuple(
        spell if spell.person not in gone or _is_over(spell, until) else replace(spell, end=until)
        for spell in household.categories
        if spell.person not in gone or spell.start < until
    )
    changed = replace(household, members=tuple(members), categories=categories)
    if categories != household.categories:
        changed = replace(changed, benefits=_own_ended(changed, until))
    return represented(changed, until)


def changed(household: Household, person: PersonId, since: date, **facts: object) -> Household:
    """The household in which a member is otherwise from a day on: one membership ends, the next begins."""
    members: list[Membership] = []
    for member in household.members:
        if member.person != person or not holds(member, since):
            members.append(member)
            continue
        if member.start < since:
            members.append(replace(member, end=since, cause=None))
        members.append(replace(member, start=since, **facts))  # type: ignore[arg-type]
    return replace(household, members=tuple(members))


def contradiction(household: Household) -> date | None:
    """The first day on which somebody is counted twice, or those counted have not just one head; None when sound.

    A chain may tell of members before its first head: those days are left alone.
    """
    first = min((m.start for m in household.members if m.relation == "head"), default=date.max)
    days = {m.start for m in household.members} | {m.end for m in household.members if m.end is not None}
    for day in sorted(day for day in days if day >= first):
        counted = household.counted(day)
        heads = sum(member.relation == "head" for member in counted)
        if counted and (heads != 1 or len({member.person for member in counted}) < len(counted)):
            return day
    return None


def represented(household: Household, day: date) -> Household:
    """The household with its open case in the hands of somebody who belongs to it: the head, if need be."""
    case, head = household.case, household.head(day)
    if case is None or head is None or household.has_member(case.applicant, day):
        return household
    return household.with_case(applicant=head)


def noticed(household: Household, on: date, person: PersonId, kind: str = "members") -> Household:
    """The household with a change to be looked at by the next check (M57 art.30)."""
    return replace(household, changes=(*household.changes, Change(on, person, kind)))


def day_after(day: date) -> date:
    """The first day outside, for somebody whose last day is `day`."""
    return day + timedelta(days=1)


def last_month(until: date) -> Month:
    """The month of the last day before `until`."""
    return Month.of(until - timedelta(days=1))


def _is_over(spell: CategorySpell, day: date) -> bool:
    return spell.end is not None and spell.end <= day


def _own_ended(household: Household, until: date) -> tuple[BenefitSpell, ...]:
    """The benefits with those of single persons ended, once nobody has such a category any more."""
    if any(holds(spell, until) for spell in household.categories if spell.person is not None):
        return household.benefits
    return tuple(
        replace(benefit, last=last_month(until))
        if benefit.kind.personal and benefit.last is None
        else benefit
        for benefit in household.benefits
    )
