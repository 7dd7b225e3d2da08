"""Reach (辖区): whether a household lies in somebody's area, and how far the read models have got with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from api.access.identity import NATION, Identity
from api.http.problems import Denied
from domain.household.state import Household
from domain.values.region import RegionAbolished, RegionRegister
from projections.household_location import Place, place_of


class RegionOutside(Denied):
    """所指区划不在您的辖区内。"""


class Reached(NamedTuple):
    """A household somebody may see; `position` is for the header, and no later than any row read after this."""

    place: Place
    position: str


def reached(
    connection: Connection[Any], identity: Identity, household: UUID, projections: tuple[str, ...]
) -> Reached | None:
    """The household if it lies in the identity's area, None if it does not or is not known; one statement.

    `projections` are the read models about to be read: what is told is the position all of them have reached.
    """
    place = place_of(connection, household, projections)
    if place is None or identity.region not in (NATION, *place.codes):
        return None
    return Reached(place, f"{place.lane}:{place.position}")


class Areas:
    """Whose area a place is in, by the register of regions on the day it is."""

    def __init__(self, regions: Callable[[], RegionRegister], today: Callable[[], date]) -> None:
        """`regions` gives the register as it is now: it may be renewed while the process runs."""
        self._regions = regions
        self._today = today

    def holds(self, identity: Identity, household: Household) -> bool:
        """Whether a replayed household lives in the identity's area today."""
        region = household.region(self._today())
        return identity.region in (NATION, *self._path(region, household.place.residences[-1].start))

    def place(self, identity: Identity, asked: str | None) -> str | None:
        """The region code asked for, or the identity's own; None for the whole country.

        Raises `RegionOutside`, or what the register refuses.
        """
        if asked is None:
            return None if identity.region == NATION else identity.region
        return self.require(identity, asked, self._today())

    def require(self, identity: Identity, region: str, on: date) -> str:
        """The code of a region as it is on a day; raises `RegionOutside` or what the register refuses."""
        regions = self._regions()
        code = regions.at(region, on).code
        if identity.region not in (NATION, *regions.path(code, on)):
            raise RegionOutside
        return code

    def _path(self, region: str, since: date) -> tuple[str, ...]:
        regions = self._regions()
        try:
            return regions.path(region, self._today())
        except RegionAbolished:
            # an abolished village still lies where it lay
            return regions.path(region, since)
