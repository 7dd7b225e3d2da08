"""A directory that every user can enter, and an embedded server below it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.server.embedded import EmbeddedPostgres
from tests.bootstrap.embedded.servers import (
    SMALL,
)
from tests.database import new_home, remove_home


@pytest.fixture
def base() -> Iterator[Path]:
    """A short directory that every user can enter; all servers whose homes lie below it are gone afterwards."""
    base = new_home()
    yield base
    remove_home(base)


@pytest.fixture
def server(base: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(base / "home", SMALL)
