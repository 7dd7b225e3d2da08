"""The projector (投影): one page of events into all read models, rows and checkpoints in one transaction."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from time import monotonic
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import psycopg
import structlog
from psycopg import Connection, Cursor
from psycopg_pool import ConnectionPool

from eventstore.events.codec import Codec
from eventstore.garbage_collection import uncollected
from eventstore.lanes import LANES
from projections.engine import completing, models, reading
from projections.engine import dead_letters as parking
from projections.engine import fold as taking
from projections.engine.columns import BIGINT, INTEGER, SMALLINT, TEXT
from projections.engine.dead_letters import Parked, Poison
from projections.engine.plans import Plan, plan_of, schema_of
from projections.engine.projection import Home, Projection
from projections.engine.reading import Batch, Claimed
from projections.engine.sending import Outbox, Write

# Rows and checkpoint are lost together if the server falls: nothing is acknowledged, so nothing need wait for
# the disk. The planner must not take a growing table for the empty one it was when the statement was prepared.
_MANNER: Final = """
SET LOCAL synchronous_commit = off; SET LOCAL jit = off;
SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off
"""
_SAVE: Final = """
UPDATE read_checkpoint c
SET position = u.position, error = u.error, error_position = u.error_position,
    failed_at = CASE WHEN u.error IS NOT NULL THEN %b::timestamptz END
FROM unnest(%b::smallint[], %b::text[], %b::integer[], %b::bigint[], %b::text[], %b::bigint[])
     AS u (lane, projection, version, position, error, error_position)
WHERE c.lane = u.lane AND c.projection = u.projection AND c.version = u.version
"""
_NOW: Final = "SELECT clock_timestamp()"
_STANDS: Final = """
SELECT position, live FROM read_checkpoint WHERE lane = %b AND projection = %b AND version = %b FOR UPDATE
"""
_LONG: Final = 1_000
"""From so many events on a page is long enough that writing goes on beside folding; below, that statements are
prepared counts for more."""
_NOBODY: Final[Mapping[UUID, int]] = MappingProxyType({})
_log = structlog.stdlib.get_logger(__name__)


class CheckpointLost(Exception):
    """A checkpoint that was locked is not there to be written: somebody else deleted it."""


@dataclass(slots=True)
class PageResult:
    """One page: how many events were read from how many lanes, how many facts each projection took in, how many
    households it parked, and which projections failed."""

    events: int = 0
    lanes: int = 0
    applied: dict[str, int] = field(default_factory=dict)
    parked: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Checkpoint:
    lane: int
    projection: str
    position: int
    error: str | None = None
    error_position: int | None = None


class _Ill(Exception):
    """Not a household but the projection or the database is at fault."""

    def __init__(self, why: Poison | str) -> None:
        self._poison = why if isinstance(why, Poison) else None
        self.error = why.error if isinstance(why, Poison) else why
        super().__init__(self.error)

    def at(self, lane: int) -> int | None:
        """The position it failed at, in the lane where it did."""
        return self._poison.position if self._poison and self._poison.lane == lane else None


class Projector:
    """Takes pages of events into read models; any number may work on one store at once.

    Owning a lane for a projection is holding its checkpoint row's lock: a worker that dies loses and repeats
    nothing. `pool` connects as `hulian_app`.
    """

    def __init__(
        self,
        pool: ConnectionPool[Connection[Any]],
        codec: Codec,
        projections: Sequence[type[Projection]],
        *,
        lanes: int = 64,
        patience: timedelta = timedelta(seconds=30),
    ) -> None:
        """Makes the tables of projections that are new. Raises `ProjectionEdited` and `TableMismatch`.

        At most `lanes` lanes are claimed a page, so that other workers find some too; a projection that failed
        in a lane is tried there again after `patience`.
        """
        self._pool = pool
        self._codec = codec
        self._projections = {projection.name: projection for projection in projections}
        self._versions = {projection.name: projection.version for projection in projections}
        self._lanes = lanes
        self._patience = patience
        self._next_lane = random.randrange(LANES)
        self._foremost = True
        self._plans: dict[str, Plan] = {}
        self._not_before: dict[str, float] = {}
        """When a projection that could not be completed is tried again."""
        with pool.connection() as connection:
            self._building = models.settled(connection, lambda: self._open(connection, projections))

    def _open(
        self, connection: Connection[Any], projections: Sequence[type[Projection]]
    ) -> list[type[Projection]]:
        models.prepare(connection, projections)
        building = models.building(connection, projections)
        with connection.transaction():
            for projection in projections:
                self._plan(connection, projection, live=projection not in building)
        return building

    @property
    def building(self) -> bool:
        """Whether some projection is still being built beside its old version, as far as is known here."""
        return bool(self._building)

    def page(self, max_events: int | None = None) -> PageResult:
        """Take in up to `max_events` new events, in a constant number of statements; nothing new is 0 events.

        When it is not said how many, 5,000; 16,000 where so many wait: the longer a page, the less an event costs.
        A household that a projection cannot take in is parked there; a projection that is ill as a whole keeps
        its rows and its place, and is marked. The others go on.
        """
        first = self._next_lane
        self._foremost = not self._foremost
        with self._pool.connection() as connection, uncollected():
            try:
                with connection.transaction():
                    return self._page(connection, max_events, self._versions, first, swiftly=True)
            except taking.Amiss as amiss:
                _log.warning("page taken again with care", error=str(amiss))
            with connection.transaction():
                return self._page(connection, max_events, self._versions, first)

    def switch(self) -> list[str]:
        """Put every projection that was built beside its old version in its place, if it has caught up.

        One that cannot be completed is marked, and tried again after `patience`; the others go on.
        """
        switched = []
        with self._pool.connection() as connection:
            every = list(self._projections.values())
            for projection in models.building(connection, every):
                alone = {projection.name: projection.version}

                def catch_up(alone: dict[str, int] = alone) -> int:
                    return self._page(connection, models.CAUGHT_UP, alone, self._next_lane).events

                name = projection.name
                if monotonic() < self._not_before.get(name, 0.0):
                    continue
                try:
                    done = models.switch(connection, projection, catch_up)
                except psycopg.IntegrityError as refused:
                    error = taking.told(refused)
                    _log.error("projection cannot be completed", projection=name, error=error)
                    self._not_before[name] = monotonic() + self._patience.total_seconds()
                    completing.mark(connection, projection, error)
                    continue
                if done:
                    _log.info("projection switched", projection=name, version=projection.version)
                    switched.append(name)
            self._building = models.building(connection, every)
        return switched

    def _page(
        self,
        connection: Connection[Any],
        max_events: int | None,
        versions: Mapping[str, int],
        first: int,
        *,
        swiftly: bool = False,
    ) -> PageResult:
        cursor = taking.cursor_of(connection)
        claimed = reading.claim(cursor, versions, first=first, lanes=self._lanes, patience=self._patience)
        if not claimed:
            return PageResult()
        self._next_lane = (list(claimed)[-1] + 1) % LANES
        connection.execute(_MANNER)
        limit = max_events or reading.length_of(claimed)
        spans = reading.spans_of(claimed, limit, foremost=self._foremost)
        batch = reading.read(taking.cursor_of(connection), spans, self._codec)
        waiting = parking.parked_in(cursor, spans, self._versions)
        result = PageResult(batch.events, len(spans))
        if swiftly and not batch.unreadable:
            self._project_all(connection, batch, claimed, waiting, result)
            return result
        saved: list[_Checkpoint] = []
        for name, projection in self._projections.items():
            saved += self._project(
                connection, cursor, projection, batch, claimed, waiting.get(name, _NOBODY), result
            )
        self._save(cursor, saved)
        _check(cursor, saved)
        return result

    def _project_all(
        self,
        connection: Connection[Any],
        batch: Batch,
        claimed: Mapping[int, Claimed],
        waiting: Mapping[str, Mapping[UUID, int]],
        result: PageResult,
    ) -> None:
        """Take a page into all projections, nothing of it going amiss: without savepoints, and without waiting.

        Old rows are asked for all at once, and what one projection writes is on its way while the next is being
        folded. Raises `taking.Amiss` when a household, a projection or the database is at fault, whichever: then the
        page has to be taken again.
        """
        cursor = taking.cursor_of(connection)
        saved: list[_Checkpoint] = []
        asked: list[taking.Asked] = []
        copied: list[Write] = []
        is_long = batch.events >= _LONG
        try:
            with connection.pipeline():
                for name, projection in self._projections.items():
                    new, reached = reading.of_projection(batch, claimed, name)
                    if not reached:
                        continue
                    homes = taking.wanted(projection, new, waiting.get(name, _NOBODY))
                    saved += [_Checkpoint(lane, name, position) for lane, position in reached.items()]
                    result.applied[name] = sum(len(home.facts) for home in homes)
                    live = claimed[next(iter(reached))].live[name]
                    asked.append(taking.ask(connection, self._plan(connection, projection, live=live), homes))
                if is_long:
                    for each in asked:
                        each.fetch()
                else:
                    sending = taking.sending(connection)
                    for each in asked:
                        each.fetch()
                        copied += taking.send(sending, each.folded())
            with Outbox(connection) as outbox:
                outbox.put(copied)
                # what writes most comes first: the server is at it while the others are folded; each page of rows
                # is let go of as soon as it is packed
                left = sorted(asked, key=taking.writes_little)[::-1] if is_long else []
                asked.clear()
                while left:
                    outbox.put(left.pop().folded(outbox.push))
            self._save(cursor, saved)
        except psycopg.Error as refused:
            if connection.broken:
                raise
            raise taking.Amiss(taking.told(refused)) from refused
        _check(cursor, saved)

    def _project(
        self,
        connection: Connection[Any],
        cursor: Cursor[Any],
        projection: type[Projection],
        batch: Batch,
        claimed: Mapping[int, Claimed],
        waiting: Mapping[UUID, int],
        result: PageResult,
    ) -> list[_Checkpoint]:
        name, version = projection.name, projection.version
        new, reached = reading.of_projection(batch, claimed, name)
        if not reached:
            return []
        homes = taking.wanted(projection, new, waiting)
        stood = {lane: claimed[lane].positions[name] for lane in reached}
        live = claimed[next(iter(reached))].live[name]
        poisons = _unreadable(batch, stood, waiting)
        try:
            self._absorb(connection, cursor, projection, homes, poisons, live=live)
            if poisons and len(poisons) > parking.room_of(cursor, name, version):
                raise _Ill(poisons[-1])
        except _Ill as ill:
            result.failed[name] = ill.error
            return [_Checkpoint(lane, name, at, ill.error, ill.at(lane)) for lane, at in stood.items()]
        result.applied[name] = sum(len(home.facts) for home in homes)
        parking.park(cursor, name, version, poisons)
        self._alarm(name, poisons, result)
        return [_Checkpoint(lane, name, position) for lane, position in reached.items()]

    def _absorb(
        self,
        connection: Connection[Any],
        cursor: Cursor[Any],
        projection: type[Projection],
        homes: Sequence[Home],
        poisons: list[Poison],
        *,
        live: bool,
    ) -> None:
        """Take facts in, all but those of households that cannot be; these are added to `poisons`.

        Households never depend on one another: what one's handler refuses or the database will not have is
        found, and the others are taken in without it. Raises `_Ill` when it is not the households' fault.
        """
        if not homes:
            return
        if len(poisons) > parking.LIMIT:
            raise _Ill(poisons[-1])
        plan = self._plan(connection, projection, live=live)
        found: dict[UUID, Poison] = {}
        try:
            with connection.transaction():
                found = taking.take_in(cursor, plan, homes)
        except (psycopg.DataError, psycopg.IntegrityError) as refused:
            if len(homes) == 1:
                first = homes[0].facts[0]
                poisons.append(Poison(first.lane, first.household, first.position, taking.told(refused)))
                return
            half = len(homes) // 2
            for part in (homes[:half], homes[half:]):
                self._absorb(connection, cursor, projection, part, poisons, live=live)
            return
        except psycopg.Error as refused:
            if connection.broken:
                raise
            _log.error(
                "projection failed", projection=projection.name, error=taking.told(refused), exc_info=refused
            )
            raise _Ill(taking.told(refused)) from refused
        if found:
            poisons += found.values()
            waiting = {household: poison.position for household, poison in found.items()}
            self._absorb(connection, cursor, projection, taking.without(homes, waiting), poisons, live=live)

    def retry(self, parked: Parked) -> bool:
        """Try a parked household again, from where it waits to where its projection stands in the lane.

        True when it waits no longer. What fails again waits on, from where it failed.
        """
        projection = self._projections[parked.projection]
        name, version, lane = projection.name, projection.version, parked.lane
        with self._pool.connection() as connection, connection.transaction():
            cursor = taking.cursor_of(connection)
            cursor.execute(_STANDS, (lane, name, version))
            at = cursor.fetchone()
            waited = parking.take(cursor, lane, name, version, parked.household)
            if at is None or waited is None:
                return True
            position, attempts = waited
            batch = reading.read_stream(
                taking.cursor_of(connection), lane, parked.household, position, at[0], self._codec
            )
            poisons = _unreadable(batch, {lane: position - 1}, {})
            try:
                homes = taking.wanted(projection, batch.homes, _NOBODY)
                self._absorb(connection, cursor, projection, homes, poisons, live=at[1])
            except _Ill as ill:
                poisons = [Poison(lane, parked.household, position, ill.error)]
            # the first that fails is where it waits from
            first = sorted(poisons, key=lambda each: each.position)[:1]
            parking.park(cursor, name, version, [replace(each, attempts=attempts + 1) for each in first])
        return not first

    def _alarm(self, name: str, poisons: Sequence[Poison], result: PageResult) -> None:
        if poisons:
            result.parked[name] = len(poisons)
        for each in poisons:
            _log.error(
                "household parked", projection=name, lane=each.lane, position=each.position,
                household=str(each.household), error=each.error,
            )  # fmt: skip

    def _plan(self, connection: Connection[Any], projection: type[Projection], *, live: bool) -> Plan:
        schema = schema_of(projection, live=live)
        plan = self._plans.get(schema)
        if plan is None:
            plan = self._plans[schema] = plan_of(connection, projection, schema)
        return plan

    def _save(self, cursor: Cursor[Any], saved: Sequence[_Checkpoint]) -> None:
        now = None
        if any(each.error is not None for each in saved):
            (now,) = cursor.execute(_NOW).fetchone() or (None,)
        parameters = (
            now,
            SMALLINT.array([each.lane for each in saved]),
            TEXT.array([each.projection for each in saved]),
            INTEGER.array([self._versions[each.projection] for each in saved]),
            BIGINT.array([each.position for each in saved]),
            TEXT.array([each.error for each in saved]),
            BIGINT.array([each.error_position for each in saved]),
        )
        cursor.execute(_SAVE, parameters, prepare=True)


def _check(cursor: Cursor[Any], saved: Sequence[_Checkpoint]) -> None:
    """Whether the statement just made wrote all these checkpoints."""
    if cursor.rowcount != len(saved):
        raise CheckpointLost(f"{len(saved) - cursor.rowcount} of {len(saved)}")


def _unreadable(batch: Batch, stood: Mapping[int, int], waiting: Mapping[UUID, int]) -> list[Poison]:
    """The households a projection that stood at these positions misses because they cannot be decoded."""
    return [
        Poison(bad.lane, household, max(bad.position, stood[bad.lane] + 1), taking.told(bad.error))
        for household, bad in batch.unreadable.items()
        if bad.lane in stood and household not in waiting and bad.last > stood[bad.lane]
    ]
