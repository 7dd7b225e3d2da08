"""Commands that wait at the same time (成组): their households read in one statement, appended in one commit.

Each stands by itself all the same. What cannot be appended as it is, is left out, and its command goes alone, where
it is told why.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from eventstore.appending.append_types import Appended, OneAppend
from eventstore.appending.writing import EVENT_TYPES, Batch, call
from eventstore.lanes import lane_of
from eventstore.postgres import binary
from eventstore.postgres.libpq_client import Parameter, Row, Statement

APPEND_GROUP: Final = call(
    "es_append_group",
    "o_positions, o_recorded_at",
    f"smallint[] uuid[] bytea[] uuid[] integer[] integer[] smallint[] {EVENT_TYPES}",
)
BRIEFS: Final = Statement(
    "es_briefs",
    """
    SELECT e.stream_id, e.version, e.name, e.data, e.private, e.effective_on IS NOT NULL
    FROM unnest($1::smallint[], $2::uuid[]) AS u (lane, stream_id)
    JOIN es_event e ON e.lane = u.lane AND e.stream_id = u.stream_id
    ORDER BY e.lane, e.stream_id, e.version
    """,
)


def briefs_parameters(streams: Sequence[UUID]) -> tuple[Parameter, ...]:
    """The parameters of `BRIEFS`."""
    return (
        binary.shorts([lane_of(stream) for stream in streams]),
        binary.uuids([stream.bytes for stream in streams]),
    )


def parameters(batch: Batch, ones: Sequence[OneAppend]) -> tuple[Parameter, ...]:
    """The parameters of `APPEND_GROUP`; `batch` holds the streams of `ones`, in the same order."""
    ids, _, expected, counts, states = batch.stream_columns()
    return (
        binary.shorts([lane_of(one.stream.stream) for one in ones]),
        binary.uuids([one.command.id.bytes for one in ones]),
        binary.byteas([one.command.hash for one in ones]),
        ids,
        expected,
        counts,
        states,
        *batch.events(),
    )


def answers(ones: Sequence[OneAppend], row: Row) -> dict[UUID, Appended]:
    """What became of each command, by its id; nothing of those left out."""
    told = {}
    for one, position, recorded_at in zip(ones, *row, strict=True):
        if position is not None:
            stream = one.stream
            version = stream.expected + len(stream.envelopes)
            at = binary.instant(recorded_at)
            told[one.command.id] = Appended((stream.stream,), (version,), (position,), at)
    return told
