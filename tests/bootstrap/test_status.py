"""`hulian status`: what is going on in an installation, quickly, without anything about anybody."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bootstrap.cli import status as module
from bootstrap.installation_state import LOOKED_AT
from tests.bootstrap.site import LOGIN, Site, site_in

NAME = "于福来"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="hulian-status-") as directory, site_in(Path(directory)) as site:
        yield site


def caught_up(site: Site) -> None:
    with site.opened() as installation:
        installation.caught_up()


def told(site: Site, status: int = 0) -> Any:
    return json.loads(site.hulian("status", "--json", status=status).stdout)


def test_a_migrated_installation_that_nobody_used_is_in_order(site: Site) -> None:
    said = told(site)
    assert said["inOrder"]
    assert said["databases"]["store"] == said["databases"]["keys"] | {"pending": []}
    assert said["databases"]["store"]["reachable"]
    assert said["backup"] is None
    assert said["disk"]["free"] > 0


def test_it_counts_what_is_there(site: Site) -> None:
    before = told(site)["events"]["total"]
    site.household()
    each = told(site)["events"]["total"] - before
    assert each > 0
    caught_up(site)
    site.hulian("audit", "seal")
    (newest,) = site.as_superuser("SELECT max(recorded_at) FROM es_event")
    site.household()
    said = told(site)
    assert said["events"]["total"] == before + 2 * each
    assert said["events"]["lastHour"] == said["events"]["total"]
    assert not said["events"]["lastHourOrMore"]
    assert said["events"]["newest"] > str(newest[0])
    assert {model["lag"] for model in said["readModels"]} == {each}
    assert said["seal"]["checkpoint"] == said["seal"]["witnessed"] == 1
    assert said["seal"]["after"] == each
    assert said["keys"] == [{"kek": 1, "living": 2, "destroyed": 0}]
    assert said["overdue"]["total"] == sum(said["overdue"]["bySteps"].values())
    assert said["processes"] == {"work": 0, "serve": 0}
    assert said["inOrder"], said["amiss"]


def test_it_says_nothing_about_anybody(site: Site) -> None:
    household = site.household()
    for words in (("status",), ("status", "--json")):
        said = site.hulian(*words).stdout
        assert str(household) not in said
        assert NAME not in said
        assert LOGIN + "@" not in said


def test_more_than_it_looks_at_in_a_lane_is_said_to_be_more(site: Site) -> None:
    site.as_superuser(
        "CREATE TABLE aside AS SELECT * FROM es_lane",
        "UPDATE es_lane SET position = position + 400 WHERE lane = 9",
        "INSERT INTO es_event SELECT 9, (SELECT position FROM aside WHERE lane = 9) + n, gen_random_uuid(), 1,"
        " gen_random_uuid(), 'x', '2026-01-01', now() - n * interval '1 second', '{}', '{}', NULL, sha256('x')"
        " FROM generate_series(1, 400) n",
    )
    try:
        events = told(site)["events"]
        assert events["lastHourOrMore"]
        assert events["lastHour"] < events["total"]
        assert events["lastHour"] >= LOOKED_AT
        assert "或更多" in site.hulian("status").stdout
    finally:
        site.as_superuser(
            "DELETE FROM es_event WHERE lane = 9 AND name = 'x'",
            "UPDATE es_lane l SET position = a.position FROM aside a WHERE a.lane = l.lane",
            "DROP TABLE aside",
        )


def test_workers_and_statistics_are_seen_while_they_run(site: Site) -> None:
    site.household()
    caught_up(site)  # statistics wait a minute for read models that are behind
    command = [sys.executable, "-m", "bootstrap", "work"]
    worker = subprocess.Popen(
        command, env={**os.environ, **site.told}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        ends = time.monotonic() + 60
        while True:
            said = told(site)
            if said["processes"]["work"] and said["statistics"] and not said["seal"]["after"]:
                break
            assert time.monotonic() < ends, said
            time.sleep(0.2)
        assert said["processes"] == {"work": 1, "serve": 0}
        assert {each["lag"] for each in said["readModels"]} == {0}
        assert date.fromisoformat(said["statistics"]["cut"][:10])
        assert "均为最新" in site.hulian("status").stdout
    finally:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
    assert told(site)["processes"]["work"] == 0


def test_what_waits_too_long_is_not_in_order(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    caught_up(site)
    site.household()
    assert told(site)["inOrder"]
    monkeypatch.setattr(module, "WAITING_SECONDS", 0.0)
    monkeypatch.setattr(module, "UNSEALED_SECONDS", 0.0)
    said = told(site, status=3)
    waiting, unsealed = said["amiss"]
    assert waiting.startswith("有事件等待读模型已")
    assert waiting.endswith("没有后台进程")
    assert "等待封存" in unsealed
    assert "hulian doctor" in site.hulian("status", status=3).stdout


@pytest.mark.parametrize(
    ("spoil", "mend", "sentence"),
    [
        (
            "INSERT INTO hulian_migration VALUES (9999, '9999_later.sql', 'x')",
            "DELETE FROM hulian_migration WHERE number = 9999",
            "[database-newer]",
        ),
        (
            "CREATE TABLE aside AS SELECT * FROM hulian_migration WHERE number > 5;"
            "DELETE FROM hulian_migration WHERE number > 5",
            "INSERT INTO hulian_migration SELECT * FROM aside; DROP TABLE aside",
            "项结构升级未执行",
        ),
        ("REVOKE hulian_app FROM web", "GRANT hulian_app TO web", "数据库拒绝应用角色"),
        (
            "INSERT INTO read_parked SELECT 0, projection, version, gen_random_uuid(), 1, 'x'"
            " FROM read_model WHERE live LIMIT 1",
            "DELETE FROM read_parked",
            "停放",
        ),
        (
            "UPDATE read_checkpoint SET error = 'x', failed_at = now() WHERE lane = 0 AND projection = 'chain'",
            "UPDATE read_checkpoint SET error = NULL, failed_at = NULL",
            "停滞",
        ),
    ],
)
def test_what_is_amiss_is_a_sentence(site: Site, spoil: str, mend: str, sentence: str) -> None:
    caught_up(site)
    site.as_superuser(spoil)
    try:
        said = told(site, status=3)
    finally:
        site.as_superuser(mend)
    assert any(sentence in each for each in said["amiss"]), said["amiss"]
    assert told(site)["inOrder"]


def test_databases_that_do_not_answer_are_told_without_their_address(site: Site, tmp_path: Path) -> None:
    away = f"postgresql://web:secret@/hulian?host={tmp_path}&port=5432"
    said = site.but(database_url=away, migrations_url=away).hulian("status", "--json", status=3).stdout
    assert not json.loads(said)["databases"]["store"]["reachable"]
    assert "secret" not in said


def test_an_embedded_server_that_does_not_run_is_not_started(site: Site, tmp_path: Path) -> None:
    alone = Site(tmp_path, site.server, {"HULIAN_HOME": str(tmp_path / "none")})
    assert told(alone, status=3)["amiss"] == ["内置数据库没有运行"]
    assert not (tmp_path / "none").exists()
