"""What an append does with the blind index: entries added, kept and released."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from eventstore.appending.append_types import IndexEntry, IndexRelease
from eventstore.keys.keys import KeyRing

RELEASED, KEPT, ADDED = 0, 1, 2
"""What an append does with an index entry; one that is kept must be there."""


class IndexRow(NamedTuple):
    """An entry of the blind index, and what is done with it, as the store's functions want it."""

    kind: str
    version: int
    blind: bytes
    owner: UUID
    act: int


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
