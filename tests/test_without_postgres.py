"""`make test-fast` starts no server: who asks for one is left out, and who starts one unasked fails."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ServerStarted, refuse_servers

ROOT = Path(__file__).resolve().parents[1]

PLANTED = """
from pathlib import Path

from bootstrap.server.embedded import EmbeddedPostgres


def test_asks_for_databases(databases):
    raise AssertionError("not left out")


def test_starts_a_server_by_itself(tmp_path: Path):
    EmbeddedPostgres(tmp_path / "server").start()


def test_needs_neither():
    pass
"""


def fast(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--without-postgres", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_test_that_asks_for_a_server_is_left_out_and_one_that_starts_it_fails(tmp_path: Path) -> None:
    planted = tmp_path / "test_planted.py"
    planted.write_text(PLANTED, "utf-8")
    ran = fast("-p", "tests.conftest", "--rootdir", str(tmp_path), "-q", str(planted))
    assert ran.returncode == pytest.ExitCode.TESTS_FAILED, ran.stdout + ran.stderr
    assert "1 failed, 1 passed, 1 deselected" in ran.stdout
    assert "ServerStarted" in ran.stdout
    assert not (tmp_path / "server").exists() or not list((tmp_path / "server").rglob("postmaster.pid"))


@pytest.mark.parametrize("program", ["postgres", "/usr/lib/postgresql/15/bin/pg_ctl", b"/opt/bin/initdb"])
def test_every_way_to_start_a_server_is_refused(program: str | bytes) -> None:
    for command in (program, [program, "-D", "data"], ["setpriv", "--reuid", "1", program]):
        with pytest.raises(ServerStarted):
            refuse_servers("subprocess.Popen", (None, command, None, None))
    refuse_servers("subprocess.Popen", (None, ["lint-imports", "--no-cache"], None, None))


def test_the_target_selects_what_is_there() -> None:
    said = subprocess.run(
        ["make", "--dry-run", "test-fast"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    (line,) = (each for each in said.stdout.splitlines() if "--without-postgres" in each)
    selected = re.findall(r"\btests/[\w/.]+", line)
    assert selected
    for path in selected:
        assert (ROOT / path).exists(), path
