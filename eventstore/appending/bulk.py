"""Bulk (批量追加): many streams of one lane in one call, all of it one command; who moved is left out and reported."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate
from typing import Final, NamedTuple
from uuid import UUID

from eventstore.appending.append_types import Appended, CommandKey, StreamAppend
from eventstore.appending.writing import EVENT_TYPES, Batch, call
from eventstore.errors import BadCall
from eventstore.lanes import lane_of
from eventstore.postgres import binary
from eventstore.postgres.libpq_client import Parameter, Row

APPEND_BULK: Final = call(
    "es_append_bulk",
    "o_repeated, o_before, o_recorded_at, o_moved",
    f"smallint uuid bytea bytea timestamptz boolean uuid[] text[] integer[] integer[] smallint[] {EVENT_TYPES}",
)


class BulkAppend(NamedTuple):
    """One bulk call: a command and its streams, all of one lane; `result` is for who repeats the command."""

    command: CommandKey
    streams: Sequence[StreamAppend]
    result: bytes | None = None


def parameters(
    batch: Batch, call: BulkAppend, strict: bool, at: datetime | None
) -> tuple[Parameter, ...] | None:
    """The parameters of `APPEND_BULK`; `batch` holds the streams of `call`. None when there are none.

    Raises `BadCall` for streams of more than one lane.
    """
    lanes = {lane_of(stream.stream) for stream in batch.streams}
    if len(lanes) > 1:
        raise BadCall(why="批量追加一次只能写一条通道")
    if not lanes:
        return None
    return (
        binary.short(lanes.pop()),
        call.command.id.bytes,
        call.command.hash,
        call.result,
        binary.timestamp(at),
        binary.boolean(strict),
        *batch.stream_columns(),
        *batch.events(),
    )


def report(batch: Batch, call: BulkAppend, row: Row) -> Appended:
    """The answer to a call that was carried out now: positions are dense, in the order of the streams."""
    _, before, recorded_at, moved = row
    kept = batch.streams
    if moved:
        gone = {*moved}
        kept = [stream for stream in kept if stream.stream.bytes not in gone]
    counts = [len(stream.envelopes) for stream in kept]
    return Appended(
        tuple([stream.stream for stream in kept]),
        tuple([stream.expected + count for stream, count in zip(kept, counts, strict=True)]),
        tuple(accumulate(counts, initial=before))[1:],
        binary.instant(recorded_at),
        result=call.result,
        moved=tuple([UUID(bytes=stream) for stream in moved]),
    )
