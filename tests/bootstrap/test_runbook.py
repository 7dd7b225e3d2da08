"""The runbook is true: every command in it is carried out, in order, in an installation of its own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from importlib.resources import as_file, files
from pathlib import Path

import pytest
from typer.testing import CliRunner

from application.register.checking import check, villages_of
from application.register.importing import import_register
from application.register.reading import read_register
from bootstrap.cli.main import app
from bootstrap.server.embedded import EmbeddedPostgres
from bootstrap.settings import load_settings
from bootstrap.wiring import database, migrated_installation
from domain.members.registration import NewMember, RegisterHousehold
from tests.bootstrap.site import TOWNSHIP, VILLAGE
from tests.bootstrap.warm import warm
from tests.installations import told

ROOT = Path(__file__).resolve().parents[2]
RUNBOOK = ROOT / "docs" / "runbook.md"
SECONDS = 400
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STATUS = re.compile(r"\s+# 退出码 (\d+)$")


@dataclass(frozen=True)
class Step:
    """A command of the runbook, the status it ends with, the words it says."""

    command: str
    status: int
    says: tuple[str, ...]


def blocks() -> list[tuple[str, str]]:
    return [(match[1], match[2]) for match in BLOCK.finditer(RUNBOOK.read_text("utf-8"))]


def steps() -> list[Step]:
    found: list[Step] = []
    for kind, text in blocks():
        for line in text.splitlines() if kind == "console" else ():
            if line.startswith("$ "):
                status = STATUS.search(line)
                command = STATUS.sub("", line.removeprefix("$ "))
                found.append(Step(command, int(status[1]) if status else 0, ()))
            elif line.strip():
                last = found.pop()
                found.append(Step(last.command, last.status, (*last.says, line.strip())))
    return found


@pytest.fixture
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hulian-runbook-") as directory:
        place = Path(directory)
        # the server's user has to pass through
        place.chmod(0o711)
        try:
            yield place
        finally:
            for record in place.rglob("postgres.json"):
                EmbeddedPostgres(record.parent).destroy()


def people(home: Path) -> tuple[str, str]:
    """An accepted household, and a person of one that was only registered, in the installation to come."""
    settings = load_settings(home=home)
    with (
        database(settings) as where,
        migrated_installation(where, settings.key_directory) as installation,
        as_file(files("samples").joinpath("register-sample.xlsx")) as workbook,
    ):
        villages = villages_of(installation.reference.regions)
        checked = check(read_register(workbook), villages, date(2026, 11, 20))
        accepted = next(each.household for each in import_register(installation.handler, checked, "w1"))
        member = NewMember("A1", "于福来", "head")
        (answer,) = told(installation, [(TOWNSHIP, RegisterHousehold(date(2026, 3, 2), VILLAGE, (member,)))])
        (registered,) = installation.households.get(answer.household).members
    return str(accepted), str(registered.person)


def script(steps: list[Step], out: Path) -> str:
    """What bash is given: each command with its output and status in files, ended by the first that differs."""
    lines = []
    for n, step in enumerate(steps):
        lines += ["{", step.command, f"}} >{out}/{n}.out 2>&1", "ended=$?", f"echo $ended >{out}/{n}.status"]
        lines.append(f"[ $ended -eq {step.status} ] || exit 1")
    return "\n".join(lines) + "\n"


def carried_out(text: str, work: Path, environment: Mapping[str, str]) -> None:
    """Give a script to bash and wait for its end; nothing it started outlives it."""
    running = subprocess.Popen(
        ["bash"],
        cwd=work,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        running.communicate(text, timeout=SECONDS)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()


@pytest.mark.long
def test_every_command_of_the_runbook_does_what_it_says(place: Path) -> None:
    home, work, out = place / "home", place / "work", place / "out"
    work.mkdir()
    out.mkdir()
    household, person = people(home)
    told = {name: value for name, value in os.environ.items() if not name.startswith("HULIAN_")}
    environment = {
        **told,
        "PATH": os.pathsep.join([str(place), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HULIAN_HOME": str(home),
        "BACKUPS": str(place / "backups"),
        "ELSEWHERE": str(place / "elsewhere"),
        "HOUSEHOLD": household,
        "PERSON": person,
        "COLUMNS": "200",
        "NO_COLOR": "1",
        "PYTHONUNBUFFERED": "1",
    }
    all_steps = steps()
    with warm(place):
        carried_out(script(all_steps, out), work, environment)
    for n, step in enumerate(all_steps):
        status = out / f"{n}.status"
        said = (out / f"{n}.out").read_text("utf-8", "replace") if (out / f"{n}.out").exists() else ""
        assert status.exists(), (step.command, said)
        assert int(status.read_text()) == step.status, (step.command, said)
        for words in step.says:
            assert words in said, (step.command, said)
    assert "Traceback" not in "".join(path.read_text("utf-8", "replace") for path in work.glob("*.log"))


def test_a_command_that_ends_otherwise_ends_the_rest(tmp_path: Path) -> None:
    wrong = [Step("true", 0, ()), Step("false", 0, ()), Step("true", 0, ())]
    carried_out(script(wrong, tmp_path), tmp_path, os.environ)
    assert {path.name: path.read_text().strip() for path in tmp_path.glob("*.status")} == {
        "0.status": "0",
        "1.status": "1",
    }


def test_nearly_all_of_it_is_carried_out() -> None:
    kinds = [kind for kind, _ in blocks()]
    assert set(kinds) <= {"console", "text"}
    assert kinds.count("text") * 2 <= kinds.count("console")
    assert len(steps()) > 40


def test_commands_in_its_text_are_commands_there_are() -> None:
    text = re.sub(BLOCK, "", RUNBOOK.read_text("utf-8"))
    named = set(re.findall(r"`hulian ([a-z][a-z -]*?)(?: -[^`]*)?`", text))
    assert named
    for words in sorted(named):
        said = CliRunner().invoke(app, [*words.split(), "--help"])
        assert said.exit_code == 0, words


def test_files_it_points_to_are_there() -> None:
    text = RUNBOOK.read_text("utf-8")
    for link in re.findall(r"\]\((\S+?\.md)\)", text):
        assert (RUNBOOK.parent / link).exists(), link
    for path in re.findall(r"(?:deploy|tests)/[\w./@-]*\w", text):
        assert (ROOT / path).exists(), path
    units = {path.name.replace("@.service", "@") for path in (ROOT / "deploy" / "systemd").iterdir()}
    for unit in re.findall(r"\bhulian-(?:[a-z]+\.timer|work@)", text):
        assert unit in units, unit
    assert shutil.which("bash")
