"""A store to be sealed: its sealer, its keys, its witness."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from eventstore.postgres.libpq_client import Pool
from eventstore.postgres.pools import open_pool
from eventstore.sealing.seals import Sealer
from eventstore.sealing.signing import SealKeys
from eventstore.sealing.witness import FileWitness
from tests.database import Databases


@pytest.fixture
def sealing(databases: Databases) -> Iterator[Pool]:
    """Connections as the sealer has them."""
    with open_pool(databases.sealer, size=8) as pool:
        yield pool


@pytest.fixture
def seal_keys(tmp_path: Path) -> SealKeys:
    return SealKeys(tmp_path / "keys")


@pytest.fixture
def witness(tmp_path: Path) -> FileWitness:
    (tmp_path / "witness").mkdir()
    return FileWitness(tmp_path / "witness")


@pytest.fixture
def sealer(sealing: Pool, seal_keys: SealKeys, witness: FileWitness) -> Sealer:
    return Sealer(sealing, seal_keys, witness)


@pytest.fixture
def root(databases: Databases) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A superuser's connection, without autocommit."""
    with psycopg.connect(databases.store) as connection:
        yield connection
        connection.rollback()
