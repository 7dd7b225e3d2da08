"""Lanes (通道): 256 for ever, chosen by the low byte of the id."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha1
from uuid import UUID, SafeUUID

LANES = 256
"""How many lanes a store has, for its whole life."""


def lane_of(stream: UUID) -> int:
    """The lane of a stream, or of a claim's key: the low byte of its UUID, 0 to 255."""
    return stream.int & 0xFF


def event_id(command: UUID, ordinal: int) -> UUID:
    """The id of a command's event number `ordinal`, counted from 0: the same for every retry."""
    return next(event_ids(command, ordinal, 1))


def event_ids(command: UUID, first: int, count: int) -> Iterator[UUID]:
    """The ids of so many of a command's events, from ordinal `first` on: UUIDv5 of command and `event/<ordinal>`."""
    for ordinal in range(first, first + count):
        yield _of_int(int.from_bytes(event_id_bytes(command, ordinal), "big"))


def event_id_bytes(command: UUID, ordinal: int) -> bytes:
    """The 16 bytes of `event_id`."""
    hashed = sha1(b"%bevent/%d" % (command.int.to_bytes(16, "big"), ordinal), usedforsecurity=False)
    # as `uuid.uuid5`, which spends most of its time on asking what it was given
    return (int.from_bytes(hashed.digest()[:16], "big") & _PLAIN | _VERSION_5).to_bytes(16, "big")


_PLAIN = ~(0xF000 << 64 | 0xC000 << 48)
_VERSION_5 = 5 << 76 | 0x8000 << 48
_set_int = UUID.int.__set__  # type: ignore[attr-defined,misc]
_set_safe = UUID.is_safe.__set__  # type: ignore[attr-defined,misc]


def _of_int(bits: int) -> UUID:
    made = object.__new__(UUID)
    _set_int(made, bits)
    _set_safe(made, SafeUUID.unknown)
    return made
