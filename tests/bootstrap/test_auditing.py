"""`hulian audit`: seal, verify, show the checkpoint; what was altered is listed and ends the command with status 1."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from bootstrap.cli.main import app
from bootstrap.server.embedded import EmbeddedPostgres
from bootstrap.settings import load_settings
from bootstrap.wiring import embedded
from eventstore.sealing.checkpoint import parse
from eventstore.sealing.signing import PublicKeys
from eventstore.sealing.witness import WitnessUnreadable
from tests.bootstrap.test_cli import hulian


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hulian-audit-") as directory:
        home = Path(directory) / "home"
        with embedded(load_settings(home=home)):  # kept up for all commands of this module
            yield home
        EmbeddedPostgres(home / "postgres").destroy()


def said(*words: str, status: int = 0) -> str:
    done = CliRunner().invoke(app, ["audit", *words])
    assert done.exit_code == status, done.output
    return done.stdout


def told(*words: str, status: int = 0) -> Any:
    return json.loads(said(*words, "--json", status=status))


def test_a_store_is_sealed_and_verified_and_what_is_altered_is_named(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = tmp_path / "witness"
    witness.mkdir()
    assert "seal-missing" in hulian(home, "audit", "checkpoint", status=1).stderr
    monkeypatch.setenv("HULIAN_HOME", str(home))
    monkeypatch.setenv("HULIAN_WITNESS", str(witness))
    sealed = told("seal")  # the packs and calendars adopted
    assert (sealed["checkpoint"], sealed["witnessed"]) == (1, 1)
    assert sealed["sealed"] > 0
    assert [path.name for path in witness.iterdir()] == ["1.json"]
    assert "没有新的事件" in said("seal")

    note = parse(said("checkpoint"))
    assert note.signed_by(PublicKeys.in_directory(home / "keys"))
    assert (note.number, note.total) == (1, sealed["sealed"])

    assert said("verify") == (
        f"核对 {sealed['sealed']} 个事件、1 个检查点、1 份见证；"
        f"其中 {sealed['sealed']} 个由检查点 1 封存。没有发现问题。\n"
    )
    monkeypatch.delenv("HULIAN_WITNESS")
    found = told("verify", "--witness", str(witness))
    assert (found["faults"], found["witnessed"], found["checkpoint"]) == ([], 1, 1)
    absent = CliRunner().invoke(app, ["audit", "verify", "--witness", str(tmp_path / "absent")])
    assert isinstance(absent.exception, WitnessUnreadable)

    server = EmbeddedPostgres(home / "postgres")
    with psycopg.connect(server.uri("hulian")) as superuser:
        row = superuser.execute(
            "UPDATE es_event e SET meta = '{}' FROM (SELECT lane, position FROM es_event LIMIT 1) one"
            " WHERE (e.lane, e.position) = (one.lane, one.position)"
            " RETURNING e.lane, e.position, e.event_id, e.stream_id"
        ).fetchone()
    assert row is not None
    lines = said("verify", status=1).splitlines()
    assert lines[0] == (
        f"✗ 通道 {row[0]} 位置 {row[1]} 事件 {row[2]} 事件流 {row[3]}："
        "事件内容与摘要不符，内容被改动过 [digest-mismatch]"
    )
    assert lines[1].endswith("发现 1 处问题。")
    lane = str(row[0])
    faults = told("verify", "--from-lane", lane, "--to-lane", lane, status=1)["faults"]
    assert [(each["code"], each["lane"], each["position"], each["event"]) for each in faults] == [
        ("digest-mismatch", row[0], row[1], str(row[2]))
    ]
    others = [str(row[0] + 1), "255"] if row[0] < 255 else ["0", "254"]
    assert told("verify", "--from-lane", others[0], "--to-lane", others[1])["faults"] == []
