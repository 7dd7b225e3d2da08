"""The duty context (待办背景): the little that must be remembered of a household to tell who acts next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from domain.values.spells import Category

_FIRST: Final = date(1, 1, 2)
"""A visit on any day will do where nobody complained."""


@dataclass(frozen=True, slots=True)
class DutyContext:
    """What is known of a household that decides who acts next: of its case under way, and what it is in.

    `looked_at`: the county must visit the family before it decides, for a relative among staff or a complaint,
    the last of which came on `complained_on`; `county_visits` are the days it did.
    """

    delegated: bool = False
    looked_at: bool = False
    complained_on: date | None = None
    county_visits: tuple[date, ...] = ()
    missing: frozenset[str] = frozenset()
    held: Category | None = None

    @property
    def owes_visit(self) -> bool:
        """Whether the county must still visit before it decides (M57 art.20)."""
        since = self.complained_on or date.min
        return self.looked_at and max(self.county_visits, default=date.min) < max(since, _FIRST)
