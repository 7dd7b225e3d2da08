"""Columns in PostgreSQL's binary form: packed a column at a time, for bulk parameters and COPY alike."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import chain, repeat
from typing import Any

from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

_NULL = b"\xff\xff\xff\xff"
_ARRAY = struct.Struct(">iiIii")
_SHORT = struct.Struct(">ih")
_INT = struct.Struct(">ii")
_LONG = struct.Struct(">iq")
_TRUE, _FALSE = b"\x00\x00\x00\x01\x01", b"\x00\x00\x00\x01\x00"
_UUID = b"\x00\x00\x00\x10"
_DAY_ZERO = date(2000, 1, 1).toordinal()
_INSTANT_ZERO = datetime(2000, 1, 1, tzinfo=UTC)
_COPY_HEAD = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_COPY_TAIL = b"\xff\xff"

_KNOWN = 10_000
"""So many different values are kept packed from one page to the next."""

Pack = Callable[[Sequence[Any]], list[bytes]]


class Packed(bytes):
    """An array in binary form; its statement says of what, as `%b::uuid[]`."""


class PackedDumper(Dumper):
    """Sends a `Packed` as it is."""

    format = Format.BINARY
    oid = 0

    def dump(self, obj: Packed) -> Buffer:
        return obj


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A column's type by its SQL name, its oid, and how values get their binary form, length first.

    Texts with a `collation` are ordered by it, others by that of the database.
    """

    name: str
    oid: int
    pack: Pack
    collation: str | None = None

    def array(self, values: Sequence[Any]) -> Packed:
        """The values as one array parameter; None is NULL."""
        return self.array_of(self.pack(values))

    def array_of(self, parts: Sequence[bytes]) -> Packed:
        """An array of values that are packed already."""
        return Packed(_ARRAY.pack(1, 1, self.oid, len(parts), 1) + b"".join(parts))


def copy_body(columns: Sequence[Sequence[bytes]]) -> bytes:
    """The whole input of a binary COPY, from packed columns of equal length."""
    count = len(columns).to_bytes(2, "big")
    rows = chain.from_iterable(zip(repeat(count), *columns, strict=False))
    return b"".join((_COPY_HEAD, *rows, _COPY_TAIL))


class _Known(dict[Any, bytes]):
    """Packed forms of a column's values: most columns hold few different ones."""

    __slots__ = ("_pack",)

    def __init__(self, pack: Callable[[Any], bytes]) -> None:
        self._pack = pack
        self[None] = _NULL

    def __missing__(self, value: Any) -> bytes:
        part = self[value] = self._pack(value)
        return part


def _of_few(pack: Callable[[Any], bytes]) -> Pack:
    known = _Known(pack)

    def packed(values: Sequence[Any]) -> list[bytes]:
        if len(known) > _KNOWN:
            known.clear()
            known[None] = _NULL
        return list(map(known.__getitem__, values))

    return packed


def _short(value: int) -> bytes:
    return _SHORT.pack(2, value)


def _int(value: int) -> bytes:
    return _INT.pack(4, value)


def _date(value: date) -> bytes:
    return _INT.pack(4, value.toordinal() - _DAY_ZERO)


def _instant(value: datetime) -> bytes:
    since = value - _INSTANT_ZERO
    return _LONG.pack(8, (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


def _text(value: str) -> bytes:
    text = value.encode()
    return len(text).to_bytes(4, "big") + text


def _texts(values: Sequence[str | None]) -> list[bytes]:
    sample = values[:: len(values) // 50 + 1]
    if len(set(sample)) * 2 <= len(sample):
        return list(map(_Known(_text).__getitem__, values))
    # what is kept as JSON is another in each row
    texts = [None if value is None else value.encode() for value in values]
    return [_NULL if text is None else len(text).to_bytes(4, "big") + text for text in texts]


def _longs(values: Sequence[int | None]) -> list[bytes]:
    pack = _LONG.pack
    return [_NULL if value is None else pack(8, value) for value in values]


def _bools(values: Sequence[bool | None]) -> list[bytes]:
    return [_NULL if value is None else _TRUE if value else _FALSE for value in values]


def _uuids(values: Sequence[Any]) -> list[bytes]:
    # rows come household by household, and hashing an id costs as much as packing it
    packed: list[bytes] = []
    last, part = None, _NULL
    for value in values:
        if value is not last:
            last = value
            part = _NULL if value is None else _UUID + value.int.to_bytes(16, "big")
        packed.append(part)
    return packed


def _byteas(values: Sequence[bytes | None]) -> list[bytes]:
    return [_NULL if value is None else len(value).to_bytes(4, "big") + value for value in values]


SMALLINT = ColumnType("smallint", 21, _of_few(_short))
INTEGER = ColumnType("integer", 23, _of_few(_int))
BIGINT = ColumnType("bigint", 20, _longs)
UUID = ColumnType("uuid", 2950, _uuids)
TEXT = ColumnType("text", 25, _texts)
CODE = ColumnType("text", 25, _texts, collation="C")

TYPES: dict[str, ColumnType] = {
    kind.name: kind
    for kind in (
        SMALLINT,
        INTEGER,
        BIGINT,
        ColumnType("boolean", 16, _bools),
        ColumnType("date", 1082, _of_few(_date)),
        ColumnType("timestamp with time zone", 1184, _of_few(_instant)),
        UUID,
        TEXT,
        ColumnType("bytea", 17, _byteas),
    )
}
"""What a projection's columns may be, by the name the catalogue gives."""
