"""Claims (唯一性占用): one active category a person, nationwide, derived from state so that it can be rebuilt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from domain.household.state import Household
from domain.values.person import PersonId
from domain.values.spells import Category, Dated

EXCLUSIVE = frozenset(Category) - {Category.OTHER}
"""The categories of which a person has one at a time, nationwide (G39)."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The days `[start, end)` for which this household holds a person's one category."""

    person: PersonId
    start: date
    end: date | None


Days = tuple[date, date | None]


def claims_of(household: Household) -> frozenset[Claim]:
    """The claims a household holds: for each member the latest run of days in exclusive categories.

    A member is in the household's category while counted, and in its own (single-person Dibao, Tekun); days
    that follow on without a gap are one claim. A spell recorded as irregular takes none, so that a true
    double case can be recorded and found.
    """
    lawful = [s for s in household.categories if s.category in EXCLUSIVE and not s.irregular]
    if not lawful:
        return frozenset()
    claims: set[Claim] = set()
    for person in {member.person for member in household.members}:
        counted = [m for m in household.members if m.person == person]
        held = [
            days for spell in lawful if spell.person in (None, person) for days in _together(spell, counted)
        ]
        if held:
            claims.add(Claim(person, *_latest_run(held)))
    return frozenset(claims)


def _together(spell: Dated, counted: Iterable[Dated]) -> Iterator[Days]:
    """The days a spell and memberships have in common."""
    for member in counted:
        start = max(spell.start, member.start)
        ends = [end for end in (spell.end, member.end) if end is not None]
        end = min(ends, default=None)
        if end is None or start < end:
            yield start, end


def _latest_run(held: list[Days]) -> Days:
    held.sort(key=lambda days: days[0])
    start, end = held[0]
    for begin, until in held[1:]:
        if end is not None and begin > end:
            start, end = begin, until
        elif end is not None and (until is None or until > end):
            end = until
    return start, end
