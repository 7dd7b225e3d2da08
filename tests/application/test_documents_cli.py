"""`hulian document`: a page issued, listed and written out by the command people type."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from bootstrap.cli.main import main
from tests import stories
from tests.application.papers import lived
from tests.database import Databases
from tests.installations import installed
from tests.scenario import HOUSEHOLD

ON = date(2025, 4, 21)
TOWNSHIP = "990301100/township"
Said = Callable[..., str]


@pytest.fixture
def home(databases: Databases, tmp_path: Path) -> Path:
    """The home of an office in which the test family's application was accepted."""
    with installed(databases, tmp_path / "keys") as office:
        lived(office, stories.on_the_road(stories.ling_registered(ON), ON, until="accept"))
    return tmp_path


@pytest.fixture
def hulian(
    home: Path, databases: Databases, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Said:
    """What `hulian document …` says, with its expected exit status."""
    monkeypatch.setenv("HULIAN_HOME", str(home))
    monkeypatch.setenv("HULIAN_DATABASE_URL", databases.store)
    monkeypatch.setenv("HULIAN_KEYS_URL", databases.keys)
    monkeypatch.setenv("COLUMNS", "160")

    def said(*words: str, status: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["hulian", "document", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        assert (ended.value.code or 0) == status, told
        return told.err if status else told.out

    return said


def test_a_document_is_issued_listed_and_written_out(home: Path, hulian: Said) -> None:
    family = str(HOUSEHOLD)
    asked = ("issue", family, "acceptance-notice", "--organ", TOWNSHIP, "--on", "2025-04-21")
    first = json.loads(hulian(*asked, "--json"))
    assert first["number"] == "试验救受〔2025〕1号"
    assert first["document"] in hulian(*asked)  # not a second one
    assert "受理通知书" in hulian("list", family[:8])
    (kept,) = json.loads(hulian("list", family, "--json"))
    assert (kept["id"], kept["delivered"]) == (first["document"], None)
    out = home / "page.html"
    hulian("show", first["document"], "--out", str(out))
    assert "岭某：" in out.read_text("utf-8")


def test_what_is_not_in_order_is_a_sentence_and_a_code(home: Path, hulian: Said) -> None:
    family = str(HOUSEHOLD)
    early = ("issue", family, "refusal-decision", "--organ", TOWNSHIP)
    assert "step-not-taken" in hulian(*early, status=1)
    wrong = hulian("issue", family, "letter", "--organ", TOWNSHIP, status=1)
    assert "acceptance-notice（受理通知书）" in wrong
    nothing = ("show", family, "--out", str(home / "page.html"))
    assert "document-unknown" in hulian(*nothing, status=1)
    assert not (home / "page.html").exists()
