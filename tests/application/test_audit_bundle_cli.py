"""`hulian audit export`: a bundle written by the command people type, under the purpose they give."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from application.audit import verify_bundle
from bootstrap.cli.main import main
from tests import stories
from tests.application.papers import lived
from tests.database import Databases
from tests.installations import installed
from tests.scenario import HOUSEHOLD

Said = Callable[..., str]
ASKED = ("--purpose", "专项检查", "--actor", "auditor-1", "--organ", "370786/audit")


@pytest.fixture
def hulian(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Said:
    """What `hulian audit …` says in an office with a confirmed family, with its expected exit status."""
    with installed(databases, tmp_path / "keys") as office:
        lived(office, stories.yu_confirmed())
    monkeypatch.setenv("HULIAN_HOME", str(tmp_path))
    monkeypatch.setenv("HULIAN_DATABASE_URL", databases.store)
    monkeypatch.setenv("HULIAN_KEYS_URL", databases.keys)
    monkeypatch.chdir(tmp_path)

    def said(*words: str, status: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["hulian", "audit", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        assert (ended.value.code or 0) == status, told
        return told.err if status else told.out

    return said


def test_a_bundle_is_exported_recorded_and_verifies(
    hulian: Said, databases: Databases, tmp_path: Path
) -> None:
    assert "seal-missing" in hulian("export", str(HOUSEHOLD), *ASKED, status=1)
    assert list(tmp_path.glob("*.partial")) == []
    hulian("seal")
    told = json.loads(hulian("export", str(HOUSEHOLD)[:8], *ASKED, "--json"))
    written = tmp_path / told["file"]
    assert (told["household"], told["checkpoint"], told["unsealed"]) == (str(HOUSEHOLD), 1, 0)
    assert written.stat().st_mode & 0o777 == 0o600
    key = tmp_path / "keys" / "seal-1.pub"
    assert verify_bundle.main([str(written), "--key-file", str(key)]) == 0
    hulian("export", str(HOUSEHOLD), *ASKED, "--out", str(tmp_path / "b.zip"), "--checkpoint", "1")
    assert verify_bundle.main([str(tmp_path / "b.zip")]) == 0
    with psycopg.connect(databases.owner) as connection:
        seen = connection.execute(
            "SELECT actor, organ, purpose FROM es_access WHERE 'audit-bundle' = ANY (fields)"
        ).fetchall()
    assert set(seen) == {("auditor-1", "370786/audit", "专项检查")}


def test_what_is_not_in_order_is_a_sentence_and_a_code(
    hulian: Said, databases: Databases, tmp_path: Path
) -> None:
    hulian("seal")
    out = ("--out", str(tmp_path / "b.zip"))
    assert "purpose-missing" in hulian(
        "export", str(HOUSEHOLD), "--purpose", " ", "--actor", "a", *out, status=1
    )
    assert "checkpoint-unknown" in hulian(
        "export", str(HOUSEHOLD), *ASKED, *out, "--checkpoint", "9", status=1
    )
    nobody = "00000000-0000-5000-8000-000000000001"
    assert "household-unknown" in hulian("export", nobody, *ASKED, *out, status=1)
    assert not (tmp_path / "b.zip").exists()
    with psycopg.connect(databases.store, autocommit=True) as connection:
        connection.execute(
            "UPDATE es_event SET meta = '{}' WHERE stream_id = %s AND version = 2", (HOUSEHOLD,)
        )
    assert "第 2 步" in hulian("export", str(HOUSEHOLD), *ASKED, *out, status=1)
    assert verify_bundle.main([str(tmp_path / "b.zip")]) == 1
