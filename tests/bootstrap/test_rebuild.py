"""`hulian projections rebuild`: what went wrong in a read model is gone, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import typer

from bootstrap.cli.projections import RebuildRunning, rebuild
from bootstrap.settings import Settings, load_settings
from bootstrap.wiring import Installation
from projections.engine.progress import Progress
from projections.registry import ALL
from tests.bootstrap.test_upgrade import registered
from tests.database import Databases
from tests.installations import installed
from tests.projections.test_engine import digests


@pytest.fixture
def installation(databases: Databases, tmp_path: Path) -> Iterator[Installation]:
    with installed(databases, tmp_path / "keys") as made:
        for n in range(5):
            registered(made, n)
        made.caught_up()
        yield made


@pytest.fixture
def settings(databases: Databases, tmp_path: Path) -> Settings:
    return load_settings(home=tmp_path, database_url=databases.store, keys_url=databases.keys)


def test_a_damaged_read_model_is_made_anew_while_workers_go_on(
    installation: Installation, settings: Settings, databases: Databases
) -> None:
    before = digests(databases.store)
    running = installation.projector()
    with psycopg.connect(databases.store) as connection:
        connection.execute("DELETE FROM read_chain.step")
    assert digests(databases.store) != before
    rebuild(settings, "chain")
    assert digests(databases.store) == before
    with psycopg.connect(databases.store) as connection:
        models = connection.execute("SELECT projection, version, live FROM read_model").fetchall()
    assert set(models) == {(each.name, each.version, True) for each in ALL}
    registered(installation, 5)
    while running.page().events:
        pass
    assert set(Progress(installation.pool).lag().values()) == {0}


def test_one_that_is_being_built_is_not_begun_again(
    installation: Installation, settings: Settings, databases: Databases
) -> None:
    with psycopg.connect(databases.store, autocommit=True) as connection:
        for table in ("read_model", "read_checkpoint"):
            connection.execute(f"UPDATE {table} SET version = version - 1 WHERE projection = 'card'".encode())
    installation.projector()
    with pytest.raises(RebuildRunning):
        rebuild(settings, "card")
    with pytest.raises(typer.BadParameter, match="chian"):
        rebuild(settings, "chian")
