"""PostgreSQL's binary forms of what the store sends: a value to its bytes, a list of them to an array's."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

_Value = TypeVar("_Value")

_HEAD = struct.Struct(">iiIii")
_NULL = b"\xff\xff\xff\xff"
_UUID_LENGTH = b"\x00\x00\x00\x10"
_HASH_LENGTH = b"\x00\x00\x00\x20"
_SHORT = struct.Struct(">h")
_INT = struct.Struct(">i")
_LONG = struct.Struct(">q")
_SHORT_ELEMENT = struct.Struct(">ih")
_INT_ELEMENT = struct.Struct(">ii")
_LONG_ELEMENT = struct.Struct(">iq")
_FIRST_DAY = date(2000, 1, 1).toordinal()
_FIRST_INSTANT = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

short = _SHORT.pack
"""A smallint."""
integer = _INT.pack
"""An integer."""
long = _LONG.pack
"""A bigint."""


def boolean(value: bool) -> bytes:
    """A boolean."""
    return b"\x01" if value else b"\x00"


def day(value: date) -> bytes:
    """A date."""
    return _INT.pack(value.toordinal() - _FIRST_DAY)


def timestamp(value: datetime | None) -> bytes | None:
    """A timestamptz; the instant must be aware."""
    return None if value is None else _LONG.pack((value - _FIRST_INSTANT) // _MICROSECOND)


def instant(raw: bytes) -> datetime:
    """The instant, in UTC, of a timestamptz's bytes."""
    return _FIRST_INSTANT + timedelta(microseconds=_LONG.unpack(raw)[0])


SMALLINT, INTEGER, TEXT, BYTEA, DATE, UUID = 21, 23, 25, 17, 1082, 2950
"""PostgreSQL's numbers of the types that `only` is asked for."""
_ONLY = {element: _HEAD.pack(1, 0, element, 1, 1) for element in (SMALLINT, INTEGER, TEXT, BYTEA, DATE, UUID)}


def only(element: int, content: bytes | None) -> bytes:
    """An array of one element in its binary form, None for NULL."""
    if content is None:
        return _HEAD.pack(1, 1, element, 1, 1) + _NULL
    return _ONLY[element] + len(content).to_bytes(4, "big") + content


def uuids(values: Sequence[bytes]) -> bytes:
    """A uuid[] of 16-byte ids."""
    return _alike(2950, _UUID_LENGTH, values)


def texts(values: Iterable[str | None]) -> bytes:
    """A text[], in which None is NULL."""
    return _few(25, _text, values)


def byteas(values: Sequence[bytes | None]) -> bytes:
    """A bytea[], in which None is NULL."""
    parts = [_NULL if value is None else len(value).to_bytes(4, "big") + value for value in values]
    return _array(17, parts, nulls=None in values)


def hashes(values: Sequence[bytes]) -> bytes:
    """A bytea[] of values of 32 bytes."""
    return _alike(17, _HASH_LENGTH, values)


def dates(values: Sequence[date | None]) -> bytes:
    """A date[], in which None is NULL."""
    return _few(1082, _date, values)


def shorts(values: Iterable[int]) -> bytes:
    """A smallint[]."""
    return _few(21, _short, values)


def integers(values: Iterable[int]) -> bytes:
    """An integer[]."""
    return _few(23, _integer, values)


def longs(values: Iterable[int]) -> bytes:
    """A bigint[]."""
    return _array(20, [_LONG_ELEMENT.pack(8, value) for value in values])


def booleans(values: Iterable[bool]) -> bytes:
    """A boolean[]."""
    return _few(16, _boolean, values)


def _text(value: str | None) -> bytes:
    if value is None:
        return _NULL
    content = value.encode()
    return len(content).to_bytes(4, "big") + content


def _date(value: date | None) -> bytes:
    return _NULL if value is None else _INT_ELEMENT.pack(4, value.toordinal() - _FIRST_DAY)


def _short(value: int) -> bytes:
    return _SHORT_ELEMENT.pack(2, value)


def _integer(value: int) -> bytes:
    return _INT_ELEMENT.pack(4, value)


def _boolean(value: bool) -> bytes:
    return b"\x00\x00\x00\x01\x01" if value else b"\x00\x00\x00\x01\x00"


def _few(element: int, packed: Callable[[_Value], bytes], values: Iterable[_Value]) -> bytes:
    # Many of one column are the same: each different one is packed once.
    given = [*values]
    made = {value: packed(value) for value in {*given}}
    return _array(element, [made[value] for value in given], nulls=None in made)


def _alike(element: int, length: bytes, values: Sequence[bytes]) -> bytes:
    return _HEAD.pack(1, 0, element, len(values), 1) + (length + length.join(values) if values else b"")


def _array(element: int, parts: list[bytes], nulls: bool = False) -> bytes:
    return _HEAD.pack(1, nulls, element, len(parts), 1) + b"".join(parts)
