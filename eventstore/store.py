"""The lane store (事件库): appends, loads, finds and reads events on PostgreSQL.

The contract, in short::

    keys  = KeyRing.in_directory(keys_pool, directory, access=access_log(store_pool))
    store = LaneStore(store_pool, Codec(CATALOGUE), keys)       # store_pool = open_pool(uri as hulian_app)

    loaded = store.load(stream, after=0, known_at=None)         # one statement
    loaded.events, loaded.version, loaded.state, loaded.rows    # rows: Recorded, with .event .meta .position …

    envelopes = enclose(command.id, stream, loaded.version, events, meta, first=0)
    appended = store.append(                                    # one statement
        CommandKey(id, hash),                                   # None only for events of the library's own
        [StreamAppend(stream, "household", loaded.version, envelopes, closes=False)],
        claims=ClaimChanges(take=[Claim(kind, key, holder, valid_from, valid_to)],
                            release=[Release(kind, key, holder, valid_to)]),
        index=[IndexEntry("id-number", text, person),           # found by it from now on
               IndexRelease(private)],                          # found no more by what was wrong
        at=None,                                                # recorded_at in a trial store, else stated_at
        result=None)                                            # bytes given back to who repeats the command
    appended.versions, .positions, .reached, .recorded_at, .repeated, .news, .result
    store.append_many([OneAppend(command, stream, claims, index)])            # many commands, each by itself
    store.asked([(lane, id)])     -> {id: hash}                 # which of many commands were carried out
    store.command(id, lane, hash) -> Appended | None            # the first answer, before deciding again
    store.find(kind, text)        -> UUID | None                # blind index; find_all for names, find_each
    store.heads()                 -> {lane: position}
    store.read(lane, after, limit) -> list[Recorded]
    store.read_many({lane: after}, limit) -> list[Recorded]     # by lane, then position
    store.cut(id, purpose)        -> Cut
    store.erase(owner)                                          # keys destroyed, index emptied
    store.erase_stream(stream)                                  # readable, never written again

Every refusal is a class of `eventstore.errors`; nothing is written with any of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import psycopg

from eventstore import reading
from eventstore.appending import append, append_many
from eventstore.appending.append import PlainEvent
from eventstore.appending.append_types import (
    NO_CLAIMS,
    Appended,
    ClaimChanges,
    CommandKey,
    Cut,
    IndexEntry,
    IndexRelease,
    OneAppend,
    StreamAppend,
)
from eventstore.appending.batch import Batch, one_event
from eventstore.errors import BadCall, ChangedCommand, NotATrial, StoreError, told
from eventstore.events.codec import Codec
from eventstore.events.recorded import Brief, Loaded, Recorded, StreamState
from eventstore.garbage_collection import uncollected
from eventstore.keys.keys import KeyRing
from eventstore.lanes import LANES, lane_of
from eventstore.postgres import binary
from eventstore.postgres.libpq_client import LibpqClient, Parameter, Pool, Row, Statement

_FOR_EVER: Final = datetime(9999, 12, 31, tzinfo=UTC)
_HIGHEST: Final = 2**31 - 1
_RETRIES: Final = 3


class LaneStore:
    """The event store as one process sees it; safe to share between threads."""

    def __init__(self, pool: Pool, codec: Codec, keys: KeyRing) -> None:
        """`pool` holds autocommit connections as role `hulian_app`; raises `BadCall` for another database."""
        self._client = LibpqClient(pool)
        self._codec = codec
        self._keys = keys
        meta = self._all(reading.META, ())
        if not meta or meta[0][3] != LANES:
            raise BadCall(why="该库不是 256 通道的事件库，请先执行 hulian migrate")
        self._store_id = UUID(bytes=meta[0][0])
        self._trial: bool = meta[0][1]
        self._algorithm: int = meta[0][2]

    @property
    def store_id(self) -> UUID:
        """The id of this store, for its whole life."""
        return self._store_id

    @property
    def trial(self) -> bool:
        """Whether the time of recording may be told."""
        return self._trial

    @property
    def codec(self) -> Codec:
        return self._codec

    @property
    def keys(self) -> KeyRing:
        return self._keys

    def append(
        self,
        command: CommandKey | None,
        streams: Sequence[StreamAppend],
        claims: ClaimChanges = NO_CLAIMS,
        index: Sequence[IndexEntry | IndexRelease] = (),
        at: datetime | None = None,
        result: bytes | None = None,
    ) -> Appended:
        """Append to one or more streams, take and release claims, all or nothing, in one statement.

        No events are no news: nothing is written, unless the command was carried out before; then, and
        whenever a command is sent again, the first answer is given. Raises `VersionConflict`,
        `StreamClosed`, `StreamErased`, `ClaimConflict`, `ChangedCommand`, `OwnerErased`, `UnknownEvent`.
        """
        batch: Batch | None = None
        if len(streams) == 1 and len(streams[0].envelopes) == 1:
            named = streams
            columns = one_event(self._codec, self._keys, self._algorithm, streams[0], self._stated(at))
        else:
            with uncollected():
                batch = self._batch(streams, at)
                if not batch.streams:
                    return self._no_news(command, streams)
                named, columns = batch.named, batch.columns()
        parameters = append.parameters(
            self._keys,
            command,
            at if self._trial else None,
            result,
            named,
            columns,
            claims,
            index,
            is_sorted_anew=batch is not None and batch.is_sorted_anew,
        )
        # With a command id, sending again what may have been carried out gets the first answer.
        positions, recorded_at = self._retried(append.APPEND, parameters, again=command is not None)
        if positions is None:
            return self._first_answer(command, named[0].stream)
        if batch is not None:
            positions = batch.in_named_order(positions)
        return append.appended(named, positions, recorded_at, result)

    def append_many(
        self, ones: Sequence[OneAppend], at: datetime | None = None
    ) -> list[Appended | StoreError]:
        """Carry out many commands of any lanes, each of its own stream, in one statement and commit.

        Each is answered by itself, in order: what `append` would answer, or the `VersionConflict`,
        `StreamClosed`, `StreamErased`, `ClaimConflict` or `ChangedCommand` it would raise; those others go on.
        A command may clash with one of the same call that is left out itself: sent again by itself it will not.
        Raises `BadCall` for a command or stream twice, or a command without events.
        """
        if not ones:
            return []
        order = sorted(range(len(ones)), key=lambda n: append_many.locking_order(ones[n]))
        ordered = [ones[n] for n in order]
        with uncollected():
            batch = self._batch([one.stream for one in ordered], at)
            if not len(batch.streams) == len({one.command.id for one in ones}) == len(ones):
                raise BadCall(why="多条追加的每条命令只出现一次，有且只有一条流、至少一个事件")
            told_at = at if self._trial else None
            parameters = append_many.parameters(batch, ordered, self._keys, told_at)
        answers: dict[int, Appended | StoreError] = {}
        told = append_many.answers(batch, self._retried(append_many.APPEND_MANY, parameters))
        for n, answer in zip(order, told, strict=True):
            answers[n] = answer if answer is not None else self._repeated(ones[n])
        return [answers[n] for n in range(len(ones))]

    def append_plain(self, events: Sequence[PlainEvent]) -> None:
        """Append events of the library's own aggregates, in a trial store; raises `NotATrial` in any other."""
        if not self._trial:
            raise NotATrial
        if events:
            self._retried(append.APPEND, append.plain_parameters(self._algorithm, events), again=False)

    def command(self, command: UUID, lane: int, hash: bytes | None = None) -> Appended | None:
        """What the command was answered when it was carried out, None when it was not.

        `lane` is that of the first stream the request named. Raises `ChangedCommand` when `hash` is given and
        the command was another request.
        """
        return self._answer(command, lane, hash, None)

    def asked(self, commands: Sequence[tuple[int, UUID]]) -> dict[UUID, bytes]:
        """Of these (lane, command id), those carried out before, with the hash of what was asked."""
        if not commands:
            return {}
        lanes = binary.shorts([lane for lane, _ in commands])
        ids = binary.uuids([command.bytes for _, command in commands])
        return {UUID(bytes=row[0]): row[1] for row in self._all(reading.ASKED, (lanes, ids))}

    def load(self, stream: UUID, after: int = 0, known_at: datetime | None = None) -> Loaded:
        """The stream's events with version above `after`, as known at an instant; one statement,
        two when there are none above an `after` that is not 0.

        An event numbered 0 (the library's own) is loaded with `after=-1`. A stream there is not is empty,
        open and at version 0.
        """
        parameters = (binary.integer(after), binary.short(lane_of(stream)), stream.bytes)
        codec = self._codec
        if known_at is None:
            rows = self._all(reading.LOAD, parameters)
            if rows:
                last = rows[-1]
                return Loaded(
                    stream, last[1], last[1], _STATES[last[-1]], [Recorded(row, codec) for row in rows]
                )
            if after <= 0:
                return Loaded(stream, 0, 0, StreamState.OPEN, [])
        # Here the stream's own row has something to add: what came after, or whether it is there at all.
        rows = self._all(reading.LOAD_KNOWN_AT, (*parameters, binary.timestamp(known_at or _FOR_EVER)))
        if not rows:
            return Loaded(stream, max(after, 0), 0, StreamState.OPEN, [])
        last = rows[-1]
        current, state = last[-2], _STATES[last[-1]]
        if last[0] is None:
            return Loaded(stream, after, current, state, [])
        return Loaded(stream, last[1], current, state, [Recorded(row, codec) for row in rows])

    def brief(self, stream: UUID, after: int = 0) -> list[Brief]:
        """The stream's events with version above `after`, with what a fold needs of them; one statement."""
        codec = self._codec
        parameters = (binary.integer(after), binary.short(lane_of(stream)), stream.bytes)
        return [Brief(stream, row, codec) for row in self._all(reading.BRIEF, parameters)]

    def briefs(self, streams: Sequence[UUID]) -> dict[UUID, list[Brief]]:
        """What `brief` answers, for several streams of any lanes in one statement; nothing of those there are not."""
        codec = self._codec
        ids = {stream.bytes: stream for stream in streams}
        found: dict[UUID, list[Brief]] = {}
        parameters = (binary.shorts([id[-1] for id in ids]), binary.uuids([*ids]))
        for row in self._all(reading.BRIEFS, parameters):
            stream = ids[row[0]]
            found.setdefault(stream, []).append(Brief(stream, row[1:], codec))
        return found

    def slice(
        self,
        stream: UUID,
        after: int,
        *,
        upto: int | None,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> list[Recorded]:
        """Some of a stream: versions above `after` up to `upto`, in either order, at most `limit`."""
        parameters = (
            binary.short(lane_of(stream)),
            stream.bytes,
            binary.integer(after),
            binary.integer(_HIGHEST if upto is None else upto),
            None if limit is None else binary.long(limit),
        )
        codec = self._codec
        return [
            Recorded(row, codec)
            for row in self._all(reading.SLICE_DOWN if newest_first else reading.SLICE, parameters)
        ]

    def read(self, lane: int, after: int, limit: int) -> list[Recorded]:
        """The lane's events with position above `after`, in order, at most `limit`; positions are dense."""
        parameters = (binary.short(lane), binary.long(after), binary.long(limit))
        codec = self._codec
        return [Recorded(row, codec) for row in self._all(reading.READ, parameters)]

    def read_many(self, positions: Mapping[int, int], limit: int) -> list[Recorded]:
        """Events above a position in each of several lanes, at most `limit` in all; one statement.

        A lane's events stand together and in order; which lanes come first is left open.
        """
        parameters = (binary.shorts(positions), binary.longs(positions.values()), binary.long(limit))
        codec = self._codec
        return [Recorded(row, codec) for row in self._all(reading.READ_MANY, parameters)]

    def heads(self) -> dict[int, int]:
        """The position of the last event of every lane."""
        return dict(self._all(reading.HEADS, ()))

    def cut(self, cut: UUID, purpose: str) -> Cut:
        """The cut of this id, taken and stored at the first call."""
        row = self._one(reading.CUT, (cut.bytes, purpose.encode()))
        assert row is not None
        return Cut(cut, tuple(row[0]), binary.instant(row[1]))

    def find(self, kind: str, text: str) -> UUID | None:
        """The owner of an ID number, or of any text only one owner has; None when unknown or not unique."""
        owners = self.find_all(kind, text)
        return owners[0] if len(owners) == 1 else None

    def find_all(self, kind: str, text: str) -> list[UUID]:
        """All owners found by this text through the blind index, exact matches after NFKC and upper case."""
        blinds = self._keys.blinds(kind, text)
        parameters = (
            binary.shorts([blind[-1] for _, blind in blinds]),
            binary.shorts([version for version, _ in blinds]),
            binary.byteas([blind for _, blind in blinds]),
            kind.encode(),
        )
        return [UUID(bytes=owner) for (owner,) in self._all(reading.FIND, parameters)]

    def find_each(self, kind: str, texts: Sequence[str]) -> dict[str, UUID]:
        """The owners of those of these texts that only one owner has, in one statement: what `find` answers."""
        owners: dict[int, list[bytes]] = {}
        blinds = [(n, *blind) for n, text in enumerate(texts) for blind in self._keys.blinds(kind, text)]
        if blinds:
            parameters = (
                binary.shorts([blind[-1] for _, _, blind in blinds]),
                binary.shorts([version for _, version, _ in blinds]),
                binary.byteas([blind for _, _, blind in blinds]),
                binary.integers([n for n, _, _ in blinds]),
                kind.encode(),
            )
            for n, owner in self._all(reading.FIND_EACH, parameters):
                owners.setdefault(n, []).append(owner)
        return {texts[n]: UUID(bytes=found[0]) for n, found in owners.items() if len(found) == 1}

    def erase(self, owner: UUID) -> None:
        """Erase a person or household: index entries gone, keys destroyed; repeatable."""
        self._one(reading.FORGET, (owner.bytes,))
        self._keys.erase(owner)

    def erase_stream(self, stream: UUID) -> None:
        """Mark a stream erased: it still loads, appending raises `StreamErased`."""
        self._one(reading.ERASE, (binary.short(lane_of(stream)), stream.bytes))

    def _stated(self, at: datetime | None) -> str | None:
        return None if at is None or self._trial else at.isoformat()

    def _batch(self, streams: Sequence[StreamAppend], at: datetime | None) -> Batch:
        return Batch(self._codec, self._keys, self._algorithm, streams, self._stated(at))

    def _no_news(self, command: CommandKey | None, streams: Sequence[StreamAppend]) -> Appended:
        if command is not None and streams:
            first = streams[0].stream
            answer = self._answer(command.id, lane_of(first), command.hash, first)
            if answer is not None:
                return answer
        names, versions = tuple(s.stream for s in streams), tuple(s.expected for s in streams)
        return Appended(names, versions, (), None, news=False)

    def _repeated(self, one: OneAppend) -> Appended | StoreError:
        try:
            return self._first_answer(one.command, one.stream.stream)
        except ChangedCommand as refused:
            return refused

    def _first_answer(self, command: CommandKey | None, home: UUID) -> Appended:
        assert command is not None, "only a command can have been carried out before"
        answer = self._answer(command.id, lane_of(home), command.hash, home)
        assert answer is not None, "a command row is never taken back"
        return answer

    def _answer(self, command: UUID, lane: int, hash: bytes | None, stream: UUID | None) -> Appended | None:
        (row,) = self._all(append.ANSWER, (binary.short(lane), command.bytes))
        return append.first_answer(command, hash, stream, row)

    def _retried(self, statement: Statement, parameters: Sequence[Parameter], *, again: bool = True) -> Row:
        # Locks are taken in one order, so this is for what we have not thought of; nothing was written yet.
        for _ in range(_RETRIES):
            try:
                return self._all(statement, parameters, again=again)[0]
            except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure):
                continue
        return self._all(statement, parameters, again=again)[0]

    def _one(self, statement: Statement, parameters: Sequence[Parameter]) -> Row | None:
        rows = self._all(statement, parameters)
        return rows[0] if rows else None

    def _all(self, statement: Statement, parameters: Sequence[Parameter], *, again: bool = True) -> list[Row]:
        try:
            return self._client.rows(statement, parameters, again=again)
        except psycopg.Error as error:
            refusal = told(error)
            if refusal is None:
                raise
            raise refusal from None


_STATES = {state.value: state for state in StreamState}
