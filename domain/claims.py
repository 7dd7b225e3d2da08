"""Claims (唯一性占用): one active category a person, nationwide, derived from state so that it can be rebuilt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from domain.household import Household
from domain.person import PersonId
from domain.spells import Category, holds

EXCLUSIVE = frozenset(
    {Category.TEKUN, Category.DIBAO, Category.DIBAO_SINGLE, Category.MARGINAL, Category.RIGID}
)


@dataclass(frozen=True, slots=True)
class Claim:
    """The days `[start, end)` for which this household holds a person's one category."""

    person: PersonId
    start: date
    end: date | None


def claims_of(household: Household) -> frozenset[Claim]:
    """The claims a household holds: for each member its latest run of exclusive categories.

    Spells that follow on without a gap are one claim. A member's own spell (single-person Dibao, Tekun)
    stands, for that person, in place of the household's.
    """
    claims: set[Claim] = set()
    for member in household.members:
        own = [s for s in household.categories if s.person == member.person and s.category in EXCLUSIVE]
        spells = own or [
            s
            for s in household.categories
            if s.person is None and s.category in EXCLUSIVE and holds(member, max(s.start, member.start))
        ]
        if not spells:
            continue
        spells.sort(key=lambda spell: spell.start)
        start, end = spells[-1].start, spells[-1].end
        for earlier in reversed(spells[:-1]):
            if earlier.end is None or earlier.end >= start:
                start = earlier.start
        if member.end is not None and (end is None or member.end < end):
            end = member.end
        claims.add(Claim(member.person, start, end))
    return frozenset(claims)
