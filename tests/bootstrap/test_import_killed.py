"""`hulian import register` killed at any point: the same command again finishes it, and nothing is doubled."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from application.register.template import write_register
from bootstrap.addresses import Addresses
from bootstrap.wiring import adopt, migrated, today
from samples.register import families
from tests.database import Databases, TestServer

HOUSEHOLDS = 600
KILLS = 5
PATIENCE = 60.0


@pytest.fixture
def workbook(tmp_path: Path) -> Path:
    made = families(HOUSEHOLDS, mistakes=False)
    target = tmp_path / "register.xlsx"
    write_register(
        target,
        [family.household for family in made],
        [member for family in made for member in family.members],
        [item for family in made for item in family.items],
    )
    return target


def environment(databases: Databases, home: Path) -> Mapping[str, str]:
    home.mkdir(exist_ok=True)
    where = Addresses(databases.store, databases.keys, databases.store, databases.keys)
    return {
        **os.environ,
        "HULIAN_HOME": str(home),
        "HULIAN_DATABASE_URL": where.store,
        "HULIAN_KEYS_URL": where.keys,
    }


def ready(databases: Databases, home: Path) -> None:
    """Migrated and adopted beforehand: what is killed here is an import."""
    from bootstrap.settings import load_settings

    where = Addresses(databases.store, databases.keys, databases.store, databases.keys)
    migrated(where)
    adopt(where, load_settings(home=home).key_directory, today())


def importing(databases: Databases, home: Path, workbook: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bootstrap", "import", "register", str(workbook), "--json", *more],
        env=environment(databases, home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> dict[str, Any]:
    said, complained = process.communicate(timeout=120)
    assert process.returncode == 0, complained
    told: dict[str, Any] = json.loads(said)
    return told


def households(databases: Databases) -> int:
    with psycopg.connect(databases.store) as connection:
        row = connection.execute("SELECT count(*) FROM es_stream WHERE category = 'household'").fetchone()
    return 0 if row is None else int(row[0])


def written(databases: Databases) -> dict[str, list[tuple[object, ...]]]:
    """What an import leaves behind that depends neither on the moment nor on the keys, row by row."""
    queries = {
        "events": "SELECT lane, stream_id, version, event_id, name, effective_on, meta, data,"
        " length(private) FROM es_event WHERE name LIKE 'household.%' ORDER BY 1, 2, 3",
        "streams": "SELECT lane, stream_id, version, state FROM es_stream WHERE category = 'household'"
        " ORDER BY 1, 2",
        "commands": "SELECT lane, command_id, streams, versions FROM es_command ORDER BY 1, 2",
        "index": "SELECT kind, owner FROM es_index ORDER BY 1, 2",
        "dense": "SELECT h.lane FROM es_lane h LEFT JOIN es_event e USING (lane)"
        " GROUP BY h.lane, h.position HAVING h.position <> count(e.*) OR h.position <> coalesce(max(e.position), 0)",
    }
    with psycopg.connect(databases.store) as connection:
        return {name: connection.execute(query).fetchall() for name, query in queries.items()}


def test_killed_five_times_it_ends_as_if_never_killed_and_once_in_nothing_is_written_again(
    server: TestServer, databases: Databases, workbook: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    ready(databases, home)
    random = Random(20260701)
    goals = sorted(random.sample(range(1, HOUSEHOLDS - 60), KILLS))
    reached = []
    for goal in goals:
        process = importing(databases, home, workbook)
        until = time.monotonic() + PATIENCE
        while households(databases) < goal and process.poll() is None and time.monotonic() < until:
            time.sleep(random.random() / 200)
        process.kill()
        process.communicate()
        assert process.returncode == -9, "it had ended before it was killed"
        reached.append(households(databases))
    assert reached == sorted(set(reached))
    assert reached[0] > 0
    assert reached[-1] < HOUSEHOLDS

    seen = finished(importing(databases, home, workbook, "--preview"))["preview"]
    assert (seen["already"], seen["new"], seen["elsewhere"]) == (reached[-1], HOUSEHOLDS - reached[-1], [])
    told = finished(importing(databases, home, workbook))["imported"]
    states = [each["state"] for each in told]
    assert (states.count("already"), states.count("accepted")) == (reached[-1], HOUSEHOLDS - reached[-1])

    with server.databases() as others:
        ready(others, tmp_path / "others")
        unkilled = finished(importing(others, tmp_path / "others", workbook))["imported"]
        assert {each["household"]: each["id"] for each in told} == {
            each["household"]: each["id"] for each in unkilled
        }
        left, expected = written(databases), written(others)
        assert left["dense"] == expected["dense"] == []
        assert left == expected
        again = finished(importing(others, tmp_path / "others", workbook))["imported"]
        assert {each["state"] for each in again} == {"already"}
        assert written(others) == expected
    registered = [row for row in left["events"] if row[4] == "household.registered.1"]
    assert len(registered) == len({row[1] for row in registered}) == HOUSEHOLDS
