"""One command of any shape in one call (单条追加): its statement, its parameters and its answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID, uuid5

from eventstore.appending.append_types import (
    Appended,
    ClaimChanges,
    CommandKey,
    IndexEntry,
    IndexRelease,
    StreamAppend,
)
from eventstore.appending.batch import EVENT_TYPES, STREAM_TYPES, reached
from eventstore.appending.claims import (
    CLAIM_TYPES,
    INDEX_TYPES,
    claim_columns,
    claim_rows,
    index_columns,
    index_rows,
)
from eventstore.errors import ChangedCommand, VersionConflict
from eventstore.events.digest import digest
from eventstore.keys.keys import KeyRing
from eventstore.lanes import lane_of
from eventstore.postgres import binary
from eventstore.postgres.libpq_client import Parameter, Row, function_call

APPEND: Final = function_call(
    "es_append",
    "o_positions, o_recorded_at",
    "smallint uuid bytea bytea timestamptz uuid[] integer[] smallint[] "
    f"{STREAM_TYPES} {EVENT_TYPES} {CLAIM_TYPES} {INDEX_TYPES}",
)
"""Nothing is answered when the command was carried out before: `ANSWER` tells."""
ANSWER: Final = function_call(
    "es_answer", "o_hash, o_streams, o_versions, o_positions, o_recorded_at, o_result", "smallint uuid"
)


def parameters(
    keys: KeyRing,
    command: CommandKey | None,
    at: datetime | None,
    result: bytes | None,
    named: Sequence[StreamAppend],
    columns: Sequence[Parameter],
    claims: ClaimChanges,
    index: Sequence[IndexEntry | IndexRelease],
    *,
    is_sorted_anew: bool = False,
) -> tuple[Parameter, ...]:
    """The parameters of `APPEND` for the columns of a `Batch` or of `one_event`.

    The command lies in the lane of the first stream it names; `named` are told apart only where the columns are
    `is_sorted_anew`.
    """
    id, hash = (None, None) if command is None else (command.id.bytes, command.hash)
    return (
        binary.short(lane_of(named[0].stream)),
        id,
        hash,
        result,
        binary.timestamp(at),
        binary.uuids([stream.stream.bytes for stream in named]) if is_sorted_anew else None,
        binary.integers([reached(stream) for stream in named]) if is_sorted_anew else None,
        *columns,
        *claim_columns(claim_rows(claims) if claims else ()),
        *index_columns(index_rows(keys, index) if index else ()),
    )


def appended(
    named: Sequence[StreamAppend], positions: Sequence[int], recorded_at: bytes, result: bytes | None
) -> Appended:
    """The answer to a command that was carried out now; positions in the order the streams are named."""
    return Appended(
        tuple([stream.stream for stream in named]),
        tuple([reached(stream) for stream in named]),
        tuple(positions),
        binary.instant(recorded_at),
        result=result,
    )


def first_answer(command: UUID, hash: bytes | None, stream: UUID | None, row: Row) -> Appended | None:
    """The answer in a row of `ANSWER`, None when the command was never carried out.

    Raises `ChangedCommand` when it was another request: another hash, or without `stream`.
    """
    known, streams, versions, positions, recorded_at, result = row
    if known is None:
        return None
    ids = tuple([UUID(bytes=id) for id in streams])
    if hash not in (None, known) or (stream is not None and stream not in ids):
        raise ChangedCommand(command=str(command))
    at = binary.instant(recorded_at)
    return Appended(ids, tuple(versions), tuple(positions), at, repeated=True, result=result)


class PlainEvent(NamedTuple):
    """An event of the library's own aggregates, as it gives it: any bytes, any first version."""

    stream: UUID
    version: int
    name: str
    data: bytes


def plain_parameters(algorithm: int, events: Sequence[PlainEvent]) -> tuple[Parameter, ...]:
    """The parameters of `APPEND` for plain events: no command, no legal day, empty meta.

    Raises `VersionConflict` when a stream's versions do not follow one another.
    """
    streams: dict[UUID, list[PlainEvent]] = {}
    for event in sorted(events, key=lambda each: lane_of(each.stream)):
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
        *(None,) * 6,
        binary.shorts([lane_of(stream) for stream in streams]),
        binary.uuids([stream.bytes for stream in streams]),
        binary.texts(["library" for _ in streams]),
        binary.integers([given[0].version - 1 for given in streams.values()]),
        binary.integers([given[-1].version for given in streams.values()]),
        binary.shorts([0 for _ in streams]),
        binary.uuids(ids),
        binary.texts([event.name for event in ordered]),
        binary.dates(empty),
        binary.byteas([b"" for _ in ordered]),
        binary.byteas([event.data for event in ordered]),
        binary.byteas(empty),
        binary.byteas(digests),
        *claim_columns(()),
        *index_columns(()),
    )
