"""A household as it was loaded (已载入的户): its state by replay, and the version it was replayed to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from domain.household.replay import follow
from domain.household.state import Household
from domain.values.person import HouseholdId
from eventstore.events.recorded import Brief, Recorded


class LoadedHousehold(NamedTuple):
    """A household replayed, and the version it was replayed to."""

    household: Household
    version: int


LoadedHouseholds = Mapping[HouseholdId, LoadedHousehold]
"""The households a request reads, the one addressed first."""


def replayed(initial: LoadedHousehold | None, rows: Iterable[Recorded | Brief]) -> LoadedHousehold | None:
    """The projector function of the library's repository: the fold over recorded events."""
    household, version = initial or (None, 0)
    for row in rows:
        household = follow(household or Household(HouseholdId(row.originator_id)), row.event)
        version = row.originator_version
    return None if household is None else LoadedHousehold(household, version)
