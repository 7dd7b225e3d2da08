"""`hulian import register` as people meet it: asked on a terminal, plain lines elsewhere, a workbook of faults."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from application.register.template import write_register
from bootstrap.addresses import Addresses
from bootstrap.cli.import_register import EVERY, ImportRequest, import_workbook
from bootstrap.settings import Settings, load_settings
from bootstrap.wiring import adopt, migrated, today
from samples.register import families
from tests.database import Databases


@pytest.fixture
def settings(databases: Databases, tmp_path: Path) -> Settings:
    home = tmp_path / "home"
    home.mkdir()
    where = Addresses(databases.store, databases.keys, databases.store, databases.keys)
    settings = load_settings(home=home, database_url=where.store, keys_url=where.keys)
    migrated(where)
    adopt(where, settings.key_directory, today())
    return settings


def workbook(target: Path, count: int, *, mistakes: bool = False) -> Path:
    made = families(count, mistakes=mistakes)
    write_register(
        target,
        [family.household for family in made],
        [member for family in made for member in family.members],
        [item for family in made for item in family.items],
    )
    return target


def households(databases: Databases) -> int:
    with psycopg.connect(databases.store) as connection:
        row = connection.execute("SELECT count(*) FROM es_stream WHERE category = 'household'").fetchone()
    return 0 if row is None else int(row[0])


def on_a_terminal(settings: Settings, file: Path, answer: str, *more: str) -> tuple[int, str]:
    """The exit status and everything said when a person types an answer on a real terminal."""
    outer, inner = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "bootstrap", "import", "register", str(file), *more],
        env={
            **os.environ,
            "HULIAN_HOME": str(settings.home),
            "HULIAN_DATABASE_URL": str(settings.database_url),
            "HULIAN_KEYS_URL": str(settings.keys_url),
            "TERM": "xterm",
        },
        stdin=inner,
        stdout=inner,
        stderr=inner,
    )
    os.close(inner)
    os.write(outer, f"{answer}\n".encode())
    said = b""
    try:
        while chunk := os.read(outer, 65536):
            said += chunk
    except OSError:
        pass  # the terminal's other end is closed: it has ended
    os.close(outer)
    return process.wait(60), said.decode(errors="replace")


def test_on_a_terminal_it_shows_what_would_happen_and_writes_only_after_yes(
    settings: Settings, databases: Databases, tmp_path: Path
) -> None:
    file = workbook(tmp_path / "register.xlsx", 40)
    status, said = on_a_terminal(settings, file, "n")
    assert status == 1, said
    assert "新受理 40 户" in said
    assert "没有写入" in said
    assert households(databases) == 0
    status, said = on_a_terminal(settings, file, "y")
    assert status == 0, said
    assert "已受理 40 户" in said
    assert "40/40" in said
    assert households(databases) == 40
    status, said = on_a_terminal(settings, file, "", "--yes")
    assert status == 0, said
    assert "预览：" not in said
    assert "此前已导入、未变动 40 户" in said


def test_without_a_terminal_it_goes_on_and_says_a_line_now_and_then(
    settings: Settings, databases: Databases, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = workbook(tmp_path / "register.xlsx", EVERY + 1)
    assert import_workbook(settings, file, ImportRequest()) == 0
    said = capsys.readouterr()
    assert f"导入 {EVERY}/{EVERY + 1}，约还需 " in said.err
    assert f"已受理 {EVERY + 1} 户" in said.out
    assert households(databases) == EVERY + 1


def test_a_preview_writes_nothing_and_says_with_its_status_whether_all_would_go_in(
    settings: Settings, databases: Databases, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = workbook(tmp_path / "good.xlsx", 30)
    bad = workbook(tmp_path / "bad.xlsx", 30, mistakes=True)
    assert import_workbook(settings, good, ImportRequest(preview_only=True)) == 0
    assert import_workbook(settings, bad, ImportRequest(preview_only=True)) == 1
    said = capsys.readouterr().out
    assert "新受理 30 户（60 人）" in said
    assert "有差错退回 10 户" in said
    assert households(databases) == 0


def test_the_workbook_of_faults_has_just_those_that_stayed_out_and_none_when_all_went_in(
    settings: Settings, databases: Databases, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, again = tmp_path / "faults.xlsx", tmp_path / "again.xlsx"
    bad = workbook(tmp_path / "bad.xlsx", 30, mistakes=True)
    assert import_workbook(settings, bad, ImportRequest(faults=out)) == 1
    assert f"没有写入的 10 户另存为 {out}" in capsys.readouterr().out
    assert households(databases) == 20
    assert import_workbook(settings, out, ImportRequest(faults=again)) == 1
    assert "共 10 户：可受理 0 户，退回 10 户；差错 10 处" in capsys.readouterr().out
    assert again.exists()
    assert households(databases) == 20
    good = workbook(tmp_path / "good.xlsx", 30)
    assert import_workbook(settings, good, ImportRequest(faults=tmp_path / "none.xlsx")) == 0
    assert households(databases) == 30
    assert not (tmp_path / "none.xlsx").exists()
