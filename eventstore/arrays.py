"""PostgreSQL arrays in their binary form, packed in one pass: what bulk parameters are sent as."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from datetime import date
from typing import ClassVar

from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format
from psycopg.types.string import ByteaBinaryLoader

_HEAD = struct.Struct(">iiIii")
_NULL = b"\xff\xff\xff\xff"
_UUID_HEAD = b"\x00\x00\x00\x10"
_PG_EPOCH = date(2000, 1, 1).toordinal()
_DAY = struct.Struct(">ii")
_LONG = struct.Struct(">iq")
_SHORT = struct.Struct(">ih")


class Packed(bytes):
    """A packed array; each subclass says of what."""

    oid: ClassVar[int]


class _Uuids(Packed):
    oid = 2951


class _Texts(Packed):
    oid = 1009


class _Dates(Packed):
    oid = 1182


class _Byteas(Packed):
    oid = 1001


class _Shorts(Packed):
    oid = 1005


class _Ints(Packed):
    oid = 1007


class _Longs(Packed):
    oid = 1016


class _Bools(Packed):
    oid = 1000


class _Uuid(Packed):
    oid = 2950


def _packed(
    kind: type[Packed], element: int, parts: Sequence[bytes], count: int, nulls: bool = False
) -> Packed:
    return kind(_HEAD.pack(1, nulls, element, count, 1) + b"".join(parts))


def uuids(values: Sequence[bytes]) -> Packed:
    """A uuid[] of 16-byte ids."""
    return _packed(_Uuids, 2950, [_UUID_HEAD + value for value in values], len(values))


def uuid(value: bytes) -> Packed:
    """One uuid, from its 16 bytes."""
    return _Uuid(value)


def texts(values: Sequence[str | None]) -> Packed:
    """A text[], in which None is NULL."""
    return _lengths(_Texts, 25, [None if value is None else value.encode() for value in values])


def byteas(values: Sequence[bytes | None]) -> Packed:
    """A bytea[], in which None is NULL."""
    return _lengths(_Byteas, 17, values)


def dates(values: Sequence[date | None]) -> Packed:
    """A date[], in which None is NULL."""
    parts = [_NULL if day is None else _DAY.pack(4, day.toordinal() - _PG_EPOCH) for day in values]
    return _packed(_Dates, 1082, parts, len(values), nulls=None in values)


def shorts(values: Sequence[int]) -> Packed:
    """A smallint[]."""
    return _packed(_Shorts, 21, [_SHORT.pack(2, value) for value in values], len(values))


def ints(values: Sequence[int]) -> Packed:
    """An integer[]."""
    return _packed(_Ints, 23, [_DAY.pack(4, value) for value in values], len(values))


def longs(values: Sequence[int]) -> Packed:
    """A bigint[]."""
    return _packed(_Longs, 20, [_LONG.pack(8, value) for value in values], len(values))


def bools(values: Iterable[bool]) -> Packed:
    """A boolean[]."""
    parts = [b"\x00\x00\x00\x01\x01" if value else b"\x00\x00\x00\x01\x00" for value in values]
    return _packed(_Bools, 16, parts, len(parts))


def _lengths(kind: type[Packed], element: int, values: Sequence[bytes | None]) -> Packed:
    parts = [_NULL if value is None else len(value).to_bytes(4, "big") + value for value in values]
    return _packed(kind, element, parts, len(values), nulls=None in values)


class _PackedDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Packed) -> Buffer:
        return obj


def register(context: AdaptContext) -> None:
    """Teach a connection to send packed arrays, and to hand ids and instants over as their raw bytes."""
    for kind in (_Uuids, _Texts, _Dates, _Byteas, _Shorts, _Ints, _Longs, _Bools, _Uuid):
        dumper = type(f"{kind.__name__}Dumper", (_PackedDumper,), {"oid": kind.oid})
        context.adapters.register_dumper(kind, dumper)
    context.adapters.register_loader("uuid", ByteaBinaryLoader)
    context.adapters.register_loader("timestamptz", ByteaBinaryLoader)
