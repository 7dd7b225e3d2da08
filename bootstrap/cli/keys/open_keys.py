"""Access for replacing keys (密钥管理): the key files, and both databases with the roles that may do so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection

from bootstrap.settings import Settings, as_role
from bootstrap.wiring import database, ready
from eventstore.keys.fingerprints import require_files
from eventstore.keys.key_files import KeyFiles
from eventstore.keys.keys import KeyRing
from eventstore.postgres.pools import open_pool
from eventstore.sealing.signing import SealKeys


@dataclass(frozen=True, slots=True)
class OpenKeys:
    """The key files, and connections to both databases with the roles that may replace keys."""

    store: Connection[Any]
    keys: Connection[Any]
    kek: KeyFiles
    index: KeyFiles
    seal: SealKeys
    ring: KeyRing


@contextmanager
def open_keys(settings: Settings) -> Iterator[OpenKeys]:
    """Open everything that replacing keys needs, on databases brought up to date. Raises `WrongKey`, `KeysMissing`."""
    directory = settings.key_directory
    with ExitStack() as stack:
        where = stack.enter_context(database(settings))
        ready(where, directory)
        pool = stack.enter_context(open_pool(as_role(where.keys, "hulian_keys"), size=2))
        store = stack.enter_context(
            psycopg.connect(as_role(where.store_owner, "hulian_owner"), autocommit=True)
        )
        keys = stack.enter_context(psycopg.connect(as_role(where.keys, "hulian_keys"), autocommit=True))
        require_files(keys, directory)
        ring = KeyRing.in_directory(pool, directory)
        kek, index = KeyFiles(directory / "kek", "kek"), KeyFiles(directory / "index", "index")
        yield OpenKeys(store, keys, kek, index, SealKeys(directory), ring)
