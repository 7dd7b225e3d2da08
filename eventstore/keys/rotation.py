"""Replacing keys (密钥轮换): the key-encryption key under which all others lie, and one owner's own.

A rotation is known by what is there, never by a note of its own: the newest file says where to go, each row says
where it stands. So it may be killed at any point and goes on when it is asked for again, beside processes that seal
and open all the while.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final, NamedTuple
from uuid import UUID

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from psycopg import Connection

from eventstore.errors import KeyInUse, KeyRetired, KeysMissing, OwnerErased, OwnerUnknown, WrongKey
from eventstore.keys.fingerprints import check
from eventstore.keys.key_files import KeyFiles
from eventstore.lanes import lane_of

BATCH: Final = 1_000
"""How many keys are wrapped anew in one transaction."""

Progress = Callable[[int, int], None]
"""Told what is done and what there is in all, from time to time."""

_COUNTS = """
SELECT kek_version, count(wrapped), count(*) - count(wrapped) FROM key_data GROUP BY kek_version ORDER BY kek_version
"""
_LEFT = "SELECT count(*) FROM key_data WHERE kek_version <> %s AND wrapped IS NOT NULL"
_LANES = "SELECT DISTINCT lane FROM key_data WHERE kek_version <> %s AND wrapped IS NOT NULL ORDER BY lane"
_NEXT = """
SELECT owner, version, kek_version, wrapped FROM key_data
WHERE lane = %s AND (owner, version) > (%s, %s) AND kek_version <> %s AND wrapped IS NOT NULL
ORDER BY owner, version LIMIT %s
"""
# Compared with what was read: a key destroyed or wrapped anew meanwhile is left as it is.
_WRAP = """
UPDATE key_data k SET wrapped = u.new, kek_version = %b::integer
FROM unnest(%b::uuid[], %b::integer[], %b::bytea[], %b::bytea[]) AS u (owner, version, old, new)
WHERE k.lane = %b::smallint AND k.owner = u.owner AND k.version = u.version AND k.wrapped = u.old
"""
_HOLD_OUTER = "SELECT retired_at FROM key_check WHERE purpose = %s AND version = %s FOR UPDATE"
_NEED = "SELECT count(*) FROM key_data WHERE kek_version = %s AND wrapped IS NOT NULL"
_RETIRE = "UPDATE key_check SET retired_at = clock_timestamp() WHERE purpose = %s AND version = %s"
_HOLD = "SELECT destroyed_at FROM key_data WHERE lane = %s AND owner = %s AND version = 1 FOR UPDATE"
_USABLE = """
SELECT version FROM key_check WHERE purpose = 'kek' AND version = %s AND retired_at IS NULL FOR KEY SHARE
"""
_ADD = """
INSERT INTO key_data (lane, owner, version, kek_version, wrapped)
SELECT %s, %s, max(version) + 1, %s, %s FROM key_data WHERE lane = %s AND owner = %s RETURNING version
"""
_LOWEST = UUID(int=0)


class KekCount(NamedTuple):
    """How many living and how many destroyed keys lie under one version of the key-encryption key."""

    version: int
    living: int
    destroyed: int


def counts(connection: Connection[Any]) -> list[KekCount]:
    """The keys by the version that wraps them; version 0 are owners erased before they had a key."""
    return [KekCount(*row) for row in connection.execute(_COUNTS).fetchall()]


def next_kek(connection: Connection[Any], files: KeyFiles) -> int:
    """The version to wrap under from now on: the newest while keys lie under an older one, else a new one.

    The new key's file is there, and known to the keys database, when this answers.
    """
    newest, _ = files.current()
    if not _count(connection, _LEFT, newest):
        newest += 1
        files.make(newest)
    check(connection, files)
    return newest


def rewrap(connection: Connection[Any], files: KeyFiles, progress: Progress | None = None) -> int:
    """Wrap every key anew under the newest version of the key-encryption key; how many were.

    `connection` is an autocommit one of role `hulian_keys`. Raises `WrongKey` for a key that does not open.
    """
    newest, kek = files.current()
    total = _count(connection, _LEFT, newest)
    done = 0
    # Again from the start while processes that had not noticed the new version made keys behind us.
    while lanes := connection.execute(_LANES, (newest,)).fetchall():
        for (lane,) in lanes:
            at = (_LOWEST, 0)
            while rows := connection.execute(_NEXT, (lane, *at, newest, BATCH)).fetchall():
                at = rows[-1][:2]
                done += _wrapped(connection, files, lane, newest, kek, rows)
                if progress is not None:
                    progress(done, max(total, done))
    return done


def retire_kek(connection: Connection[Any], files: KeyFiles, version: int) -> None:
    """Delete an older key-encryption key for ever; the file goes only when nothing can lie under it any more.

    Raises `KeyInUse` while a key needs it, or for the newest.
    """
    name = f"kek-{version}"
    if version >= files.current()[0]:
        raise KeyInUse(what=name, left=_count(connection, _NEED, version))
    with connection.transaction():
        # Whoever makes a key holds this row until it is there: so none is on its way while we count.
        connection.execute(_HOLD_OUTER, ("kek", version))
        left = _count(connection, _NEED, version)
        if left:
            raise KeyInUse(what=name, left=left)
        connection.execute(_RETIRE, ("kek", version))
    files.discard(version)


def renew(connection: Connection[Any], files: KeyFiles, owner: UUID) -> int:
    """Give an owner a new key for what is sealed from now on; its version. What was sealed before stays readable.

    Other processes seal under the key before for as long as they remember it (30 seconds).
    Raises `OwnerErased`, `OwnerUnknown`.
    """
    version, kek = files.current()
    wrapped = aes_key_wrap(kek, os.urandom(32))
    lane = lane_of(owner)
    with connection.transaction():
        held = connection.execute(_HOLD, (lane, owner)).fetchone()
        if held is None:
            raise OwnerUnknown
        if held[0] is not None:
            raise OwnerErased(owner=owner)
        if connection.execute(_USABLE, (version,)).fetchone() is None:
            raise KeyRetired(what=f"kek-{version}")
        row = connection.execute(_ADD, (lane, owner, version, wrapped, lane, owner)).fetchone()
    assert row is not None
    return int(row[0])


def _wrapped(
    connection: Connection[Any], files: KeyFiles, lane: int, newest: int, kek: bytes, rows: list[Any]
) -> int:
    anew = []
    for owner, version, kek_version, old in rows:
        before = files.get(kek_version)
        if before is None:
            raise KeysMissing(what=f"kek-{kek_version}.key")
        try:
            anew.append((owner, version, old, aes_key_wrap(kek, aes_key_unwrap(before, old))))
        except InvalidUnwrap as error:
            raise WrongKey(what=f"kek-{kek_version}") from error
    owners, versions, olds, news = (list(column) for column in zip(*anew, strict=True))
    return connection.execute(_WRAP, (newest, owners, versions, olds, news, lane), binary=True).rowcount


def _count(connection: Connection[Any], question: str, *about: object) -> int:
    row = connection.execute(question.encode(), about).fetchone()
    assert row is not None
    return int(row[0])
