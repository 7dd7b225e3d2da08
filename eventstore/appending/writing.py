"""From envelopes to the parameters of an append: encoded, sealed, digested, packed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from itertools import islice
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid5

import msgspec

from domain.values.private import Private
from eventstore.appending.append_types import (
    NO_CLAIMS,
    Appended,
    ClaimChanges,
    CommandKey,
    IndexEntry,
    IndexRelease,
    StreamAppend,
)
from eventstore.appending.index import IndexRow, index_rows
from eventstore.errors import BadCall, OwnerErased, VersionConflict
from eventstore.events.codec import Codec
from eventstore.events.digest import digest, digests, entry
from eventstore.events.envelope import Encoded, Envelope, Meta
from eventstore.events.tokens import pack
from eventstore.keys.keys import KeyRing
from eventstore.lanes import lane_of
from eventstore.postgres import binary
from eventstore.postgres.libpq_client import Parameter, Statement


def call(function: str, answer: str, types: str) -> Statement:
    """The statement that calls a function of the store with parameters of these types."""
    placeholders = ", ".join(f"${n}::{kind}" for n, kind in enumerate(types.split(), 1))
    return Statement(function, f"SELECT {answer} FROM {function}({placeholders})")


_ANSWER = "o_repeated, o_streams, o_versions, o_positions, o_recorded_at, o_result"
EVENT_TYPES: Final = "uuid[] text[] date[] bytea[] bytea[] bytea[] bytea[]"
APPEND: Final = call(
    "es_append",
    _ANSWER,
    f"smallint uuid bytea bytea uuid text integer integer smallint timestamptz {EVENT_TYPES}",
)
APPEND_ONE: Final = call(
    "es_append_one",
    "o_position, o_recorded_at",
    "smallint uuid bytea bytea uuid text integer smallint timestamptz uuid text date bytea bytea bytea bytea",
)
"""Nothing is answered when the command was carried out before: `ANSWER` tells."""
APPEND_MANY: Final = call(
    "es_append_many",
    _ANSWER,
    "smallint uuid bytea bytea timestamptz smallint[] uuid[] text[] integer[] integer[] smallint[] "
    f"{EVENT_TYPES} text[] uuid[] uuid[] date[] date[] boolean[] text[] smallint[] bytea[] uuid[] smallint[]",
)
ANSWER: Final = Statement(
    "es_answer",
    """
    SELECT true, a.o_streams, a.o_versions, a.o_positions, a.o_recorded_at, a.o_result, a.o_moved
    FROM es_command c
    CROSS JOIN LATERAL es_answer(c.lane, c.command_id, coalesce($1::bytea, c.request_hash), $2::uuid) a
    WHERE c.lane = $3::smallint AND c.command_id = $4::uuid
    """,
)

_meta = msgspec.json.Encoder().encode


def appended(row: Sequence[Any]) -> Appended:
    """The answer in a row of one of the statements above."""
    repeated, streams, versions, positions, recorded_at, result, *moved = row
    return Appended(
        tuple([UUID(bytes=stream) for stream in streams]),
        tuple(versions),
        tuple(positions),
        binary.instant(recorded_at),
        repeated,
        True,
        result,
        tuple([UUID(bytes=stream) for stream in moved[0]]) if moved and moved[0] else (),
    )


class PlainEvent(NamedTuple):
    """An event of the library's own aggregates, as it gives it: any bytes, any first version."""

    stream: UUID
    version: int
    name: str
    data: bytes


def plain_parameters(algorithm: int, events: Sequence[PlainEvent]) -> tuple[Parameter, ...]:
    """The parameters of `APPEND_MANY` for plain events: no command, no legal day, empty meta.

    Raises `VersionConflict` when a stream's versions do not follow one another.
    """
    streams: dict[UUID, list[PlainEvent]] = {}
    for event in events:
        before = streams.setdefault(event.stream, [])
        if before and event.version != before[-1].version + 1:
            raise VersionConflict(stream=event.stream, expected=event.version - 1, current=before[-1].version)
        before.append(event)
    ordered = [event for given in streams.values() for event in given]
    ids = [uuid5(event.stream, str(event.version)).bytes for event in ordered]
    digests = [
        digest(algorithm, name, event.stream.bytes, event.version, event.name, None, b"", event.data, None)
        for name, event in zip(ids, ordered, strict=True)
    ]
    empty = [None] * len(ordered)
    return (
        binary.short(lane_of(ordered[0].stream)),
        None,
        None,
        None,
        None,
        binary.shorts([lane_of(stream) for stream in streams]),
        binary.uuids([stream.bytes for stream in streams]),
        binary.texts(["library" for _ in streams]),
        binary.integers([given[0].version - 1 for given in streams.values()]),
        binary.integers([len(given) for given in streams.values()]),
        binary.shorts([0 for _ in streams]),
        binary.uuids(ids),
        binary.texts([event.name for event in ordered]),
        binary.dates(empty),
        binary.byteas([b"" for _ in ordered]),
        binary.byteas([event.data for event in ordered]),
        binary.byteas(empty),
        binary.byteas(digests),
        *_claim_columns(NO_CLAIMS),
        *_index_columns(()),
    )


def one(
    codec: Codec,
    keys: KeyRing,
    algorithm: int,
    command: CommandKey,
    stream: StreamAppend,
    at: datetime | None,
    stated_at: str | None,
    result: bytes | None,
) -> tuple[Parameter, ...]:
    """The parameters of `APPEND_ONE` for a stream's one event: most commands are that, so without any column.

    Encodes, seals and digests, and raises, as a `Batch`.
    """
    (envelope,) = stream.envelopes
    _must_follow(stream.stream, stream.expected + 1, envelope)
    event = envelope.encoded or codec.encode(envelope.event)
    meta = _meta(msgspec.structs.replace(envelope.meta, stated_at=stated_at) if stated_at else envelope.meta)
    private = pack(_sealed(keys, event.privates)) if event.privates else None
    id, key, on, version = envelope.id_bytes, stream.stream.bytes, envelope.event.on, stream.expected + 1
    return (
        binary.short(lane_of(stream.stream)),
        command.id.bytes,
        command.hash,
        result,
        key,
        stream.category.encode(),
        binary.integer(stream.expected),
        binary.short(stream.closes),
        binary.timestamp(at),
        id,
        event.name.encode(),
        binary.day(on),
        meta,
        event.data,
        private,
        digest(algorithm, id, key, version, event.name, on, meta, event.data, private),
    )


class Batch:
    """The streams of a call that have events, each once, and all their events' columns."""

    def __init__(
        self,
        codec: Codec,
        keys: KeyRing,
        algorithm: int,
        streams: Sequence[StreamAppend],
        stated_at: str | None,
    ) -> None:
        """Encodes, seals and digests. Raises what the codec and the key ring raise, and `VersionConflict`
        when a stream named twice does not go on from where the call left it."""
        self.streams = _merged(streams)
        self._keys = keys
        envelopes = [envelope for stream in self.streams for envelope in stream.envelopes]
        encoded = [envelope.encoded or codec.encode(envelope.event) for envelope in envelopes]
        # Most events of a call have these in common: made anew only when something changes.
        last_meta: Meta | None = None
        meta, name, day = b"", "", None
        entered: tuple[str, Any, bytes, bytes] = name, day, meta, b""
        entries: list[tuple[str, Any, bytes, bytes]] = []
        for envelope, event in zip(envelopes, encoded, strict=True):
            on = envelope.event.on
            if envelope.meta is not last_meta or event.name is not name or on != day:
                if envelope.meta is not last_meta:
                    last_meta = envelope.meta
                    stated = (
                        msgspec.structs.replace(last_meta, stated_at=stated_at) if stated_at else last_meta
                    )
                    meta = _meta(stated)
                name, day = event.name, on
                entered = name, day, meta, entry(name, day, meta)
            entries.append(entered)
        self._names = [entered[0] for entered in entries]
        self._days = [entered[1] for entered in entries]
        self._metas = [entered[2] for entered in entries]
        self._ids = [envelope.id_bytes for envelope in envelopes]
        self._datas = [event.data for event in encoded]
        self._privates = _private_columns(keys, encoded)
        self._stream_ids = [stream.stream.int.to_bytes(16, "big") for stream in self.streams]
        self._digests = digests(
            algorithm,
            self._ids,
            [id for id, s in zip(self._stream_ids, self.streams, strict=True) for _ in s.envelopes],
            [envelope.originator_version for envelope in envelopes],
            [entered[3] for entered in entries],
            self._datas,
            self._privates,
        )

    def single(
        self, command: CommandKey | None, at: datetime | None, result: bytes | None
    ) -> tuple[Parameter, ...]:
        """The parameters of `APPEND`."""
        (stream,) = self.streams
        key = stream.stream.bytes
        return (
            binary.short(lane_of(stream.stream)),
            *_command(command, result),
            key,
            stream.category.encode(),
            binary.integer(stream.expected),
            binary.integer(len(self._ids)),
            binary.short(stream.closes),
            binary.timestamp(at),
            *self.events(),
        )

    def many(
        self,
        command: CommandKey | None,
        at: datetime | None,
        result: bytes | None,
        claims: ClaimChanges,
        index: Sequence[IndexEntry | IndexRelease],
    ) -> tuple[Parameter, ...]:
        """The parameters of `APPEND_MANY`."""
        return (
            binary.short(lane_of(self.streams[0].stream)),
            *_command(command, result),
            binary.timestamp(at),
            binary.shorts([lane_of(stream.stream) for stream in self.streams]),
            *self.stream_columns(),
            *self.events(),
            *_claim_columns(claims),
            *_index_columns(index_rows(self._keys, index)),
        )

    def stream_columns(self) -> tuple[Parameter, ...]:
        """Ids, categories, expected versions, counts and states of the streams."""
        streams = self.streams
        return (
            binary.uuids(self._stream_ids),
            binary.texts([stream.category for stream in streams]),
            binary.integers([stream.expected for stream in streams]),
            binary.integers([len(stream.envelopes) for stream in streams]),
            binary.shorts([stream.closes for stream in streams]),
        )

    def events(self) -> tuple[Parameter, ...]:
        """The seven columns of all events, in the order of the streams."""
        return (
            binary.uuids(self._ids),
            binary.texts(self._names),
            binary.dates(self._days),
            binary.byteas(self._metas),
            binary.byteas(self._datas),
            binary.byteas(self._privates),
            binary.hashes(self._digests),
        )


def _must_follow(id: UUID, version: int, envelope: Envelope) -> None:
    theirs = envelope.originator_id
    if envelope.originator_version != version or (theirs is not id and theirs != id):
        raise BadCall(why=f"{envelope!r} 不属于流 {id} 的版本 {version}")


def _merged(streams: Sequence[StreamAppend]) -> list[StreamAppend]:
    merged: dict[int, StreamAppend] = {}
    for stream in streams:
        id, _, version, envelopes, _ = stream
        if not envelopes:
            continue
        for envelope in envelopes:
            version += 1
            if envelope.originator_version != version or envelope.originator_id is not id:
                _must_follow(id, version, envelope)
        before = merged.get(id.int)
        if before is None:
            merged[id.int] = stream
            continue
        reached = before.expected + len(before.envelopes)
        if stream.expected != reached or before.closes:
            raise VersionConflict(stream=id, expected=stream.expected, current=reached)
        merged[id.int] = before._replace(envelopes=[*before.envelopes, *envelopes], closes=stream.closes)
    return list(merged.values())


def _private_columns(keys: KeyRing, encoded: Sequence[Encoded]) -> list[bytes | None]:
    """The tokens of each event, packed; None for an event without."""
    sealed = iter(_sealed(keys, [private for event in encoded for private in event.privates]))
    return [pack(islice(sealed, len(event.privates))) if event.privates else None for event in encoded]


def _sealed(keys: KeyRing, privates: Sequence[Private[Any]]) -> list[bytes]:
    """The tokens of private values, in order.

    A value that comes from the store keeps its own token, unless it is handed to another owner.
    """
    if not privates:
        return []
    clear = [_clear(keys, private) for private in privates]
    fresh = iter(keys.seal_many([each for each in clear if each is not None]))
    return [
        private.token or b"" if each is None else next(fresh)
        for private, each in zip(privates, clear, strict=True)
    ]


def _clear(keys: KeyRing, private: Private[Any]) -> tuple[UUID, str, bytes] | None:
    """What is to be sealed for whom; None for a value that stays sealed as it is."""
    if private.value is not None:
        return private.owner, private.kind, private.value.encode()
    if private.under is None or private.token is None:
        return None
    opened = keys.open(private.under, private.kind, private.token)
    if opened is None:
        raise OwnerErased(owner=private.under)
    return private.owner, private.kind, opened


def _command(command: CommandKey | None, result: bytes | None) -> tuple[Parameter, ...]:
    if command is None:
        return None, None, result
    return command.id.bytes, command.hash, result


class ClaimRow(NamedTuple):
    """A claim to take or to release, as the store's functions want it."""

    kind: str
    key: UUID
    holder: UUID
    valid_from: date | None
    valid_to: date | None
    take: bool


def claim_rows(claims: ClaimChanges) -> list[ClaimRow]:
    """Releases first, then claims to take."""
    return [
        *(ClaimRow(c.kind, c.key, c.holder, None, c.valid_to, False) for c in claims.release),
        *(ClaimRow(c.kind, c.key, c.holder, c.valid_from, c.valid_to, True) for c in claims.take),
    ]


def _claim_columns(claims: ClaimChanges) -> tuple[Parameter, ...]:
    rows = claim_rows(claims)
    return (
        binary.texts([row.kind for row in rows]),
        binary.uuids([row.key.bytes for row in rows]),
        binary.uuids([row.holder.bytes for row in rows]),
        binary.dates([row.valid_from for row in rows]),
        binary.dates([row.valid_to for row in rows]),
        binary.booleans([row.take for row in rows]),
    )


def _index_columns(rows: Sequence[IndexRow]) -> tuple[Parameter, ...]:
    return (
        binary.texts([row.kind for row in rows]),
        binary.shorts([row.version for row in rows]),
        binary.byteas([row.blind for row in rows]),
        binary.uuids([row.owner.bytes for row in rows]),
        binary.shorts([row.act for row in rows]),
    )
