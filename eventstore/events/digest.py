"""Digests (事件摘要): what the sealer's trees are built of, over everything an event says, and how it is sealed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import lru_cache
from hashlib import sha256
from typing import Protocol
from uuid import UUID

from cryptography.hazmat.primitives import hashes

SHA256 = 1
SM3 = 2


def _sm3(content: bytes) -> bytes:
    context = hashes.Hash(hashes.SM3())
    context.update(content)
    return context.finalize()


_HASHES: dict[int, Callable[[bytes], bytes]] = {SHA256: lambda content: sha256(content).digest(), SM3: _sm3}
_MANY: dict[int, Callable[[Iterable[bytes]], list[bytes]]] = {
    SHA256: lambda contents: [hashed.digest() for hashed in map(sha256, contents)],
    SM3: lambda contents: [*map(_sm3, contents)],
}
_NO_TOKENS = bytes(4)


_HEADS: dict[int, bytes] = {
    algorithm: b"\x00\x00\x00\x01" + algorithm.to_bytes(1, "big") + b"\x00\x00\x00\x10"
    for algorithm in _HASHES
}


@lru_cache(maxsize=1024)
def _named(name: str) -> bytes:
    return _field(name.encode())


@lru_cache(maxsize=4096)
def _dated(day: date | None) -> bytes:
    return _field(b"" if day is None else day.isoformat().encode())


def _field(content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + content


class Digested(Protocol):
    """A stored row whose digest can be computed again."""

    @property
    def event_id(self) -> UUID: ...
    @property
    def originator_id(self) -> UUID: ...
    @property
    def originator_version(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def effective_on(self) -> date | None: ...
    @property
    def meta_bytes(self) -> bytes: ...
    @property
    def data(self) -> bytes: ...
    @property
    def private(self) -> bytes | None: ...
    @property
    def digest(self) -> bytes: ...


def digest(
    algorithm: int,
    event_id: bytes,
    stream: bytes,
    version: int,
    name: str,
    effective_on: date | None,
    meta: bytes,
    data: bytes,
    private: bytes | None,
) -> bytes:
    """32 bytes over the event's fields, each with its length in four bytes before it.

    Position and time of recording are left out: the sealer's leaf adds them. Ids are their 16 bytes, the
    version eight bytes big-endian signed, the day ISO, no day or no tokens a field of length 0.
    """
    entered = entry(name, effective_on, meta)
    (content,) = _contents(algorithm, [event_id], [stream], [version], [entered], [data], [private])
    return _HASHES[algorithm](content)


def digests(
    algorithm: int,
    event_ids: Sequence[bytes],
    streams: Sequence[bytes],
    versions: Sequence[int],
    entries: Sequence[bytes],
    datas: Sequence[bytes],
    privates: Sequence[bytes | None],
) -> list[bytes]:
    """`digest` of many events, column by column; what `entry` makes may be the same for many."""
    return _MANY[algorithm](_contents(algorithm, event_ids, streams, versions, entries, datas, privates))


def entry(name: str, effective_on: date | None, meta: bytes) -> bytes:
    """The part of what is digested that tells what was entered and by whom."""
    return b"".join((_named(name), _dated(effective_on), len(meta).to_bytes(4, "big"), meta))


def _contents(
    algorithm: int,
    event_ids: Sequence[bytes],
    streams: Sequence[bytes],
    versions: Sequence[int],
    entries: Sequence[bytes],
    datas: Sequence[bytes],
    privates: Sequence[bytes | None],
) -> list[bytes]:
    head = _HEADS[algorithm]
    return [
        b"".join(
            (
                head,
                event_id,
                b"\x00\x00\x00\x10",
                stream,
                b"\x00\x00\x00\x08",
                version.to_bytes(8, "big", signed=True),
                entered,
                len(data).to_bytes(4, "big"),
                data,
                _field(private) if private else _NO_TOKENS,
            )
        )
        for event_id, stream, version, entered, data, private in zip(
            event_ids, streams, versions, entries, datas, privates, strict=True
        )
    ]


def verify(row: Digested) -> bool:
    """Whether the row still says what was digested when it was written, under any algorithm known."""
    return any(
        digest(
            algorithm,
            row.event_id.bytes,
            row.originator_id.bytes,
            row.originator_version,
            row.name,
            row.effective_on,
            row.meta_bytes,
            row.data,
            row.private,
        )
        == row.digest
        for algorithm in _HASHES
    )
