"""What every API test may ask for."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from bootstrap.logging import configure_logging
from tests.api.office import Office, opened_office
from tests.database import Databases


@pytest.fixture
def office(databases: Databases, tmp_path: Path) -> Iterator[Office]:
    """An office on fresh databases."""
    with opened_office(databases, tmp_path / "keys") as opened:
        yield opened


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All log lines of the test, as the installation writes them."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging("DEBUG", json=True, stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()
