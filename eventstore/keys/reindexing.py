"""Replacing the index key (盲索引密钥轮换): every entry written again under the new key, from the sealed values.

While it goes on both versions are searched and appends write both. An entry is carried over only while the old one
is there, so that what is released or erased meanwhile does not come back. How far each lane has got is kept in the
keys database; killed, it goes on there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from psycopg import Connection

from eventstore.errors import KeyInUse
from eventstore.events.tokens import token_of
from eventstore.keys.fingerprints import check, known
from eventstore.keys.key_files import KeyFiles
from eventstore.keys.keys import KeyRing, blind_of
from eventstore.keys.rotation import Progress
from eventstore.lanes import LANES

PURPOSE: Final = "index"
PAGE: Final = 1_000
"""How many events are read, and their values carried over, at a time."""
_PASSES: Final = 3

_HEADS = "SELECT lane, position FROM es_lane"
_EVENTS = """
SELECT position, data, private FROM es_event
WHERE lane = %s AND position > %s AND position <= %s AND private IS NOT NULL ORDER BY position LIMIT %s
"""
_KINDS = "SELECT DISTINCT kind FROM es_index WHERE key_version <> %s"
# The old entry is held until the new one is there.
_CARRY = """
INSERT INTO es_index (lane, kind, key_version, blind, owner)
SELECT get_byte(u.new, 15), o.kind, %b::smallint, u.new, o.owner
FROM unnest(%b::text[], %b::smallint[], %b::bytea[], %b::bytea[], %b::uuid[]) AS u (kind, version, old, new, owner)
JOIN es_index o ON o.lane = get_byte(u.old, 15) AND o.kind = u.kind AND o.key_version = u.version
               AND o.blind = u.old AND o.owner = u.owner
FOR SHARE OF o
ON CONFLICT DO NOTHING
"""
_UNEQUAL = """
SELECT owner, kind, count(*) FILTER (WHERE key_version = %s) AS old, count(*) FILTER (WHERE key_version = %s) AS new
FROM es_index WHERE key_version IN (%s, %s) GROUP BY owner, kind
HAVING count(*) FILTER (WHERE key_version = %s) <> count(*) FILTER (WHERE key_version = %s)
"""
_DROP_OF = "DELETE FROM es_index WHERE owner = %s AND kind = %s AND key_version = %s"
_DROP = "DELETE FROM es_index WHERE lane = %s AND NOT key_version = ANY (%s)"
_COUNTS = "SELECT key_version, count(*) FROM es_index GROUP BY key_version ORDER BY key_version"

_AT = "SELECT lane, position FROM key_progress WHERE purpose = 'index' AND version = %s"
_REACHED = """
INSERT INTO key_progress (purpose, version, lane, position) VALUES ('index', %s, %s, %s)
ON CONFLICT (lane, purpose, version) DO UPDATE SET position = excluded.position
"""
_AGAIN = "DELETE FROM key_progress WHERE purpose = 'index'"
_AGE = """
SELECT extract(epoch FROM clock_timestamp() - created_at)::float8 FROM key_check
WHERE purpose = 'index' AND version = %s
"""
_HOLD_OUTER = "SELECT FROM key_check WHERE purpose = 'index' AND version = %s FOR UPDATE"
_RETIRE = "UPDATE key_check SET retired_at = clock_timestamp() WHERE purpose = 'index' AND version = %s"

_decode = msgspec.json.Decoder().decode


class Reindexed(NamedTuple):
    """How many entries were written under the new version, and how many have no sealed value to be written from."""

    version: int
    carried: int
    left: int


def entries(store: Connection[Any]) -> dict[int, int]:
    """How many entries of the blind index there are under each version of its key."""
    return dict(store.execute(_COUNTS).fetchall())


def next_index(keys: Connection[Any], files: KeyFiles) -> int:
    """The version to write under from now on: the newest while an older one is in use, else a new one."""
    versions = files.versions()
    retired = {each.version for each in known(keys, PURPOSE) if each.retired_at is not None}
    newest = versions[0]
    if not set(versions[1:]) - retired:
        newest += 1
        files.make(newest)
    check(keys, files)
    return newest


def reindex(
    store: Connection[Any],
    keys: Connection[Any],
    ring: KeyRing,
    files: KeyFiles,
    progress: Progress | None = None,
) -> Reindexed:
    """Write every entry of the blind index again under the newest version of its key.

    `store` is an autocommit connection of the store's owner, `keys` one of role `hulian_keys`. Entries that no
    event has a value for stay `left`, under the old version.
    """
    newest = files.versions()[0]
    carried = 0
    for _ in range(_PASSES):
        carried += _pass(store, keys, ring, files, newest, progress)
        more, fewer = _unequal(store, files, newest)
        if not more and not fewer:
            break
        # Released or erased while it was carried over, or not seen yet: those owners once more, from the start.
        for owner, kind in more:
            store.execute(_DROP_OF, (owner, kind, newest))
        if not more and not _behind(store, keys, newest):
            break
        if more:
            keys.execute(_AGAIN)
    _, fewer = _unequal(store, files, newest)
    return Reindexed(newest, carried, sum(fewer.values()))


def retire_index(store: Connection[Any], keys: Connection[Any], files: KeyFiles, version: int) -> int:
    """Delete an older index key for ever, and every entry under versions in use no more; how many entries went.

    Raises `KeyInUse` while something is found by it alone, or for the newest.
    """
    name = f"index-{version}"
    newest = files.versions()[0]
    if version >= newest:
        raise KeyInUse(what=name, left=entries(store).get(version, 0))
    _, fewer = _unequal(store, files, newest)
    if fewer:
        raise KeyInUse(what=name, left=sum(fewer.values()))
    with keys.transaction():
        keys.execute(_HOLD_OUTER, (version,))
        keys.execute(_RETIRE, (version,))
    # From here on nobody writes under it any more.
    files.discard(version)
    gone = sum(store.execute(_DROP, (lane, files.versions())).rowcount for lane in range(LANES))
    keys.execute(_AGAIN)
    return gone


def age(keys: Connection[Any], version: int) -> float:
    """For how many seconds a version of the index key has been there."""
    row = keys.execute(_AGE, (version,)).fetchone()
    return float(row[0]) if row is not None else 0.0


def _pass(
    store: Connection[Any],
    keys: Connection[Any],
    ring: KeyRing,
    files: KeyFiles,
    newest: int,
    progress: Progress | None,
) -> int:
    heads: dict[int, int] = dict(store.execute(_HEADS).fetchall())
    at: dict[int, int] = dict(keys.execute(_AT, (newest,)).fetchall())
    kinds = frozenset(kind for (kind,) in store.execute(_KINDS, (newest,)).fetchall())
    total, carried = sum(heads.values()), 0
    for lane, head in sorted(heads.items()):
        while at.get(lane, 0) < head:
            rows = store.execute(_EVENTS, (lane, at.get(lane, 0), head, PAGE), binary=True).fetchall()
            carried += _carried(store, ring, files, newest, kinds, rows)
            at[lane] = rows[-1][0] if len(rows) == PAGE else head
            keys.execute(_REACHED, (newest, lane, at[lane]))
            if progress is not None:
                progress(sum(min(at.get(each, 0), heads[each]) for each in heads), total)
    return carried


def _carried(
    store: Connection[Any],
    ring: KeyRing,
    files: KeyFiles,
    newest: int,
    kinds: frozenset[str],
    rows: list[Any],
) -> int:
    sealed = {
        (UUID(private["owner"]), private["kind"], token_of(packed, private["n"]))
        for _, data, packed in rows
        for private in _privates(_decode(data))
        if private["kind"] in kinds
    }
    if not sealed:
        return 0
    ordered = sorted(sealed)
    texts = {
        (owner, kind, clear.decode())
        for (owner, kind, _), clear in zip(ordered, ring.open_many(ordered), strict=True)
        if clear is not None
    }
    older = [(version, key) for version in files.versions()[1:] if (key := files.get(version)) is not None]
    key = files.get(newest) or b""
    carried = [
        (kind, version, blind_of(old, kind, text), blind_of(key, kind, text), owner)
        for owner, kind, text in sorted(texts)
        for version, old in older
    ]
    if not carried:
        return 0
    columns = [list(column) for column in zip(*carried, strict=True)]
    return store.execute(_CARRY, (newest, *columns), binary=True).rowcount


def _privates(value: Any) -> Iterator[dict[str, Any]]:
    """The private values within an event's stored fields."""
    if isinstance(value, dict):
        if value.keys() == {"owner", "kind", "n"}:
            yield value
        else:
            for each in value.values():
                yield from _privates(each)
    elif isinstance(value, list):
        for each in value:
            yield from _privates(each)


def _unequal(
    store: Connection[Any], files: KeyFiles, newest: int
) -> tuple[list[tuple[UUID, str]], dict[tuple[UUID, str], int]]:
    """The owners with more entries under the new version than under an old one, and those with fewer."""
    more: list[tuple[UUID, str]] = []
    fewer: dict[tuple[UUID, str], int] = {}
    for old in files.versions():
        if old == newest:
            continue
        for owner, kind, before, after in store.execute(
            _UNEQUAL, (old, newest, old, newest, old, newest)
        ).fetchall():
            if after > before:
                more.append((owner, kind))
            else:
                fewer[owner, kind] = before - after
    return more, fewer


def _behind(store: Connection[Any], keys: Connection[Any], newest: int) -> bool:
    """Whether events were appended since the lanes were read."""
    at: dict[int, int] = dict(keys.execute(_AT, (newest,)).fetchall())
    return any(head > at.get(lane, 0) for lane, head in store.execute(_HEADS).fetchall())
