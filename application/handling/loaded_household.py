"""A household as it was loaded (已载入的户): its state by replay, and the version it was replayed to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from domain.household.replay import Replay
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
    replay, version = None if initial is None else Replay(initial.household), 0
    for row in rows:
        if replay is None:
            replay = Replay(Household(HouseholdId(row.originator_id)))
        replay.take(row.event)
        version = row.originator_version
    if replay is None:
        return None
    return LoadedHousehold(replay.household, version or (initial.version if initial else 0))
