"""Lives (人生): realistic chains of many households, seeded, as envelopes ready to append, by the thousand.

The stories of the fact sheet are decided once; every other household is a copy of one of them under ids,
places and days of its own. Sealed values carry tokens that open to nothing.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import groupby
from typing import Any
from uuid import UUID

import msgspec
import psycopg

from domain.catalogue import EVENTS, UPCASTERS
from domain.household.event import Event
from domain.household.replay import replayed
from domain.household.state import Household
from domain.values.person import HouseholdId
from eventstore.events.codec import Codec
from eventstore.events.digest import digest
from eventstore.events.envelope import Envelope, Meta
from eventstore.events.tokens import pack
from eventstore.lanes import lane_of
from projections.engine.columns import TYPES, copy_body
from tests import stories
from tests.scenario import HOUSEHOLD, Life

STORIES = (stories.yu_exited, stories.ling_marginal)
_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_META = msgspec.json.Encoder().encode
_MORNING = timedelta(hours=1)
_ANYBODY = Meta("w1", "990301100/township", "990301100201")
_KINDS = (
    *("smallint", "bigint", "uuid", "integer", "uuid", "text", "date", "timestamp with time zone"),
    *("bytea",) * 4,
)


@dataclass(frozen=True, slots=True)
class Told:
    """One event of a told life: its stored form, and by whom it was entered."""

    name: str
    on: date
    data: bytes
    tokens: int
    meta: Meta


def codec() -> Codec:
    """The codec of the whole catalogue."""
    return Codec(EVENTS, UPCASTERS)


@cache
def _told() -> tuple[tuple[Told, ...], ...]:
    return tuple(told(story()) for story in STORIES)


def told(life: Life) -> tuple[Told, ...]:
    """A decided life in stored form."""
    written = codec()
    found = []
    for event in life.events:
        encoded = written.encode(event)
        organ = f"{life.region[:6]}/civil-affairs"
        meta = Meta("c1", organ, life.region, legal_basis=event.basis or None)
        found.append(Told(encoded.name, event.on, encoded.data, len(encoded.privates), meta))
    return tuple(found)


def lives(
    count: int, seed: int = 1, templates: Sequence[Sequence[Told]] | None = None
) -> Iterator[list[Envelope]]:
    """The events of `count` households, one list a household, versions from 1; the same for the same seed."""
    chance = random.Random(seed)
    read = codec()
    for n in range(count):
        life = (templates or _told())[n % len(templates or _told())]
        new: dict[bytes, bytes] = {}

        def fresh(found: re.Match[bytes], new: dict[bytes, bytes] = new) -> bytes:
            return new.setdefault(found[0], str(UUID(int=chance.getrandbits(128), version=5)).encode())

        household = UUID(int=chance.getrandbits(128), version=5)
        new[str(HOUSEHOLD).encode()] = str(household).encode()
        village = f"{life[0].meta.region}"[:9] + f"{chance.randrange(1, 400):03d}"
        envelopes = []
        for version, one in enumerate(life, start=1):
            data = _UUID.sub(fresh, one.data)
            if version == 1:
                data = data.replace(f"{one.meta.region}".encode(), village.encode())
            private = pack([b"\1" + bytes(16) + chance.randbytes(16)] * one.tokens) if one.tokens else None
            event = read.decode(one.name, data, private)
            meta = msgspec.structs.replace(one.meta, region=village)
            envelopes.append(
                Envelope(household, version, event, UUID(int=chance.getrandbits(128), version=5), meta)
            )
        yield envelopes


def enclosed(chains: Mapping[HouseholdId, Sequence[Event]], chance: random.Random) -> list[list[Envelope]]:
    """Chains that know of one another, as lives: ids are new and yet the same in all, sealed values are tokens."""
    written = codec()
    new: dict[bytes, bytes] = {}

    def fresh(found: re.Match[bytes]) -> bytes:
        return new.setdefault(found[0], str(UUID(int=chance.getrandbits(128), version=5)).encode())

    found = []
    for id, events in chains.items():
        household = UUID(_UUID.sub(fresh, str(id).encode()).decode())
        envelopes = []
        for version, event in enumerate(events, start=1):
            encoded = written.encode(event)
            tokens = [b"\1" + bytes(16) + chance.randbytes(16) for _ in encoded.privates]
            read = written.decode(
                encoded.name, _UUID.sub(fresh, encoded.data), pack(tokens) if tokens else None
            )
            envelopes.append(
                Envelope(household, version, read, UUID(int=chance.getrandbits(128), version=5), _ANYBODY)
            )
        found.append(envelopes)
    return found


def many(events: int, seed: int = 1) -> Iterator[list[Envelope]]:
    """Lives enough for at least so many events."""
    length = sum(map(len, _told())) / len(STORIES)
    return lives(int(events / length) + 1, seed)


def folded(envelopes: Iterable[Envelope]) -> Household:
    """The household state these events fold to."""
    given = list(envelopes)
    return replayed(HouseholdId(given[0].originator_id), [envelope.event for envelope in given])


def fill(store: str, given: Iterable[Sequence[Envelope]], *, by_day: bool = True) -> int:
    """Write whole new lives straight into the event tables, as the superuser; answers how many events.

    `by_day`: a lane's events lie in the order of their days, households mixed, as years of work leave them (the
    days of a life must not go back); otherwise household after household, as an import does.
    For tests and benchmarks of readers only: no command rows, claims or index entries.
    """
    written = codec()
    every = [envelope for life in given for envelope in life]
    if by_day:
        every.sort(key=lambda each: each.event.on)
    every.sort(key=lambda each: lane_of(each.originator_id))
    with psycopg.connect(store) as connection:
        heads: dict[int, int] = dict(connection.execute("SELECT lane, position FROM es_lane").fetchall())
        rows: list[tuple[Any, ...]] = []
        for lane, envelopes in groupby(every, key=lambda each: lane_of(each.originator_id)):
            for envelope in envelopes:
                heads[lane] += 1
                rows.append((lane, heads[lane], *_row(written, envelope)))
        columns = list(zip(*rows, strict=True))
        packed = [TYPES[kind].pack(column) for kind, column in zip(_KINDS, columns, strict=True)]
        with connection.cursor().copy("COPY es_event FROM STDIN (FORMAT binary)") as copy:
            copy.write(copy_body(packed))
        connection.execute(
            "INSERT INTO es_stream (lane, stream_id, category, version, last_recorded_at)"
            " SELECT lane, stream_id, 'household', max(version), max(recorded_at) FROM es_event"
            " WHERE stream_id = ANY(%s) GROUP BY lane, stream_id",
            [list({envelope.originator_id for envelope in every})],
        )
        connection.execute(
            "UPDATE es_lane l SET position = u.position FROM unnest(%s::smallint[], %s::bigint[]) u (lane, position)"
            " WHERE l.lane = u.lane",
            [list(heads), list(heads.values())],
        )
    return len(every)


def _row(written: Codec, envelope: Envelope) -> tuple[Any, ...]:
    encoded = written.encode(envelope.event)
    tokens = [private.token or b"" for private in encoded.privates]
    private = pack(tokens) if tokens else None
    meta = _META(envelope.meta)
    stream, name, on = envelope.originator_id, encoded.name, envelope.event.on
    recorded = datetime(on.year, on.month, on.day, tzinfo=UTC) + _MORNING
    proof = digest(
        1,
        envelope.event_id.bytes,
        stream.bytes,
        envelope.originator_version,
        name,
        on,
        meta,
        encoded.data,
        private,
    )
    return (
        stream,
        envelope.originator_version,
        envelope.event_id,
        name,
        on,
        recorded,
        meta,
        encoded.data,
        private,
        proof,
    )


def event_kinds(given: Iterable[Envelope]) -> set[type[Event]]:
    """Which kinds of events occur."""
    return {type(envelope.event) for envelope in given}
