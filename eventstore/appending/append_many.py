"""Many commands of any lanes in one call (多条追加), each by itself: what clashes is left out and told why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from eventstore.appending.append_types import Appended, OneAppend
from eventstore.appending.batch import EVENT_TYPES, STREAM_TYPES, Batch, reached
from eventstore.appending.claims import (
    CLAIM_TYPES,
    INDEX_TYPES,
    claim_columns,
    claim_rows,
    index_columns,
    index_rows,
)
from eventstore.errors import StoreError, refusal
from eventstore.keys.keys import KeyRing
from eventstore.lanes import lane_of
from eventstore.postgres import binary
from eventstore.postgres.libpq_client import Parameter, Row, function_call

APPEND_MANY: Final = function_call(
    "es_append_many",
    "o_positions, o_recorded_at, o_codes, o_details",
    f"timestamptz smallint[] uuid[] bytea[] {STREAM_TYPES} {EVENT_TYPES} "
    f"integer[] {CLAIM_TYPES} integer[] {INDEX_TYPES}",
)


def locking_order(one: OneAppend) -> tuple[int, bool, int]:
    """By what the commands of a call are sorted: as everybody locks the streams."""
    stream = one.stream
    return lane_of(stream.stream), stream.expected <= 0, stream.stream.int


def parameters(
    batch: Batch, ones: Sequence[OneAppend], keys: KeyRing, at: datetime | None
) -> tuple[Parameter, ...]:
    """The parameters of `APPEND_MANY`; `batch` holds the streams of `ones`, in the same order."""
    claims = [(n, row) for n, one in enumerate(ones, 1) if one.claims for row in claim_rows(one.claims)]
    entries = [(n, row) for n, one in enumerate(ones, 1) if one.index for row in index_rows(keys, one.index)]
    return (
        binary.timestamp(at),
        batch.lanes(),
        binary.uuids([one.command.id.bytes for one in ones]),
        binary.byteas([one.command.hash for one in ones]),
        *batch.stream_columns(),
        *batch.events(),
        binary.integers([n for n, _ in claims]) if claims else None,
        *claim_columns([row for _, row in claims]),
        binary.integers([n for n, _ in entries]) if entries else None,
        *index_columns([row for _, row in entries]),
    )


def answers(batch: Batch, row: Row) -> list[Appended | StoreError | None]:
    """What became of each command, in order; None for one that was carried out before."""
    told: list[Appended | StoreError | None] = []
    for stream, position, at, code, detail in zip(batch.streams, *row, strict=True):
        if code is not None:
            told.append(refusal(code, json.loads(detail)))
        elif position is None:
            told.append(None)
        else:
            told.append(Appended((stream.stream,), (reached(stream),), (position,), binary.instant(at)))
    return told
