"""Reference data (政策、日历、区划): what is adopted where, read from the store and held in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources.abc import Traversable
from typing import Any
from uuid import UUID, uuid5

from psycopg import Connection

from application.reference.packs import pack_of, read_calendars, read_packs
from application.reference.regions import read_regions
from domain.household.context import Context, Recalled
from domain.values.calendar import CalendarEdition, WorkingCalendar
from domain.values.pack import Pack
from domain.values.person import HouseholdId, PersonId
from domain.values.policy import Adoption, Policy
from domain.values.receipt import Actor
from domain.values.region import Region, RegionRegister

PATHS_KEPT = 100_000
"""How many places and days are remembered before the memory is emptied."""

NATURAL_KEYS = UUID("6b1f6a0e-52a4-5a0c-9d6a-2f1f5d7c1e11")
"""The namespace of streams named by a natural key: jurisdictions and calendar years."""


def jurisdiction_stream(region: str) -> UUID:
    """The stream of a jurisdiction: `cn`, or a region code."""
    return uuid5(NATURAL_KEYS, f"jurisdiction/{region}")


def calendar_stream(region: str, year: int) -> UUID:
    """The stream of a place's calendar year."""
    return uuid5(NATURAL_KEYS, f"calendar/{region}/{year}")


@dataclass(frozen=True, slots=True)
class Ground:
    """What decisions in one county stand on: its policy and its calendar."""

    policy: Policy
    calendar: WorkingCalendar


class InForce:
    """Everything adopted at one moment: the ground of each county, worked out once, and the region register."""

    def __init__(
        self,
        adoptions: Iterable[Adoption],
        editions: Iterable[CalendarEdition],
        regions: Iterable[Region],
    ) -> None:
        self.regions = RegionRegister(regions)
        self._policy = Policy(adoptions)
        self._editions = tuple(editions)
        self._grounds: dict[tuple[str, ...], Ground] = {}
        self._paths: dict[tuple[str, date], tuple[str, ...]] = {}

    def ground(self, region: str, on: date) -> Ground:
        """The ground of the county a region lies in on a day; raises `UnknownRegion`, `RegionAbolished`."""
        path = self.path(region, on)[:3]
        ground = self._grounds.get(path)
        if ground is None:
            calendar = WorkingCalendar.of(self._editions, path)
            ground = self._grounds[path] = Ground(self._policy.of(path), calendar)
        return ground

    def path(self, region: str, on: date) -> tuple[str, ...]:
        """The codes from the province down to a region on a day; raises as `ground`."""
        path = self._paths.get((region, on))
        if path is None:
            if len(self._paths) > PATHS_KEPT:
                self._paths.clear()
            path = self._paths[region, on] = self.regions.path(region, on)
        return path


class Reference:
    """What is in force now, for as long as a process runs: `renew` puts what was adopted since in its place.

    Whoever asks twice may be answered from before and after; one context is of one moment. Safe between threads.
    """

    def __init__(
        self,
        adoptions: Iterable[Adoption],
        editions: Iterable[CalendarEdition],
        regions: Iterable[Region],
    ) -> None:
        self._in_force = InForce(adoptions, editions, regions)

    def renew(self, newer: Reference) -> None:
        """From now on answer what `newer` answers."""
        self._in_force = newer._in_force

    @property
    def regions(self) -> RegionRegister:
        """The region register as it is now; not to be kept."""
        return self._in_force.regions

    def ground(self, region: str, on: date) -> Ground:
        """The ground of the county a region lies in on a day; raises `UnknownRegion`, `RegionAbolished`."""
        return self._in_force.ground(region, on)

    def context(
        self,
        region: str,
        on: date,
        actor: Actor,
        command: UUID,
        persons: Mapping[str, PersonId] | None = None,
        recalled: Recalled | None = None,
        versions: Mapping[HouseholdId, int] | None = None,
    ) -> Context:
        """The context of one command about a household in a region on a day."""
        now = self._in_force
        ground = now.ground(region, on)
        path = now.path(region, on)
        return Context(
            ground.policy,
            ground.calendar,
            now.regions,
            actor,
            command,
            path,
            persons or {},
            recalled=recalled,
            versions=versions or {},
        )


@dataclass(frozen=True, slots=True)
class Shipped:
    """What comes with the program: packs, calendar editions, region rows."""

    packs: tuple[Pack, ...]
    editions: tuple[CalendarEdition, ...]
    regions: tuple[Region, ...]


def shipped(root: Traversable) -> Shipped:
    """Read the `policy/` folder; raises `PackRefused` or `RegisterRefused` with file, line and reason."""
    return Shipped(
        tuple(read_packs(root)),
        tuple(read_calendars(root)),
        tuple(read_regions(root.joinpath("regions.csv"))),
    )


def publish(connection: Connection[Any], bodies: Shipped) -> None:
    """Store the bodies beside those already there; a body is never changed, a region row's newest text wins.

    `connection` belongs to the owner of the schema; one transaction.
    """
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE hulian_owner")
        cursor.executemany(
            "INSERT INTO ref_pack (hash, region, body) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [(pack.hash, pack.region, _text(pack.to_json())) for pack in bodies.packs],
        )
        cursor.executemany(
            "INSERT INTO ref_calendar (edition, region, year, body) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            [(e.id, e.region, e.year, _text(e.to_json())) for e in bodies.editions],
        )
        cursor.executemany(
            "INSERT INTO ref_region (code, since, body) VALUES (%s, %s, %s)"
            " ON CONFLICT (code, since) DO UPDATE SET body = excluded.body"
            " WHERE ref_region.body <> excluded.body",
            [(row.code, row.since, _text(row.to_json())) for row in bodies.regions],
        )


def stored_packs(connection: Connection[Any]) -> dict[str, Pack]:
    """The packs published in the store, by hash, their hashes worked out anew."""
    rows = connection.execute("SELECT body FROM ref_pack").fetchall()
    return {pack.hash: pack for (body,) in rows for pack in [pack_of(json.loads(body))]}


def stored_editions(connection: Connection[Any]) -> dict[str, CalendarEdition]:
    """The calendar editions published in the store, by id."""
    rows = connection.execute("SELECT body FROM ref_calendar").fetchall()
    return {e.id: e for (body,) in rows for e in [CalendarEdition.from_json(json.loads(body))]}


def stored_regions(connection: Connection[Any]) -> list[Region]:
    """The region register published in the store."""
    return [
        Region.from_json(json.loads(body)) for (body,) in connection.execute("SELECT body FROM ref_region")
    ]


def _text(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
