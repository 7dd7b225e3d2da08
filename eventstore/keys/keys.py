"""Keys (密钥): one data key an owner, which seals what is private about them, and whose destruction erases it."""

from __future__ import annotations

import hmac
import os
import threading
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from domain.values.private import Private
from eventstore.access_records import Access
from eventstore.errors import BadCall, KeyRetired, KeysMissing, OwnerErased, WrongKey
from eventstore.events import tokens
from eventstore.keys.fingerprints import PURPOSES, check, require_files
from eventstore.keys.key_files import KeyFiles, KeyProvider
from eventstore.lanes import lane_of
from eventstore.postgres.libpq_client import Pool

ERASED: Final = "（信息已抹除）"
"""What an erased value reads as, everywhere."""

# A key is made only while what wraps it is in use: the row of the wrapping key is held until the key is there.
_FIND_OR_MAKE = """
WITH missing AS (
    SELECT a.* FROM unnest(%b::smallint[], %b::uuid[], %b::bytea[]) AS a (lane, owner, wrapped)
    WHERE NOT EXISTS (SELECT 1 FROM key_data k WHERE k.lane = a.lane AND k.owner = a.owner)),
usable AS (
    SELECT version FROM key_check
    WHERE purpose = 'kek' AND version = %b::integer AND retired_at IS NULL AND EXISTS (SELECT 1 FROM missing)
    FOR KEY SHARE),
made AS (
    INSERT INTO key_data (lane, owner, version, kek_version, wrapped)
    SELECT m.lane, m.owner, 1, u.version, m.wrapped FROM usable u CROSS JOIN missing m
    ON CONFLICT DO NOTHING RETURNING owner, version, kek_version, wrapped)
SELECT owner, version, kek_version, wrapped FROM made
UNION ALL
SELECT k.owner, k.version, k.kek_version, k.wrapped
FROM unnest(%b::smallint[], %b::uuid[]) AS a (lane, owner) JOIN key_data k USING (lane, owner)
"""
_FIND = """
SELECT k.owner, k.version, k.kek_version, k.wrapped
FROM unnest(%b::smallint[], %b::uuid[]) AS a (lane, owner) JOIN key_data k USING (lane, owner)
"""
_DESTROY = """
UPDATE key_data SET wrapped = NULL, destroyed_at = now()
WHERE lane = %s AND owner = %s AND destroyed_at IS NULL
"""
_ENTOMB = """
INSERT INTO key_data (lane, owner, version, kek_version, wrapped, destroyed_at)
VALUES (%s, %s, 1, 0, NULL, now()) ON CONFLICT DO NOTHING
"""
# All versions of an owner's key hang on the first: who destroys them and who adds one wait for each other here.
_HOLD = "SELECT FROM key_data WHERE lane = %s AND owner = %s AND version = 1 FOR UPDATE"
_MADE_AGAIN: Final = 3


class _Keys(NamedTuple):
    """An owner's unwrapped keys by version; a destroyed version is None."""

    by_version: dict[int, AESGCM | None]
    newest: int
    read_at: float


class KeyRing:
    """Seals, opens, erases and finds by blind index; the only holder of keys.

    `keys` is a pool of `eventstore.postgres.pools.open_pool` on the keys database, as role `hulian_keys`. `access`
    writes down, durably, who sees what before `reveal` answers; without it `reveal` refuses. Unwrapped keys
    are kept for `fresh_for` seconds, so that a key destroyed by another process is forgotten here too.

    Raises `WrongKey` when a key outside does not belong to the keys database, `KeysMissing` when one is not there.
    New versions of the outer keys are noticed while it runs.
    """

    def __init__(
        self,
        keys: Pool,
        kek: KeyProvider,
        index: KeyProvider,
        request: KeyProvider,
        *,
        access: Callable[[Sequence[Access]], None] | None = None,
        cached: int = 10_000,
        fresh_for: float = 30.0,
    ) -> None:
        self._pool = keys
        self._kek = kek
        self._index = index
        self._request = request
        self._access = access
        self._cached = cached
        self._fresh_for = fresh_for
        self._cache: OrderedDict[UUID, _Keys] = OrderedDict()
        self._lock = threading.Lock()
        with keys.connection() as connection:
            for provider in (kek, index, request):
                check(connection, provider)

    @classmethod
    def in_directory(
        cls,
        keys: Pool,
        directory: Path,
        *,
        access: Callable[[Sequence[Access]], None] | None = None,
        fresh_for: float = 30.0,
    ) -> KeyRing:
        """A key ring whose outer keys are 0600 files in `directory` (`kek-1.key`,
        `index-1.key`, `request-1.key`), made at the first start and never again."""
        with keys.connection() as connection:
            require_files(connection, directory)
        kek, index, request = (KeyFiles(directory / purpose, purpose) for purpose in PURPOSES)
        return cls(keys, kek, index, request, access=access, fresh_for=fresh_for)

    def seal(self, owner: UUID, kind: str, clear: bytes) -> bytes:
        """The token of `clear`; makes the owner's key when there is none. Raises `OwnerErased`."""
        return self.seal_many([(owner, kind, clear)])[0]

    def seal_many(self, values: Sequence[tuple[UUID, str, bytes]]) -> list[bytes]:
        """The tokens of (owner, kind, clear bytes), in order, with one statement for all owners not at hand."""
        keys = self._keys_of((owner for owner, _, _ in values), make=True)
        sealed = []
        for owner, kind, clear in values:
            held = keys[owner]
            key = held.by_version[held.newest]
            if key is None:
                raise OwnerErased(owner=owner)
            nonce = os.urandom(tokens.NONCE_BYTES)
            ciphertext = key.encrypt(nonce, clear, _additional(owner, kind))
            sealed.append(tokens.join(tokens.Token(tokens.AES_256_GCM, held.newest, nonce, ciphertext)))
        return sealed

    def open(self, owner: UUID, kind: str, token: bytes) -> bytes | None:
        """What the token seals, None when its key was destroyed; for commands that need a value, unrecorded.

        Raises `WrongKey` when the token does not belong to this owner, kind or system.
        """
        return self._open(self._keys_of([owner], make=False), owner, kind, token)

    def open_many(self, values: Sequence[tuple[UUID, str, bytes]]) -> list[bytes | None]:
        """`open` for (owner, kind, token), in order, with one statement for all owners not at hand."""
        keys = self._keys_of((owner for owner, _, _ in values), make=False)
        return [self._open(keys, *value) for value in values]

    def reveal(
        self,
        privates: Sequence[Private[str] | None],
        *,
        purpose: str,
        actor: str,
        subject: UUID,
        organ: str | None = None,
    ) -> list[str | None]:
        """The clear texts, in order, about one household (`subject`); the door through which people see them.

        An access record is durable before this answers. None stays None, an erased value reads `ERASED`.
        """
        return self.reveal_many([(subject, privates)], purpose=purpose, actor=actor, organ=organ)[0]

    def reveal_many(
        self,
        groups: Sequence[tuple[UUID, Sequence[Private[str] | None]]],
        *,
        purpose: str,
        actor: str,
        organ: str | None = None,
        beside: Sequence[str] = (),
    ) -> list[list[str | None]]:
        """`reveal` for a page of households, one access record each, one statement for all.

        `beside` names what else is seen with the values, for the same records.
        """
        if self._access is None:
            raise BadCall(why="没有查阅记录的去处，不能显示明文")
        if not purpose or not actor:
            raise BadCall(why="查阅明文须写明查阅人和用途")
        keys = self._keys_of(
            (private.owner for _, privates in groups for private in privates if private is not None),
            make=False,
        )
        clear: list[list[str | None]] = []
        for _, privates in groups:
            clear.append([None if private is None else self._read(keys, private) for private in privates])
        self._access(
            [
                Access(
                    subject,
                    actor,
                    organ,
                    purpose,
                    tuple(sorted({*beside, *(p.kind for p in privates if p is not None)})),
                )
                for subject, privates in groups
                if any(private is not None for private in privates)
            ]
        )
        return clear

    def erase(self, owner: UUID) -> None:
        """Destroy all keys of the owner, for ever: their values read as erased, new ones are refused."""
        with self._pool.connection() as connection, connection.transaction():
            for statement in (_ENTOMB, _HOLD, _DESTROY):
                connection.execute(statement, (lane_of(owner), owner))
        with self._lock:
            self._cache.pop(owner, None)

    def blind(self, kind: str, text: str) -> bytes:
        """The 16 bytes by which `text` of this kind is found, under the newest index key."""
        return blind_of(self._index.current()[1], kind, text)

    @property
    def index_version(self) -> int:
        """The version of the index key that `blind` uses."""
        return self._index.current()[0]

    def blinds(self, kind: str, text: str) -> list[tuple[int, bytes]]:
        """The blind values of `text` under every version of the index key, newest first.

        While an index key is replaced there are two, and an entry is written under both: a process that has not
        noticed the new one yet finds, and clashes with, what the others write.
        """
        keys = ((version, self._index.get(version)) for version in self._index.versions())
        return [(version, blind_of(key, kind, text)) for version, key in keys if key is not None]

    def request_hash(self, content: bytes) -> bytes:
        """32 bytes that tell one request's content from another's, and nothing to who lacks the key."""
        key = self._request.get(1)
        if key is None:
            raise WrongKey(what="request-1")
        return hmac.digest(key, content, sha256)

    def _read(self, keys: dict[UUID, _Keys], private: Private[str]) -> str | None:
        if private.token is None:
            return private.value
        clear = self._open(keys, private.owner, private.kind, private.token)
        return ERASED if clear is None else clear.decode()

    def _open(self, keys: dict[UUID, _Keys], owner: UUID, kind: str, token: bytes) -> bytes | None:
        held = keys.get(owner)
        try:
            parts = tokens.split(token)
        except ValueError as error:
            raise WrongKey(what=kind) from error
        if held is not None and parts.key_version not in held.by_version:
            # Renewed elsewhere since it was read here.
            held = self._fetch([owner], make=False).get(owner)
            if held is not None:
                keys[owner] = held
                with self._lock:
                    self._cache[owner] = held
        if held is None or parts.algorithm != tokens.AES_256_GCM or parts.key_version not in held.by_version:
            raise WrongKey(what=kind)
        key = held.by_version[parts.key_version]
        if key is None:
            return None
        try:
            return key.decrypt(parts.nonce, parts.ciphertext, _additional(owner, kind))
        except InvalidTag as error:
            raise WrongKey(what=kind) from error

    def _keys_of(self, owners: Iterable[UUID], *, make: bool) -> dict[UUID, _Keys]:
        wanted = list(dict.fromkeys(owners))
        stale = time.monotonic() - self._fresh_for
        found: dict[UUID, _Keys] = {}
        with self._lock:
            for owner in wanted:
                held = self._cache.get(owner)
                if held is not None and held.read_at > stale:
                    self._cache.move_to_end(owner)
                    found[owner] = held
        missing = [owner for owner in wanted if owner not in found]
        if not missing:
            return found
        fetched = self._fetch(missing, make=make)
        found.update(fetched)
        with self._lock:
            self._cache.update(fetched)
            while len(self._cache) > self._cached:
                self._cache.popitem(last=False)
        return found

    def _fetch(self, owners: list[UUID], *, make: bool) -> dict[UUID, _Keys]:
        for attempt in range(_MADE_AGAIN):
            read_at = time.monotonic()
            rows = self._find_or_make(owners) if make else self._find(owners)
            fetched: dict[UUID, _Keys] = {}
            try:
                for owner, version, kek_version, wrapping in rows:
                    held = fetched.get(owner) or _Keys({}, version, read_at)
                    key = None if wrapping is None else self._unwrap(kek_version, wrapping)
                    held.by_version[version] = key
                    fetched[owner] = held._replace(newest=max(held.newest, version))
            except KeysMissing:
                # Wrapped anew, and the old key retired, between the read and here.
                if attempt == _MADE_AGAIN - 1:
                    raise
                continue
            return fetched
        raise AssertionError("unreachable")

    def _find(self, owners: list[UUID]) -> list[tuple[UUID, int, int, bytes | None]]:
        with self._pool.connection() as connection:
            lanes = [lane_of(owner) for owner in owners]
            return connection.execute(_FIND, (lanes, owners), binary=True).fetchall()

    def _find_or_make(self, owners: list[UUID]) -> list[tuple[UUID, int, int, bytes | None]]:
        lanes = [lane_of(owner) for owner in owners]
        for _ in range(_MADE_AGAIN):
            version, kek = self._kek.current()
            wrapped = [aes_key_wrap(kek, os.urandom(32)) for _ in owners]
            with self._pool.connection() as connection:
                made = (lanes, owners, wrapped, version, lanes, owners)
                rows = connection.execute(_FIND_OR_MAKE, made, binary=True).fetchall()
            # Whoever lost the race against another maker sees neither row in that statement's snapshot.
            lost = set(owners) - {row[0] for row in rows}
            if lost:
                rows += self._find(list(lost))
                lost -= {row[0] for row in rows}
            if not lost:
                return rows
            with self._pool.connection() as connection:
                check(connection, self._kek)
        raise KeyRetired(what=f"kek-{version}")

    def _unwrap(self, version: int, wrapped: bytes) -> AESGCM:
        kek = self._kek.get(version)
        if kek is None:
            raise KeysMissing(what=f"kek-{version}.key")
        try:
            return AESGCM(aes_key_unwrap(kek, wrapped))
        except InvalidUnwrap as error:
            raise WrongKey(what=f"kek-{version}") from error


def _additional(owner: UUID, kind: str) -> bytes:
    return owner.bytes + kind.encode()


def blind_of(key: bytes, kind: str, text: str) -> bytes:
    """The 16 bytes by which `text` of a kind is found under an index key: after NFKC, in upper case."""
    normal = unicodedata.normalize("NFKC", text).upper()
    return hmac.digest(key, kind.encode() + b"\x00" + normal.encode(), sha256)[:16]
