"""What an append does with claims and with the blind index, as rows for the store's functions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from eventstore.appending.append_types import ClaimChanges, IndexEntry, IndexRelease
from eventstore.keys.keys import KeyRing
from eventstore.postgres import binary
from eventstore.postgres.libpq_client import Parameter

CLAIM_TYPES = "text[] uuid[] uuid[] date[] date[] boolean[]"
INDEX_TYPES = "text[] smallint[] bytea[] uuid[] smallint[]"

RELEASED, KEPT, ADDED = 0, 1, 2
"""What an append does with an index entry; one that is kept must be there."""

_NO_CLAIMS: tuple[Parameter, ...] = (None,) * 6
_NO_INDEX: tuple[Parameter, ...] = (None,) * 5


class ClaimRow(NamedTuple):
    """A claim to take or to release."""

    kind: str
    key: UUID
    holder: UUID
    valid_from: date | None
    valid_to: date | None
    take: bool


class IndexRow(NamedTuple):
    """An entry of the blind index, and what is done with it."""

    kind: str
    version: int
    blind: bytes
    owner: UUID
    act: int


def claim_rows(claims: ClaimChanges) -> list[ClaimRow]:
    """Releases first, then claims to take."""
    return [
        *(ClaimRow(c.kind, c.key, c.holder, None, c.valid_to, False) for c in claims.release),
        *(ClaimRow(c.kind, c.key, c.holder, c.valid_from, c.valid_to, True) for c in claims.take),
    ]


def claim_columns(rows: Sequence[ClaimRow]) -> tuple[Parameter, ...]:
    """The columns of claims; NULLs where there are none."""
    if not rows:
        return _NO_CLAIMS
    return (
        binary.texts([row.kind for row in rows]),
        binary.uuids([row.key.bytes for row in rows]),
        binary.uuids([row.holder.bytes for row in rows]),
        binary.dates([row.valid_from for row in rows]),
        binary.dates([row.valid_to for row in rows]),
        binary.booleans([row.take for row in rows]),
    )


def index_columns(rows: Sequence[IndexRow]) -> tuple[Parameter, ...]:
    """The columns of index entries; NULLs where there are none."""
    if not rows:
        return _NO_INDEX
    return (
        binary.texts([row.kind for row in rows]),
        binary.shorts([row.version for row in rows]),
        binary.byteas([row.blind for row in rows]),
        binary.uuids([row.owner.bytes for row in rows]),
        binary.shorts([row.act for row in rows]),
    )


def index_rows(keys: KeyRing, index: Sequence[IndexEntry | IndexRelease]) -> list[IndexRow]:
    """The rows of the entries to add, to keep and to release, under every version of the index key they may have.

    What is added is not released, were it the same value; nor is what an erased owner was found by.
    """
    rows: list[IndexRow] = []
    for entry in index:
        if isinstance(entry, IndexEntry):
            rows += _each_version(keys, entry.kind, entry.text, entry.owner, ADDED)
            if entry.known:
                rows += _each_version(keys, entry.kind, entry.text, entry.owner, KEPT)
    wanted = {row[:4] for row in rows}
    for entry in index:
        if isinstance(entry, IndexRelease):
            value = entry.value
            text = value.value
            if text is None and value.token is not None:
                opened = keys.open(value.owner, value.kind, value.token)
                text = None if opened is None else opened.decode()
            if text is not None:
                released = _each_version(keys, value.kind, text, value.owner, RELEASED)
                rows += [row for row in released if row[:4] not in wanted]
    return rows


def _each_version(keys: KeyRing, kind: str, text: str, owner: UUID, act: int) -> list[IndexRow]:
    return [IndexRow(kind, version, blind, owner, act) for version, blind in keys.blinds(kind, text)]
