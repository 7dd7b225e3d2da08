"""What the tests of projections share: a pool as the application, and projectors on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg_pool import ConnectionPool

from projections import registry
from projections.engine.progress import Progress
from projections.engine.projector import Projector
from projections.engine.row_security import EVERYWHERE, read_as
from tests.database import Databases
from tests.projections.lives import codec

Pool = ConnectionPool[Connection[Any]]


@pytest.fixture
def pool(databases: Databases) -> Iterator[Pool]:
    """Connections to the store of this test as `hulian_app`."""
    with ConnectionPool(databases.app, min_size=1, max_size=4, open=True) as pool:
        yield pool


@pytest.fixture
def projector(pool: Pool) -> Projector:
    """A projector of all projections there are."""
    return Projector(pool, codec(), registry.ALL)


@pytest.fixture
def progress(pool: Pool) -> Progress:
    return Progress(pool)


@contextmanager
def reading(databases: Databases, area: str = EVERYWHERE) -> Iterator[Connection[Any]]:
    """A connection that sees what a reader of an area sees."""
    with psycopg.connect(databases.reader) as connection:
        read_as(connection, area)
        yield connection


def caught_up(projector: Projector, page: int = 5_000) -> int:
    """Page until nothing is new; answers how many events were read."""
    total = 0
    while read := projector.page(page).events:
        total += read
    return total
