"""The bench works, whatever the figures: a tiny run is measured, audited and told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.commands import CommandResults
from bench.crew import Sample
from bench.report import Row, command_rows

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a tiny run says of itself."""
    file = tmp_path_factory.mktemp("bench") / "told.json"
    environment = {**os.environ, "QUICK": "1"}
    run = subprocess.run(
        [sys.executable, "-m", "bench", "--json", str(file)],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return found


def test_every_contestant_is_measured_with_one_client_and_with_sixteen(told: dict[str, Any]) -> None:
    measured = {(each["contestant"], each["clients"]) for each in told["commands"]}
    everyone = {(kind, clients) for kind in ("hulian", "bare", "stock") for clients in (1, 16)}
    assert measured == everyone | {("hulian-cold", 1)}
    for each in told["commands"]:
        for sample in each["samples"]:
            assert sample["done"] > 0
            assert sample["client_cpu"] > 0
            assert sample["server_cpu"] > 0


def test_every_sample_of_commands_is_audited(told: dict[str, Any]) -> None:
    assert told["audited"] == sum(len(each["samples"]) for each in told["commands"]) == 7


def test_the_case_has_about_twelve_events(told: dict[str, Any]) -> None:
    assert 10 <= told["events_loaded"] <= 13


def test_the_whole_backlog_is_projected(told: dict[str, Any]) -> None:
    (ours,) = [each for each in told["projector"] if each["contestant"] == "hulian"]
    (sample,) = ours["samples"]
    assert sample["done"] >= told["projected_rows"]["chain.step"] >= 2_000


def test_every_row_of_the_design_is_judged(told: dict[str, Any]) -> None:
    asked = [row for row in told["rows"] if row["must"] is not None]
    assert len(asked) == 7
    assert all(row["met"] in ("goal", "must", "missed") for row in asked)


def test_every_process_tells_its_peak_memory(told: dict[str, Any]) -> None:
    peaks = [*told["peak_kib"]["command"].values(), *told["peak_kib"]["projector"].values()]
    assert len(peaks) == 7
    assert min(peaks) > 10_000


@pytest.mark.parametrize(
    ("ratio", "at_most", "met"),
    [
        (0.59, False, "missed"),
        (0.6, False, "must"),
        (0.8, False, "goal"),
        (0.81, True, "missed"),
        (0.8, True, "must"),
        (0.6, True, "goal"),
    ],
)
def test_a_ratio_is_judged_at_its_edges(ratio: float, at_most: bool, met: str) -> None:
    must, goal = (0.8, 0.6) if at_most else (0.6, 0.8)
    assert Row("", ratio, ratio, ratio, must, goal, at_most).met == met


def test_a_ratio_is_the_median_of_those_within_a_round() -> None:

    ours = [Sample(100, 1.0, 1.0, 0.0), Sample(10, 1.0, 1.0, 0.0), Sample(50, 1.0, 1.0, 0.0)]
    theirs = [Sample(200, 1.0, 1.0, 0.0), Sample(10, 1.0, 1.0, 0.0), Sample(200, 1.0, 1.0, 0.0)]
    everybody = {(kind, n): theirs for kind in ("hulian", "bare", "stock", "hulian-cold") for n in (1, 16)}
    everybody["hulian", 1] = ours
    row = command_rows(CommandResults(everybody, {}, 0, 12), 16)[0]
    assert (row.ratio, row.lowest, row.highest) == (0.5, 0.25, 1.0)
