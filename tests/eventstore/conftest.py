"""Opened stores: real, with real keys, each on databases of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from eventstore.store import LaneStore
from tests.database import Databases
from tests.eventstore.stores import opened


@pytest.fixture
def store(databases: Databases, tmp_path: Path) -> Iterator[LaneStore]:
    """A store as an office has it: the database's clock, the application's role."""
    with opened(databases, tmp_path / "keys") as store:
        yield store


@pytest.fixture
def trial(databases: Databases, tmp_path: Path) -> Iterator[LaneStore]:
    """A store that takes the time of recording as told."""
    with psycopg.connect(databases.owner, autocommit=True) as connection:
        connection.execute("SELECT es_make_trial()")
    with opened(databases, tmp_path / "keys") as store:
        yield store


@pytest.fixture
def owner(databases: Databases) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A connection of who may look at everything in the store."""
    with psycopg.connect(databases.store, autocommit=True) as connection:
        yield connection
