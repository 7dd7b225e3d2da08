"""Whole lives by the million, straight into the event tables: copied as text, never decoded."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import psycopg

from eventstore.events.digest import digest
from eventstore.events.envelope import Meta
from eventstore.events.tokens import pack
from eventstore.lanes import LANES
from projections.engine.columns import TYPES, copy_body
from tests.projections.lives import Told
from tests.scenario import HOUSEHOLD

EVENT: Final = (
    *("smallint", "bigint", "uuid", "integer", "uuid", "text", "date", "timestamp with time zone"),
    *("bytea",) * 4,
)
"""The columns of `es_event`, in order."""
STREAM: Final = ("smallint", "uuid", "text", "integer", "smallint", "timestamp with time zone")
AT_ONCE: Final = 20_000
"""About how many rows are packed into one COPY."""

_UUID: Final = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_META: Final = msgspec.json.Encoder().encode
_MORNING: Final = timedelta(hours=1)


def pour(
    store: str,
    events: int,
    lives: Sequence[Sequence[Told]],
    lanes: Sequence[int] = range(LANES),
    seed: int = 1,
) -> int:
    """Write the share of these lanes in at least so many events of lives by turns; how many were written.

    Each lane's events lie in the order of their days, households mixed. Like `tests.projections.lives.fill`, without
    command rows, claims or index entries; sealed values carry tokens that open to nothing.
    """
    length = sum(map(len, lives)) / len(lives)
    households = int(events / length) + 1
    templates = [_Template(life) for life in lives]
    written = 0
    with psycopg.connect(store) as connection:
        heads: dict[int, int] = dict(connection.execute("SELECT lane, position FROM es_lane").fetchall())
        rows: list[tuple[Any, ...]] = []
        streams: list[tuple[Any, ...]] = []
        for lane in lanes:
            chance = random.Random(f"{seed}/{lane}")
            mixed: list[tuple[Any, ...]] = []
            for n in range(lane, households, LANES):
                template = templates[n // LANES % len(templates)]
                mixed += template.rows(lane, chance)
                last = mixed[-1]
                streams.append((lane, last[0], "household", last[1], 0, last[5]))
            mixed.sort(key=lambda row: row[4])
            rows += [(lane, position, *row) for position, row in enumerate(mixed, heads[lane] + 1)]
            heads[lane] += len(mixed)
            written += len(mixed)
            if len(rows) >= AT_ONCE:
                _copy(connection, "es_event", EVENT, rows)
        _copy(connection, "es_event", EVENT, rows)
        _copy(connection, "es_stream", STREAM, streams)
        connection.execute(
            "UPDATE es_lane l SET position = u.position FROM unnest(%s::smallint[], %s::bigint[]) u (lane, position)"
            " WHERE l.lane = u.lane",
            [list(lanes), [heads[lane] for lane in lanes]],
        )
    return written


@dataclass(frozen=True, slots=True)
class _Piece:
    """An event's text between the ids in it, and which ids these are."""

    told: Told
    texts: list[bytes]
    ids: list[int]
    metas: dict[str, bytes]


class _Template:
    """A life ready to be copied under other ids, in other villages."""

    def __init__(self, life: Sequence[Told]) -> None:
        known = {str(HOUSEHOLD).encode(): 0}
        self._pieces = []
        for one in life:
            ids = [known.setdefault(found, len(known)) for found in _UUID.findall(one.data)]
            self._pieces.append(_Piece(one, _UUID.split(one.data), ids, {}))
        self._ids = len(known)
        self._region = f"{life[0].meta.region}"
        self._days = [datetime(one.on.year, one.on.month, one.on.day, tzinfo=UTC) + _MORNING for one in life]

    def rows(self, lane: int, chance: random.Random) -> Iterator[tuple[Any, ...]]:
        """The rows of one household in a lane, without lane and position."""
        household = chance.randbytes(15) + bytes([lane])
        ids = [_text(household), *(_text(chance.randbytes(16)) for _ in range(self._ids - 1))]
        village = f"{self._region[:9]}{chance.randrange(1, 400):03d}"
        for version, (piece, day) in enumerate(zip(self._pieces, self._days, strict=True), 1):
            data = piece.texts[0] + b"".join(
                [ids[id] + text for id, text in zip(piece.ids, piece.texts[1:], strict=True)]
            )
            one = piece.told
            if version == 1:
                data = data.replace(self._region.encode(), village.encode())
            meta = piece.metas.get(village)
            if meta is None:
                told: Meta = msgspec.structs.replace(one.meta, region=village)
                meta = piece.metas[village] = _META(told)
            private = pack([b"\1" + bytes(16) + chance.randbytes(16)] * one.tokens) if one.tokens else None
            id = chance.randbytes(16)
            proof = digest(1, id, household, version, one.name, one.on, meta, data, private)
            yield household, version, id, one.name, one.on, day, meta, data, private, proof


def _text(raw: bytes) -> bytes:
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}".encode()


def _copy(
    connection: psycopg.Connection[Any], table: str, kinds: Sequence[str], rows: list[tuple[Any, ...]]
) -> None:
    """Send rows and forget them."""
    if not rows:
        return
    columns = list(zip(*rows, strict=True))
    packed = [
        # an id is bytes here, and a uuid's binary form is that of sixteen bytes
        TYPES["bytea" if kind == "uuid" else kind].pack(column)
        for kind, column in zip(kinds, columns, strict=True)
    ]
    with connection.cursor().copy(f"COPY {table} FROM STDIN (FORMAT binary)".encode()) as copy:
        copy.write(copy_body(packed))
    rows.clear()
