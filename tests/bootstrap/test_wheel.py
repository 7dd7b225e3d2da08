"""The built wheel carries everything a run needs, and runs from there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PACKAGES = PROJECT["tool"]["importlinter"]["root_packages"]
LEFT_BEHIND = {"__pycache__"}

LOOK = """
import json, migrations.runner
from migrations.runner import migrations_of
from bootstrap import cli
print(json.dumps([migrations.runner.__file__, len(migrations_of("store")), len(migrations_of("keys"))]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return next(place.glob("*.whl"))


def test_every_file_of_the_packages_is_in_it(wheel: Path) -> None:
    ask = ["git", "ls-files", "--others", "--ignored", "--exclude-standard"]
    ignored: list[str] = []
    if shutil.which("git"):
        ignored = subprocess.run(
            ask, cwd=ROOT, capture_output=True, text=True, check=False
        ).stdout.splitlines()
    there = {
        str(file.relative_to(ROOT))
        for package in PACKAGES
        for file in (ROOT / package).rglob("*")
        if file.is_file() and not LEFT_BEHIND & set(file.parts)
    }
    with zipfile.ZipFile(wheel) as opened:
        packed = {name for name in opened.namelist() if ".dist-info/" not in name}
    assert packed == there - set(ignored)


def test_it_runs_away_from_the_sources(wheel: Path, tmp_path: Path) -> None:
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target"]
    subprocess.run([*install, str(tmp_path / "site"), str(wheel)], check=True, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    looked = subprocess.run(
        [sys.executable, "-P", "-c", LOOK],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert looked.returncode == 0, looked.stderr
    file, store, keys = json.loads(looked.stdout)
    assert Path(file).is_relative_to(tmp_path)
    assert (store, keys) == (
        len(list((ROOT / "migrations/store").iterdir())),
        len(list((ROOT / "migrations/keys").iterdir())),
    )
