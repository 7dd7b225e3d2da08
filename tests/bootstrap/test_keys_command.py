"""`hulian keys`: what there is, replacing it, retiring what was replaced."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import typer

from bootstrap.cli.backup.command import BackupRequest, backup
from bootstrap.cli.keys.inventory import list_keys
from bootstrap.cli.keys.rotation import (
    BackupUnknown,
    OwnerNeeded,
    RequestKeyStays,
    backup_destroyed,
    retire,
    rotate,
)
from bootstrap.settings import Settings, load_settings
from bootstrap.wiring import Installation
from domain.members.registration import NewMember, RegisterHousehold
from eventstore.errors import KeyInUse
from tests.database import Databases
from tests.installations import installed, told

NUMBER = "990101197304120013"


@pytest.fixture
def settings(databases: Databases, tmp_path: Path) -> Settings:
    return load_settings(home=tmp_path / "home", database_url=databases.store, keys_url=databases.keys)


@pytest.fixture
def installation(databases: Databases, settings: Settings) -> Iterator[Installation]:
    members = (NewMember("A1", "于福来", "head", NUMBER),)
    with installed(databases, settings.key_directory) as installation:
        told(
            installation,
            [("370786101/township", RegisterHousehold(date(2026, 3, 2), "370786101215", members))],
        )
        yield installation


def listed(settings: Settings, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    quiet = list_keys(settings, as_json=True)
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert quiet == (not said["warnings"])
    return said


def test_both_outer_keys_are_replaced_and_retired(
    installation: Installation, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [warning[:11] for warning in listed(settings, capsys)["warnings"]] == ["没有登记过密钥库备份："]
    for what in ("kek", "index"):
        rotate(settings, what, None, only_make=True, quiet=False)
        assert (settings.key_directory / f"{what}-2.key").exists()
    unfinished = listed(settings, capsys)["warnings"]
    assert "hulian keys rotate kek" in unfinished[0]
    assert "hulian keys rotate index" in unfinished[1]
    with pytest.raises(KeyInUse):
        retire(settings, without_backup=True, settled=0)
    for what in ("kek", "index"):
        rotate(settings, what, None, only_make=False, quiet=False)
    backup(settings, BackupRequest(tmp_path / "s", tmp_path / "k"))
    retire(settings, without_backup=False, settled=0)
    told_now = listed(settings, capsys)
    assert told_now["warnings"] == []
    assert [
        (row["purpose"], row["version"], row["file"], row["retired"] is None) for row in told_now["keys"]
    ] == [
        ("kek", 1, False, False),
        ("kek", 2, True, True),
        ("index", 1, False, False),
        ("index", 2, True, True),
        ("request", 1, True, True),
    ]
    files = sorted(file.name for file in settings.key_directory.iterdir())
    assert [name for name in files if name.startswith(("kek", "index"))] == ["index-2.key", "kek-2.key"]
    # who was running all the while goes on
    person = installation.store.find("id-number", NUMBER)
    assert person is not None
    rotate(settings, "owner", person, only_make=False, quiet=False)
    assert listed(settings, capsys)["renewed"] == 1
    retire(settings, without_backup=False)
    assert "没有可以退役的密钥" in capsys.readouterr().out


def test_what_cannot_be_replaced_says_so(installation: Installation, settings: Settings) -> None:
    with pytest.raises(RequestKeyStays):
        rotate(settings, "request", None, only_make=False, quiet=True)
    with pytest.raises(OwnerNeeded):
        rotate(settings, "owner", None, only_make=False, quiet=True)
    with pytest.raises(typer.BadParameter):
        rotate(settings, "all", None, only_make=False, quiet=True)
    with pytest.raises(BackupUnknown):
        backup_destroyed(settings, "none", "k1")
