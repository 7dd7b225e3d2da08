"""Events by the ten thousand with true digests, written past the functions as the superuser; quick."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from eventstore.events.digest import digest
from eventstore.events.tokens import pack

TYPES = [
    *("int2", "int8", "uuid", "int4", "uuid", "text", "date", "timestamptz"),
    *("bytea", "bytea", "bytea", "bytea"),
]
BEGINNING = datetime(2026, 1, 5, 1, tzinfo=UTC)
META = b'{"actor":"w1","organ":"990101/township","region":"990101001","command":"Try"}'


def fill(
    store: str,
    events: int,
    seed: int = 1,
    algorithm: int = 1,
    *,
    streams: int | None = None,
    lane: int | None = None,
) -> None:
    """Write so many events of new streams, 25 each, in a mixed order, heads and stream rows with them.

    Other streams for another `seed`; all in one `lane` when it is given.
    """
    chance = random.Random(seed)
    ids = [UUID(int=chance.getrandbits(128), version=4) for _ in range(streams or max(1, events // 25))]
    if lane is not None:
        ids = [UUID(int=id.int >> 8 << 8 | lane) for id in ids]
    versions = dict.fromkeys(ids, 0)
    with psycopg.connect(store) as connection:
        heads: dict[int, int] = dict(connection.execute("SELECT lane, position FROM es_lane").fetchall())
        last: dict[UUID, datetime] = {}
        with (
            connection.cursor() as cursor,
            cursor.copy("COPY es_event FROM STDIN (FORMAT binary)") as copy,
        ):
            copy.set_types(TYPES)
            for n in range(events):
                stream = ids[n % len(ids)] if n < len(ids) else chance.choice(ids)
                at_lane = stream.int & 0xFF
                versions[stream] += 1
                heads[at_lane] += 1
                last[stream] = at = BEGINNING + timedelta(seconds=n, microseconds=seed)
                row = event(chance, stream, versions[stream], at, algorithm)
                copy.write_row((at_lane, heads[at_lane], *row))
        connection.cursor().executemany(
            "INSERT INTO es_stream (lane, stream_id, category, version, last_recorded_at)"
            " VALUES (%s, %s, 'household', %s, %s)",
            [(each.int & 0xFF, each, versions[each], last[each]) for each in ids],
        )
        connection.execute(
            "UPDATE es_lane l SET position = u.position FROM unnest(%s::smallint[], %s::bigint[]) u (lane, position)"
            " WHERE l.lane = u.lane",
            [list(heads), list(heads.values())],
        )


def event(
    chance: random.Random, stream: UUID, version: int, at: datetime, algorithm: int = 1
) -> tuple[Any, ...]:
    """The columns of an event after its position, its digest a true one."""
    id = UUID(int=chance.getrandbits(128), version=4)
    fen = chance.randrange(100_000)
    data = (
        f'{{"on":"2026-03-05","month":"2026-03","fen":{fen},"colour":"red","parts":[],"by":"{id}"}}'.encode()
    )
    private = pack([b"\1" + chance.randbytes(44)]) if version % 5 == 1 else None
    return signed(
        (stream, version, id, "sample.paid.1", date(2026, 3, 5), at, META, data, private), algorithm
    )


def signed(row: tuple[Any, ...], algorithm: int = 1) -> tuple[Any, ...]:
    """Columns from the stream to the sealed values, with their digest behind."""
    stream, version, id, name, on, _, meta, data, private = row
    return (*row, digest(algorithm, id.bytes, stream.bytes, version, name, on, meta, data, private))
