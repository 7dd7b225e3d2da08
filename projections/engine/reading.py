"""What a page reads (读取): checkpoints claimed lane by lane, and the lanes' events decoded once for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from psycopg import Cursor
from psycopg.types.string import ByteaBinaryLoader

from eventstore.events.codec import Codec
from eventstore.events.envelope import Meta
from projections.engine.columns import BIGINT, SMALLINT
from projections.engine.fact import fact_of
from projections.engine.projection import Home

CATEGORY: Final = "household."
"""How the stored names of the streams begin that projections are made of."""

_CLAIM: Final = """
SELECT c.lane, c.projection, c.live, c.position, l.position
FROM read_checkpoint c JOIN es_lane l USING (lane)
WHERE (c.projection, c.version) IN (SELECT * FROM unnest(%b::text[], %b::integer[]))
  AND c.position < l.position
  AND (c.failed_at IS NULL OR c.failed_at < clock_timestamp() - %b::interval)
ORDER BY (c.lane - %b::integer + 256) %% 256, c.projection
LIMIT %b FOR UPDATE OF c SKIP LOCKED
"""
_EVENTS: Final = """
SELECT e.lane, e.position, e.stream_id, e.version, e.name, e.recorded_at, e.meta, e.data, e.private
FROM unnest(%b::smallint[], %b::bigint[], %b::bigint[]) AS w (lane, after, upto)
CROSS JOIN LATERAL (
    SELECT * FROM es_event e
    WHERE e.lane = w.lane AND e.position > w.after AND e.position <= w.upto ORDER BY e.position) AS e
"""
PAGE, LONG_PAGE = 5_000, 16_000
"""How many events a page has at most, and under a backlog."""
_FEWEST: Final = 4
"""Among so many lanes at least a page is shared out, where each has that much."""
_STREAM: Final = """
SELECT e.lane, e.position, e.stream_id, e.version, e.name, e.recorded_at, e.meta, e.data, e.private
FROM es_event e
WHERE e.lane = %b AND e.stream_id = %b AND e.position >= %b AND e.position <= %b ORDER BY e.version
"""
_meta = msgspec.json.Decoder(Meta).decode
_INSTANT_ZERO = datetime(2000, 1, 1, tzinfo=UTC)


class EventsMissing(Exception):
    """A lane has fewer events than its head says: positions are not dense, the store is damaged."""


@dataclass(slots=True)
class Claimed:
    """A lane claimed for this transaction: the projections that are behind its head, and where each stands."""

    head: int
    positions: dict[str, int] = field(default_factory=dict)
    live: dict[str, bool] = field(default_factory=dict)

    @property
    def foremost(self) -> int | None:
        """Where the foremost of the live projections that are behind stands; None when there is none."""
        return max((self.positions[name] for name, live in self.live.items() if live), default=None)


@dataclass(frozen=True, slots=True)
class Span:
    """What is read of a lane: positions above `after` up to `upto`."""

    after: int
    upto: int


@dataclass(slots=True)
class Unreadable:
    """A household with an event that cannot be decoded: its first such position, and the last one left out."""

    lane: int
    position: int
    last: int
    error: Exception


@dataclass(slots=True)
class Batch:
    """What was read: the facts by household, and the households left out from an event on, by id."""

    homes: list[Home]
    spans: dict[int, Span]
    unreadable: dict[UUID, Unreadable]
    events: int


def claim(
    cursor: Cursor[Any], versions: Mapping[str, int], *, first: int, lanes: int, patience: timedelta
) -> dict[int, Claimed]:
    """Lock the checkpoints of lanes with something new, from lane `first` round; others' locks are passed by.

    Projections that failed in a lane are left out of it for `patience`.
    """
    parameters = (list(versions), list(versions.values()), patience, first, lanes * len(versions))
    cursor.execute(_CLAIM, parameters, prepare=True)
    claimed: dict[int, Claimed] = {}
    for lane, projection, live, position, head in cursor.fetchall():
        at = claimed.get(lane)
        if at is None:
            at = claimed[lane] = Claimed(head)
        at.positions[projection] = position
        at.live[projection] = live
    return claimed


def length_of(claimed: Mapping[int, Claimed]) -> int:
    """How many events to read at once: more where many wait, when whoever waits for the last waits anyway."""
    waiting = sum(at.head - min(at.positions.values()) for at in claimed.values())
    return LONG_PAGE if waiting >= LONG_PAGE else PAGE


def spans_of(claimed: Mapping[int, Claimed], limit: int, *, foremost: bool) -> dict[int, Span]:
    """What to read of each lane, at most `limit` events in all; few lanes, and of each as much as there is.

    What lies together folds together: a household's rows are loaded and written once for all its events of a page.
    Where the projections of a lane stand apart, the hindmost and the foremost that are live are served in turn,
    so that one that is being built, or failed for long, does not hold up the others.
    """
    starts = {lane: min(at.positions.values()) for lane, at in claimed.items()}
    if foremost:
        live = {lane: at.foremost for lane, at in claimed.items() if at.foremost is not None}
        starts = live or starts
    spans: dict[int, Span] = {}
    left, waiting = limit, len(starts)
    # the lanes with least to read come first: what they leave goes to the others
    for lane, after in sorted(starts.items(), key=lambda each: claimed[each[0]].head - each[1]):
        upto = min(claimed[lane].head, after + max(left // waiting, min(left, limit // _FEWEST), 1))
        spans[lane] = Span(after, upto)
        left -= upto - after
        waiting -= 1
        if left <= 0:
            break
    return dict(sorted(spans.items()))


def read(cursor: Cursor[Any], spans: dict[int, Span], codec: Codec) -> Batch:
    """Read and decode the events of these spans in one statement; those that are no household's are left out.

    From an event that cannot be decoded on, its household's are left out. Raises `EventsMissing`.
    """
    cursor.adapters.register_loader("uuid", ByteaBinaryLoader)
    cursor.adapters.register_loader("timestamptz", ByteaBinaryLoader)
    parameters = (
        SMALLINT.array(list(spans)),
        BIGINT.array([span.after for span in spans.values()]),
        BIGINT.array([span.upto for span in spans.values()]),
    )
    cursor.execute(_EVENTS, parameters, prepare=True, binary=True)
    rows = cursor.fetchall()
    if len(rows) != sum(span.upto - span.after for span in spans.values()):
        raise EventsMissing(f"{len(rows)} events in {spans}")
    return _batch(rows, spans, codec)


def read_stream(
    cursor: Cursor[Any], lane: int, household: UUID, first: int, last: int, codec: Codec
) -> Batch:
    """Read and decode one household's events between two positions, both included."""
    cursor.adapters.register_loader("uuid", ByteaBinaryLoader)
    cursor.adapters.register_loader("timestamptz", ByteaBinaryLoader)
    cursor.execute(_STREAM, (lane, household, first, last), binary=True)
    return _batch(cursor.fetchall(), {lane: Span(first - 1, last)}, codec)


def _batch(rows: Sequence[tuple[Any, ...]], spans: dict[int, Span], codec: Codec) -> Batch:
    homes: dict[bytes, Home] = {}
    unreadable: dict[UUID, Unreadable] = {}
    instants: dict[bytes, datetime] = {}
    # an officer enters many facts a day
    metas: dict[bytes, Meta] = {}
    decode = codec.decode
    for lane, position, stream, version, name, recorded, meta, data, private in rows:
        if not name.startswith(CATEGORY):
            continue
        home = homes.get(stream)
        if home is None:
            home = homes[stream] = Home(lane, UUID(bytes=stream))
        household = home.household
        if unreadable and household in unreadable:
            unreadable[household].last = position
            continue
        try:
            event = decode(name, data, private)
            entered = metas.get(meta)
            if entered is None:
                entered = metas[meta] = _meta(meta)
        except Exception as error:
            unreadable[household] = Unreadable(lane, position, position, error)
            continue
        recorded_at = instants.get(recorded)
        if recorded_at is None:
            microseconds = int.from_bytes(recorded, "big", signed=True)
            recorded_at = instants[recorded] = _INSTANT_ZERO + timedelta(microseconds=microseconds)
        home.facts.append(fact_of(lane, position, household, version, name, recorded_at, entered, event))
        home.kinds.add(type(event))
        if version == 1:
            home.begins = True
    return Batch([home for home in homes.values() if home.facts], spans, unreadable, len(rows))


def of_projection(
    batch: Batch, claimed: Mapping[int, Claimed], projection: str
) -> tuple[list[Home], dict[int, int]]:
    """The facts new to a projection, by household, and the position each of its lanes then stands at.

    Lanes that it has not been claimed in, or where it stands before or beyond what was read, are left out.
    """
    reached: dict[int, int] = {}
    uneven: dict[int, int] = {}
    for lane, span in batch.spans.items():
        position = claimed[lane].positions.get(projection)
        if position is None or not span.after <= position < span.upto:
            uneven[lane] = span.upto
        else:
            reached[lane] = span.upto
            if position != span.after:
                uneven[lane] = position
    if not uneven:
        return batch.homes, reached
    new = (home.since(uneven[home.lane]) if home.lane in uneven else home for home in batch.homes)
    return [home for home in new if home is not None], reached
