"""The projector (投影): one page of events into all read models, rows and checkpoints in one transaction."""

from __future__ import annotations

import gc
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import psycopg
import structlog
from psycopg import Connection, Cursor
from psycopg.types.datetime import TimestamptzBinaryLoader
from psycopg.types.uuid import UUIDBinaryLoader
from psycopg_pool import ConnectionPool

from eventstore.codec import Codec
from eventstore.lanes import LANES
from projections.engine import models, reading
from projections.engine.columns import BIGINT, INTEGER, SMALLINT, TEXT, Packed, PackedDumper
from projections.engine.plans import Plan, plan_of, schema_of
from projections.engine.projection import Fact, Projection
from projections.engine.reading import Batch, Claimed

# Rows and checkpoint are lost together if the server falls: nothing is acknowledged, so nothing need wait for
# the disk. The planner must not take a growing table for the empty one it was when the statement was prepared.
_MANNER: Final = """
SET LOCAL synchronous_commit = off; SET LOCAL jit = off;
SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off
"""
_SAVE: Final = """
UPDATE read_checkpoint c
SET position = u.position, error = u.error, error_position = u.error_position,
    failed_at = CASE WHEN u.error IS NOT NULL THEN clock_timestamp() END
FROM unnest(%b::smallint[], %b::text[], %b::integer[], %b::bigint[], %b::text[], %b::bigint[])
     AS u (lane, projection, version, position, error, error_position)
WHERE c.lane = u.lane AND c.projection = u.projection AND c.version = u.version
"""
_log = structlog.stdlib.get_logger(__name__)


class CheckpointLost(Exception):
    """A checkpoint that was locked is not there to be written: somebody else deleted it."""


@dataclass(slots=True)
class PageResult:
    """One page: how many events were read from how many lanes, how many facts each projection took in, and
    which projections failed."""

    events: int = 0
    lanes: int = 0
    applied: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Checkpoint:
    lane: int
    projection: str
    position: int
    error: str | None = None
    error_position: int | None = None


class _HandlerFailed(Exception):
    def __init__(self, fact: Fact, error: Exception) -> None:
        super().__init__(str(error))
        self.fact = fact
        self.error = error


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
        with pool.connection() as connection:
            models.prepare(connection, projections)
            self._building = models.building(connection, projections)
            for projection in projections:
                self._plan(connection, projection, live=projection not in self._building)

    @property
    def building(self) -> bool:
        """Whether some projection is still being built beside its old version, as far as is known here."""
        return bool(self._building)

    def page(self, max_events: int = 5_000) -> PageResult:
        """Take in up to `max_events` new events, in a constant number of statements; nothing new is 0 events.

        A projection that fails keeps its rows and its place, and is marked; the others go on.
        """
        with self._pool.connection() as connection, _undisturbed(), connection.transaction():
            return self._page(connection, max_events)

    def switch(self) -> list[str]:
        """Put every projection that was built beside its old version in its place, if it has caught up."""
        switched = []
        with self._pool.connection() as connection:
            every = list(self._projections.values())
            for projection in models.building(connection, every):
                if models.switch(connection, projection):
                    _log.info("projection switched", projection=projection.name, version=projection.version)
                    switched.append(projection.name)
            self._building = models.building(connection, every)
        return switched

    def _page(self, connection: Connection[Any], max_events: int) -> PageResult:
        cursor = _cursor(connection)
        claimed = reading.claim(
            cursor, self._versions, first=self._next_lane, lanes=self._lanes, patience=self._patience
        )
        if not claimed:
            return PageResult()
        self._next_lane = (list(claimed)[-1] + 1) % LANES
        self._foremost = not self._foremost
        connection.execute(_MANNER)
        spans = reading.spans_of(claimed, max_events, foremost=self._foremost)
        batch = reading.read(_cursor(connection), spans, self._codec)
        result = PageResult(batch.events, len(spans))
        saved: list[_Checkpoint] = []
        for name, projection in self._projections.items():
            reached = self._project(connection, cursor, projection, batch, claimed, result)
            saved += _stopped(reached, batch, claimed, name)
        self._save(cursor, saved)
        return result

    def _project(
        self,
        connection: Connection[Any],
        cursor: Cursor[Any],
        projection: type[Projection],
        batch: Batch,
        claimed: Mapping[int, Claimed],
        result: PageResult,
    ) -> list[_Checkpoint]:
        name = projection.name
        facts, reached = reading.of_projection(batch, claimed, name)
        if not reached:
            return []
        if projection.wants is not None:
            facts = [fact for fact in facts if type(fact.event) in projection.wants]
        saved = {lane: _Checkpoint(lane, name, position) for lane, position in reached.items()}
        while facts:
            plan = self._plan(connection, projection, live=claimed[facts[0].lane].live[name])
            try:
                with connection.transaction():
                    _take_in(cursor, plan, facts)
                result.applied[name] = len(facts)
                break
            except _HandlerFailed as failed:
                fact, error = failed.fact, _told(failed.error)
                _log.error(
                    "projection failed", projection=name, lane=fact.lane, position=fact.position, fact=fact.name,
                    household=str(fact.household), error=error, exc_info=failed.error,
                )  # fmt: skip
                result.failed[name] = error
                # here a single poison event will be parked with its household's later ones, once that is
                # built; until then its lane waits, and the other lanes are taken in without it
                stood = claimed[fact.lane].positions[name]
                saved[fact.lane] = _Checkpoint(fact.lane, name, stood, error, fact.position)
                facts = [each for each in facts if each.lane != fact.lane]
            except psycopg.Error as refused:
                if connection.broken:
                    raise
                error = _told(refused)
                _log.error("projection failed", projection=name, error=error, exc_info=refused)
                result.failed[name] = error
                for lane in reached:
                    saved[lane] = _Checkpoint(lane, name, claimed[lane].positions[name], error)
                break
        return list(saved.values())

    def _plan(self, connection: Connection[Any], projection: type[Projection], *, live: bool) -> Plan:
        schema = schema_of(projection, live=live)
        plan = self._plans.get(schema)
        if plan is None:
            plan = self._plans[schema] = plan_of(connection, projection, schema)
        return plan

    def _save(self, cursor: Cursor[Any], saved: Sequence[_Checkpoint]) -> None:
        parameters = (
            SMALLINT.array([each.lane for each in saved]),
            TEXT.array([each.projection for each in saved]),
            INTEGER.array([self._versions[each.projection] for each in saved]),
            BIGINT.array([each.position for each in saved]),
            TEXT.array([each.error for each in saved]),
            BIGINT.array([each.error_position for each in saved]),
        )
        cursor.execute(_SAVE, parameters, prepare=True)
        if cursor.rowcount != len(saved):
            raise CheckpointLost(f"{len(saved) - cursor.rowcount} of {len(saved)}")


def _take_in(cursor: Cursor[Any], plan: Plan, facts: Sequence[Fact]) -> None:
    """Load the old rows, let the handlers change them, write what changed."""
    model = plan.projection()
    rows = model.rows()
    plan.load(cursor, facts, rows)
    on, fact = model.on, facts[0]
    try:
        for fact in facts:
            on(fact)
    except Exception as error:
        raise _HandlerFailed(fact, error) from error
    plan.write(cursor, rows)


def _stopped(
    reached: Sequence[_Checkpoint], batch: Batch, claimed: Mapping[int, Claimed], name: str
) -> list[_Checkpoint]:
    """The checkpoints of a projection, marked where the next event of the lane cannot be decoded."""
    if not batch.unreadable:
        return list(reached)
    by_lane = {each.lane: each for each in reached}
    for lane, (position, error) in batch.unreadable.items():
        stands = by_lane[lane].position if lane in by_lane else claimed[lane].positions.get(name)
        if stands == position - 1:
            _log.error(
                "event cannot be read", projection=name, lane=lane, position=position, error=_told(error)
            )
            by_lane[lane] = _Checkpoint(lane, name, stands, _told(error), position)
    return list(by_lane.values())


def _cursor(connection: Connection[Any]) -> Cursor[Any]:
    # whatever the pool's connections do with ids and instants: rows hold them as Python's own
    cursor = connection.cursor(binary=True)
    cursor.adapters.register_loader("uuid", UUIDBinaryLoader)
    cursor.adapters.register_loader("timestamptz", TimestamptzBinaryLoader)
    cursor.adapters.register_dumper(Packed, PackedDumper)
    return cursor


@contextmanager
def _undisturbed() -> Iterator[None]:
    """No garbage collection meanwhile: a page makes many objects and no cycles, and lets go of all at its end."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _told(error: Exception) -> str:
    # of what the database says only the first line: the rest may show rows
    text = error.diag.message_primary if isinstance(error, psycopg.Error) else str(error)
    return f"{type(error).__name__}: {text}"[:1_000]
