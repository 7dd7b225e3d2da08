"""The `hulian` command as people and programs use it: real processes on one home, its own PostgreSQL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bootstrap.cli.main import SUBCOMMANDS, loaded
from bootstrap.server.embedded import EmbeddedPostgres

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hulian-cli-") as directory:
        home = Path(directory) / "home"
        server = EmbeddedPostgres(home / "postgres")
        yield home
        server.destroy()


def hulian(home: Path, *words: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the command and expect its exit status."""
    done = subprocess.run(
        [sys.executable, "-m", "bootstrap", *words],
        env={**os.environ, "HULIAN_HOME": str(home), "COLUMNS": "160", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    return done


def told(home: Path, *words: str, status: int = 0) -> Any:
    return json.loads(hulian(home, *words, "--json", status=status).stdout)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("up",),
        ("serve",),
        ("work",),
        ("migrate",),
        ("run",),
        ("commands",),
        ("import", "register"),
        ("template", "register"),
        ("show",),
        ("token",),
        ("doctor",),
        ("projections", "list"),
        ("projections", "retry"),
        ("document", "issue"),
        ("sample", "office"),
    ],
)
def test_every_command_explains_itself(home: Path, words: tuple[str, ...]) -> None:
    said = hulian(home, *words, "--help").stdout
    assert "Usage" in said
    assert any("\u4e00" <= sign <= "\u9fff" for sign in said)


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_the_list_of_subcommands_says_what_each_says_of_itself(name: str) -> None:
    assert loaded(name).help.partition("\n\n")[0] == SUBCOMMANDS[name][1]


def test_the_list_of_subcommands_is_printed_without_importing_them() -> None:
    imported = "import sys; from bootstrap.cli.main import app; app(['--help'], standalone_mode=False)"
    told = f"{imported}; print([name for name in sys.modules if name.startswith('bootstrap.')])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == str(["bootstrap.cli", "bootstrap.cli.main"])


def test_a_wrong_word_is_wrong_usage(home: Path) -> None:
    assert "Usage" in hulian(home, "grant", status=2).stderr


def test_doctor_says_what_is_wrong_and_what_mends_it_and_migrate_does(home: Path) -> None:
    findings = told(home, "doctor", status=3)
    wrong = [finding for finding in findings if finding["wrong"]]
    assert [(finding["what"], finding["mend"]) for finding in wrong] == [("数据库", "hulian up")]
    first = told(home, "migrate")
    assert first["applied"]
    assert first["adopted"] > 10
    assert told(home, "migrate") == {"applied": [], "adopted": 0}


def test_the_story_of_yu_pays_27_537_yuan_in_a_trial_store(home: Path) -> None:
    outcome = told(home, "run", str(SAMPLES / "story-yu.yaml"))["households"]["yu"]
    assert sum(payment["fen"] for payment in outcome["payments"]) == 2_753_700
    assert {payment["state"] for payment in outcome["payments"]} == {"settled"}
    assert outcome["categories"] == [
        {"subject": "yu", "category": "DIBAO", "from": "2021-07-26", "to": "2023-06-01"}
    ]
    assert outcome["cycle"] == 2


def test_a_story_is_a_readable_table(home: Path) -> None:
    said = hulian(home, "run", str(SAMPLES / "story-ling.yaml")).stdout
    assert "给予渐退期" in said
    assert "期间 2026-04 至 2026-09" in said
    assert "MARGINAL 2026-10-01" in said


def test_a_script_that_cannot_be_read_names_step_field_and_reason(home: Path, tmp_path: Path) -> None:
    script = tmp_path / "wrong.yaml"
    text = (SAMPLES / "story-yu.yaml").read_text(encoding="utf-8")
    script.write_text(text.replace("do: confirm-dibao", "do: confirm-dibbao", 1), encoding="utf-8")
    said = hulian(home, "run", str(script), status=1).stderr
    assert "confirm-dibao" in said
    assert "步" in said
    assert "Traceback" not in said


def stopping_at(tmp_path: Path, *, step: str, instead: str) -> Path:
    """The story of Yu with one step written otherwise, so that the script stops there."""
    text = (SAMPLES / "story-yu.yaml").read_text(encoding="utf-8")
    assert text.count(step) == 1
    script = tmp_path / "stops.yaml"
    script.write_text(text.replace(step, instead), encoding="utf-8")
    return script


def test_a_step_refused_unexpectedly_ends_the_run_with_the_outcome_so_far(home: Path, tmp_path: Path) -> None:
    script = stopping_at(tmp_path, step="do: post-notice", instead="do: close-notice")
    ran = hulian(home, "run", str(script), "--json", status=1)
    outcome = json.loads(ran.stdout)
    stopped = {"step": 15, "on": "2021-07-09", "do": "close-notice", "code": "notice-missing"}
    assert outcome["stopped"] == stopped
    (refused,) = outcome["refused"]
    assert {name: refused[name] for name in stopped} == stopped
    assert refused["household"] == "yu"
    chain = outcome["households"]["yu"]["chain"]
    assert chain[-1]["event"] == "household.opinion-given.1"
    assert "[notice-missing]" in ran.stderr
    assert "Traceback" not in ran.stderr
    in_words = hulian(home, "run", str(script), status=1)
    assert (in_words.stdout, in_words.stderr) == ("", ran.stderr)


def test_a_refusal_that_does_not_come_stops_the_run_without_a_refused_step(
    home: Path, tmp_path: Path
) -> None:
    script = stopping_at(tmp_path, step="do: post-notice", instead="refused: not-applied, do: post-notice")
    outcome = told(home, "run", str(script), status=1)
    assert (outcome["stopped"]["code"], outcome["refused"]) == ("refusal-missing", [])


def test_a_run_refused_at_its_first_step_has_no_households(home: Path, tmp_path: Path) -> None:
    script = stopping_at(tmp_path, step="A2: daughter", instead="A2: head")
    outcome = told(home, "run", str(script), status=1)
    assert (outcome["households"], outcome["stopped"]["step"]) == ({}, 1)


def test_a_file_that_is_not_there_is_one_sentence(home: Path) -> None:
    said = hulian(home, "run", "nowhere.yaml", status=1).stderr
    assert "找不到文件 nowhere.yaml" in said
    assert "[file-not-found]" in said
    assert "Traceback" not in said


def test_a_register_is_imported_once_and_its_faults_are_told_cell_by_cell(home: Path) -> None:
    workbook = str(SAMPLES / "register-sample.xlsx")
    checked = told(home, "import", "register", workbook, "--check", status=1)
    assert (len(checked["good"]), len(checked["faults"])) == (20, 10)
    first = told(home, "import", "register", workbook, status=1)["imported"]
    assert {each["state"] for each in first} == {"accepted"}
    again = told(home, "import", "register", workbook, status=1)["imported"]
    assert {each["state"] for each in again} == {"already"}
    household = first[0]["id"]
    chain = told(home, "show", household)["chain"]
    assert [step["title"] for step in chain][-2:] == ["申请", "受理"]
    assert "受理" in hulian(home, "show", household[:8]).stdout


def looks(home: Path, household: str) -> list[tuple[str, str]]:
    """Who looked at a household and what for, as the store says."""
    server = EmbeddedPostgres(home / "postgres")
    server.start()
    try:
        with psycopg.connect(server.uri("hulian")) as connection:
            return connection.execute(
                "SELECT actor, purpose FROM es_access WHERE subject = %s", (household,)
            ).fetchall()
    finally:
        server.stop()


def test_every_look_at_a_household_leaves_a_record(home: Path) -> None:
    workbook = str(SAMPLES / "register-sample.xlsx")
    household = told(home, "import", "register", workbook, status=1)["imported"][1]["id"]
    before = looks(home, household)
    hulian(home, "show", household, "--officer", "w7")
    assert looks(home, household) == [*before, ("w7", "case-handling")]


def test_something_that_is_no_workbook_is_refused(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "register.xlsx"
    file.write_text("not a workbook", encoding="utf-8")
    said = hulian(home, "import", "register", str(file), status=1).stderr
    assert "[workbook-not-xlsx]" in said or "[workbook-damaged]" in said
    assert "Traceback" not in said


def test_an_unknown_household_is_refused_with_its_code(home: Path) -> None:
    said = hulian(home, "show", "00000000-0000-4000-8000-000000000000", status=1).stderr
    assert "[household-unknown]" in said


def test_the_template_written_is_read_again_as_an_empty_register(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "empty.xlsx"
    hulian(home, "template", "register", str(out))
    assert "共 0 户" in hulian(home, "import", "register", str(out)).stdout


def test_commands_are_listed_and_shown_with_an_example(home: Path) -> None:
    names = [each["name"] for each in told(home, "commands")]
    assert "grant-grace" in names
    shown = told(home, "commands", "grant-grace")
    assert {field["name"] for field in shown["fields"]} >= {"on", "cause", "months", "ground"}
    assert "[unknown-command]" in hulian(home, "commands", "grant-gracee", status=1).stderr


def test_the_server_is_gone_when_nobody_uses_it(home: Path) -> None:
    hulian(home, "migrate")
    assert not EmbeddedPostgres(home / "postgres").running()
