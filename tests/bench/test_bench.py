"""The bench works, whatever the figures: a tiny run is measured, audited and told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from bench import report
from bench.__main__ import MODULES, main
from bench.loading import pour
from bench.projecting import pages
from bench.read_models import audit_ours
from bench.rows import AuditFailed, Extent, Measure, Outcome, Row, Sample, amount, cpus, rates
from bench.server import BenchServer
from eventstore.events.digest import digest
from projections.engine.projector import Projector
from projections.registry import ALL
from tests.database import Databases
from tests.projections.lives import STORIES, codec, fill, many
from tests.projections.lives import told as stored

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """What a tiny run prints and what it writes."""
    file = tmp_path_factory.mktemp("bench") / "told.json"
    environment = {**os.environ, "QUICK": "1"}
    ended = subprocess.run(
        [sys.executable, "-m", "bench", "--json", str(file)],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=540, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout, json.loads(file.read_text("utf-8"))


@pytest.fixture
def told(run: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return run[1]


def test_every_module_is_measured_and_audited(told: dict[str, Any]) -> None:
    assert list(told["audited"]) == list(MODULES)
    assert all(told["audited"].values())


def test_every_contestant_is_measured(told: dict[str, Any]) -> None:
    assert {each["module"] for each in told["measures"]} >= set(MODULES) - {"province"}
    for each in told["measures"]:
        assert each["samples"], each
        for sample in each["samples"]:
            assert sample["done"] > 0, each
            assert sample["seconds"] > 0, each


def test_commands_are_measured_with_one_client_and_with_sixteen(told: dict[str, Any]) -> None:
    measured = [
        (each["contestant"], each["clients"]) for each in told["measures"] if each["module"] == "command"
    ]
    assert [clients for _, clients in measured] == [1, 1, 1, 16, 16, 16, 1]
    assert len(set(measured)) == 7


def test_commands_use_cpu_of_client_and_server(told: dict[str, Any]) -> None:
    for each in told["measures"]:
        if each["module"] in ("command", "bulk", "projector", "rebuild"):
            assert all(sample["client_cpu"] > 0 and sample["server_cpu"] > 0 for sample in each["samples"]), (
                each
            )


def test_the_case_has_about_twelve_events(told: dict[str, Any]) -> None:
    assert 10 <= told["data"]["command"]["events_before"] <= 13


def test_the_whole_backlog_is_projected(told: dict[str, Any]) -> None:
    (ours,) = [
        each for each in told["measures"] if "HuLian" in each["contestant"] and each["module"] == "projector"
    ]
    assert ours["samples"][0]["done"] >= told["data"]["projector"]["rows"]["chain.step"] >= 2_000


def test_nothing_is_missed_by_the_tailing_reader_even_in_a_tiny_run(told: dict[str, Any]) -> None:
    (row,) = [row for row in told["rows"] if row["what"] == "tail: missed during 16 writers"]
    assert (row["value"], row["met"]) == (0, "goal")


@pytest.mark.parametrize(
    ("module", "asked"),
    [
        *(("command", 6), ("bulk", 1), ("projector", 1), ("rebuild", 2)),
        *(("lag", 1), ("tail", 1), ("fold", 1), ("memory", 3)),
    ],
)
def test_every_row_of_the_design_is_judged(told: dict[str, Any], module: str, asked: int) -> None:
    rows = [row for row in told["rows"] if row["module"] == module and row["must"] is not None]
    assert len(rows) == asked
    assert all(row["met"] in ("goal", "must", "missed") for row in rows)


def test_every_contestant_tells_its_peak_memory(told: dict[str, Any]) -> None:
    ours = [each for each in told["measures"] if each["module"] != "province"]
    peaks = {each["contestant"]: each["peak_kib"] for each in ours}
    assert all(peak > 10_000 for name, peak in peaks.items()), peaks


def test_what_is_printed_names_the_machine_and_says_that_figures_count_for_nothing(
    run: tuple[str, dict[str, Any]],
) -> None:
    printed, told = run
    assert "flushes/s" in printed
    assert f"PostgreSQL {told['facts']['postgresql']}" in printed
    assert "its figures count for nothing" in printed


@pytest.mark.parametrize(
    ("value", "at_most", "met"),
    [
        (0.59, False, "missed"),
        (0.6, False, "must"),
        (0.8, False, "goal"),
        (0.81, True, "missed"),
        (0.8, True, "must"),
        (0.6, True, "goal"),
    ],
)
def test_a_figure_is_judged_at_its_edges(value: float, at_most: bool, met: str) -> None:
    must, goal = (0.8, 0.6) if at_most else (0.6, 0.8)
    assert Row("", value, value, value, must, goal, at_most).met == met


def test_a_ratio_is_the_median_of_those_within_a_round() -> None:
    ours = Measure(
        "ours", samples=[Sample(100, 1.0, 1.0, 0.0), Sample(10, 1.0, 1.0, 0.0), Sample(50, 1.0, 1.0, 0.0)]
    )
    theirs = Measure(
        "", samples=[Sample(200, 1.0, 1.0, 0.0), Sample(10, 1.0, 1.0, 0.0), Sample(200, 1.0, 1.0, 0.0)]
    )
    row = rates("", ours, theirs)
    assert (row.value, row.lowest, row.highest) == (0.5, 0.25, 1.0)
    row = cpus("", ours, theirs)
    assert (row.value, row.lowest, row.highest) == (2.0, 1.0, 4.0)


def test_a_profile_is_wanted_when_something_is_missed_in_earnest() -> None:
    missed, met = amount("", [3.0, 1.0, 2.0], "ms", 1.0), amount("", [1.0], "ms", 1.0)
    assert Extent(quick=False).profiled([met, missed])
    assert not Extent(quick=False).profiled([met])
    assert not Extent(quick=True).profiled([missed])
    assert Extent(quick=True, profile=True).profiled([met])


def test_the_json_of_a_run_judges_its_rows() -> None:
    outcome = Outcome([amount("lag", [260.0], "ms", 250.0, 100.0)], audited=1)
    (row,) = report.as_json({}, {"lag": outcome}, {"lag": 1.0}, quick=False)["rows"]
    assert (row["module"], row["unit"], row["met"]) == ("lag", "ms", "missed")


def test_a_read_model_that_lacks_a_step_fails_the_audit(databases: Databases) -> None:
    events = fill(databases.store, many(50))
    with ConnectionPool(databases.app, min_size=1, max_size=2, open=True) as pool:
        assert pages(Projector(pool, codec(), ALL)) == events
    rows = audit_ours(databases.store, events, {})
    assert rows["chain.step"] == events
    with psycopg.connect(databases.store, autocommit=True) as connection:
        connection.execute("DELETE FROM read_chain.step WHERE version = 3")
    with pytest.raises(AuditFailed):
        audit_ours(databases.store, events, {})


def test_lives_are_poured_in_whole_and_dense(databases: Databases) -> None:
    lives = [stored(story()) for story in STORIES]
    written = sum(pour(databases.store, 2_000, lives, lanes) for lanes in (range(128), range(128, 256)))
    assert written >= 2_000
    with psycopg.connect(databases.store, autocommit=True) as connection:
        found = connection.execute(
            "SELECT (SELECT count(*) FROM es_event), (SELECT sum(position) FROM es_lane),"
            " (SELECT sum(version) FROM es_stream)"
        ).fetchone()
        rows = connection.execute(
            "SELECT event_id, stream_id, version, name, effective_on, meta, data, private, digest FROM es_event"
        ).fetchall()
    assert found is not None
    assert found == (written, written, written)
    for event_id, stream, *rest, proof in rows:
        assert digest(1, event_id.bytes, stream.bytes, *rest) == proof


@pytest.mark.parametrize(("found", "status"), [(251.0, 1), (250.0, 0)])
def test_a_missed_must_is_the_exit_status_and_comes_with_a_profile(
    found: float, status: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def measure(server: BenchServer, extent: Extent) -> Outcome:
        rows = [amount("lag", [found], "ms", 250.0, 100.0)]
        return Outcome(rows, audited=1, profile="where it goes" if extent.profiled(rows) else "")

    monkeypatch.delenv("QUICK", raising=False)
    monkeypatch.setattr("bench.lagging.measure", measure)
    monkeypatch.setattr("bench.__main__._start_processes", lambda *, quick: None)
    assert main(["--only", "lag", "--out", str(tmp_path / "out"), "--home", str(tmp_path)]) == status
    assert (tmp_path / "out" / "profile-lag.txt").exists() is bool(status)
