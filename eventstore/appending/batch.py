"""From envelopes to the columns of an append (装批): encoded, sealed, digested, packed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any
from uuid import UUID

import msgspec

from domain.values.private import Private
from eventstore.appending.append_types import StreamAppend
from eventstore.errors import BadCall, OwnerErased, VersionConflict
from eventstore.events.codec import Codec
from eventstore.events.digest import digest, digests, entry
from eventstore.events.envelope import Encoded, Envelope, Meta
from eventstore.events.tokens import pack
from eventstore.keys.keys import KeyRing
from eventstore.lanes import lane_of
from eventstore.postgres import binary
from eventstore.postgres.libpq_client import Parameter

EVENT_TYPES = "uuid[] text[] date[] bytea[] bytea[] bytea[] bytea[]"
STREAM_TYPES = "uuid[] text[] integer[] integer[] smallint[]"

_meta = msgspec.json.Encoder().encode


class Batch:
    """The streams of a call that have events, each once, and all their events' columns.

    `streams` are sorted by lane, and so are the columns; `named` are the same in the order the call names them.
    """

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
        self.named = self.streams = _merged(streams)
        if len(self.named) > 1:
            self.streams = sorted(self.named, key=_lane)
        self.is_sorted_anew = any(a is not b for a, b in zip(self.streams, self.named, strict=True))
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

    def columns(self) -> tuple[Parameter, ...]:
        """The lanes of the streams, and the columns of streams and events."""
        return (self.lanes(), *self.stream_columns(), *self.events())

    def lanes(self) -> Parameter:
        """The lane of each stream."""
        return binary.shorts([id[-1] for id in self._stream_ids])

    def stream_columns(self) -> tuple[Parameter, ...]:
        """Ids, categories, versions before and after, and states of the streams."""
        streams = self.streams
        return (
            binary.uuids(self._stream_ids),
            binary.texts([stream.category for stream in streams]),
            binary.integers([stream.expected for stream in streams]),
            binary.integers([reached(stream) for stream in streams]),
            binary.shorts([stream.closes for stream in streams]),
        )

    def in_named_order(self, positions: Sequence[int]) -> Sequence[int]:
        """What was answered by stream, in the order the call names them."""
        if not self.is_sorted_anew:
            return positions
        by_stream = {stream.stream: n for stream, n in zip(self.streams, positions, strict=True)}
        return [by_stream[stream.stream] for stream in self.named]

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


def one_event(
    codec: Codec, keys: KeyRing, algorithm: int, stream: StreamAppend, stated_at: str | None
) -> tuple[Parameter, ...]:
    """The columns of a `Batch` (lanes, streams, events) of one event, made at once: most commands are that.

    Encodes, seals and digests, and raises, as a `Batch`.
    """
    (envelope,) = stream.envelopes
    version = stream.expected + 1
    _must_follow(stream.stream, version, envelope)
    event = envelope.encoded or codec.encode(envelope.event)
    meta = _meta(msgspec.structs.replace(envelope.meta, stated_at=stated_at) if stated_at else envelope.meta)
    private = pack(_sealed(keys, event.privates)) if event.privates else None
    id, key, on = envelope.id_bytes, stream.stream.bytes, envelope.event.on
    only, short, integer = binary.only, binary.short, binary.integer
    return (
        only(binary.SMALLINT, short(key[-1])),
        only(binary.UUID, key),
        only(binary.TEXT, stream.category.encode()),
        only(binary.INTEGER, integer(stream.expected)),
        only(binary.INTEGER, integer(version)),
        only(binary.SMALLINT, short(stream.closes)),
        only(binary.UUID, id),
        only(binary.TEXT, event.name.encode()),
        only(binary.DATE, binary.day(on)),
        only(binary.BYTEA, meta),
        only(binary.BYTEA, event.data),
        only(binary.BYTEA, private),
        only(
            binary.BYTEA,
            digest(algorithm, id, key, version, event.name, on, meta, event.data, private),
        ),
    )


def reached(stream: StreamAppend) -> int:
    """The version a stream has afterwards."""
    return stream.expected + len(stream.envelopes)


def _lane(stream: StreamAppend) -> int:
    return lane_of(stream.stream)


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
