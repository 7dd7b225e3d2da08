"""Trial stores (试验库): a fresh pair of databases whose clock follows a script, dropped when the script has ended."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import psycopg
from psycopg import sql

from bootstrap.addresses import Addresses
from bootstrap.server.embedded import EmbeddedPostgres
from bootstrap.settings import as_role
from bootstrap.wiring import Installation, adopt, migrated, opened

ADOPTED_ON = date(2020, 1, 1)
"""The legal day on which a trial store adopts the shipped packs: before any story begins."""


@contextmanager
def fresh_trial(server: EmbeddedPostgres) -> Iterator[Installation]:
    """A trial store on a running embedded server: two databases with random names and their own keys, everything
    adopted. It is dropped with its keys at the end."""
    stem = f"hulian_trial_{secrets.token_hex(6)}"
    names = (stem, f"{stem}_keys")
    try:
        for name in names:
            server.ensure_database(name)
        store, keys = (server.uri(name) for name in names)
        with tempfile.TemporaryDirectory(prefix="hulian-trial-") as directory:
            where = Addresses(store, keys, store, keys)
            with trial_in(where, Path(directory)) as installation:
                yield installation
    finally:
        with psycopg.connect(server.uri("postgres"), autocommit=True) as connection:
            for name in names:
                drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
                connection.execute(drop.format(sql.Identifier(name)))


@contextmanager
def trial_in(where: Addresses, key_directory: Path) -> Iterator[Installation]:
    """Make a pair of databases without events a trial store and open it; raises `TrialTooLate` as the database does.

    Missing keys are made in `key_directory`.
    """
    migrated(where)
    with psycopg.connect(as_role(where.store_owner, "hulian_owner"), autocommit=True) as connection:
        connection.execute("SELECT es_make_trial()")
    adopt(where, key_directory, ADOPTED_ON)
    with opened(where, key_directory, pool_size=4) as installation:
        yield installation
