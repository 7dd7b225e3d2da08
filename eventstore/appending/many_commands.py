"""Many commands of one lane in one statement, each a command of its own: what clashes is left out and told why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from eventstore.appending.append_types import Appended, OneAppend
from eventstore.appending.writing import EVENT_TYPES, Batch, call, claim_rows
from eventstore.errors import StoreError, refusal
from eventstore.keys.keys import KeyRing
from eventstore.lanes import lane_of
from eventstore.postgres import binary
from eventstore.postgres.libpq_client import Parameter, Row, Statement

APPEND_EACH: Final = call(
    "es_append_each",
    "o_repeated, o_versions, o_positions, o_recorded_at, o_codes, o_details",
    f"smallint timestamptz uuid[] bytea[] uuid[] text[] integer[] integer[] smallint[] {EVENT_TYPES} "
    "integer[] text[] uuid[] uuid[] date[] date[] boolean[] integer[] text[] smallint[] bytea[] uuid[]",
)
ASKED: Final = Statement(
    "es_asked",
    """
    SELECT c.command_id, c.request_hash FROM es_command c
    JOIN unnest($1::smallint[], $2::uuid[]) AS u (lane, command_id) USING (lane, command_id)
    """,
)
FIND_EACH: Final = Statement(
    "es_find_each",
    """
    SELECT DISTINCT u.n, i.owner FROM es_index i
    JOIN unnest($1::smallint[], $2::smallint[], $3::bytea[], $4::integer[]) AS u (lane, key_version, blind, n)
         USING (lane, key_version, blind)
    WHERE i.kind = $5::text
    """,
)


def parameters(
    batch: Batch, each: Sequence[OneAppend], keys: KeyRing, at: datetime | None
) -> list[Parameter]:
    """The parameters of `APPEND_EACH`; `batch` holds the streams of `each`, in the same order."""
    claims = [(n, row) for n, one in enumerate(each, 1) for row in claim_rows(one.claims)]
    entries = [
        (n, entry, version, blind)
        for n, one in enumerate(each, 1)
        for entry in one.index
        for version, blind in keys.blinds(entry.kind, entry.text)
    ]
    return [
        binary.short(lane_of(each[0].stream.stream)),
        binary.timestamp(at),
        binary.uuids([one.command.id.bytes for one in each]),
        binary.byteas([one.command.hash for one in each]),
        *batch.stream_columns(),
        *batch.events(),
        binary.integers([n for n, _ in claims]),
        binary.texts([row.kind for _, row in claims]),
        binary.uuids([row.key.bytes for _, row in claims]),
        binary.uuids([row.holder.bytes for _, row in claims]),
        binary.dates([row.valid_from for _, row in claims]),
        binary.dates([row.valid_to for _, row in claims]),
        binary.booleans([row.take for _, row in claims]),
        binary.integers([n for n, *_ in entries]),
        binary.texts([entry.kind for _, entry, _, _ in entries]),
        binary.shorts([version for _, _, version, _ in entries]),
        binary.byteas([blind for *_, blind in entries]),
        binary.uuids([entry.owner.bytes for _, entry, _, _ in entries]),
    ]


def answers(each: Sequence[OneAppend], row: Row) -> list[Appended | StoreError]:
    """What became of each command, in order."""
    told: list[Appended | StoreError] = []
    for one, repeated, version, position, recorded_at, code, details in zip(each, *row, strict=True):
        if code is not None:
            told.append(refusal(code, json.loads(details)))
        else:
            at = binary.instant(recorded_at)
            told.append(Appended((one.stream.stream,), (version,), (position,), at, repeated))
    return told


def asked_parameters(commands: Sequence[tuple[int, UUID]]) -> list[Parameter]:
    """The parameters of `ASKED`, for (lane, command id)."""
    return [
        binary.shorts([lane for lane, _ in commands]),
        binary.uuids([command.bytes for _, command in commands]),
    ]


def find_parameters(keys: KeyRing, kind: str, texts: Sequence[str]) -> list[Parameter]:
    """The parameters of `FIND_EACH`: every text's blind values under every version of the index key."""
    blinds = [
        (n, version, blind) for n, text in enumerate(texts) for version, blind in keys.blinds(kind, text)
    ]
    return [
        binary.shorts([blind[-1] for _, _, blind in blinds]),
        binary.shorts([version for _, version, _ in blinds]),
        binary.byteas([blind for _, _, blind in blinds]),
        binary.integers([n for n, _, _ in blinds]),
        kind.encode(),
    ]
