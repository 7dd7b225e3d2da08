"""A pool asks for its database at even distances: an outage does not make the next one longer."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest

from eventstore.postgres.pools import SteadyPool


def test_a_lost_database_is_asked_for_every_half_second_however_long_it_is_away(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.WARNING, logger="psycopg.pool"),
        SteadyPool(f"host={tmp_path} port=5432 dbname=nobody", min_size=1, max_size=1, open=True),
    ):
        time.sleep(3.3)
    # at the distances of the library it would be three times: at once, after one second, after three
    assert 5 <= len(caplog.records) <= 8
