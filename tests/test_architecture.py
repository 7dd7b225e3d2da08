"""The house stands as drawn: floors look down, the domain needs nothing, and each contract can go red."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LINTER = PROJECT["tool"]["importlinter"]
CONTRACTS = {contract["id"]: contract["name"] for contract in LINTER["contracts"]}
WORKSHOP = {"bench", "tests"}  # not shipped

# contract, the module that breaks it, what that module imports
BREAKS = [
    ("floors", "domain", "eventstore"),
    ("floors", "eventstore", "application"),
    ("floors", "eventstore", "projections"),
    ("floors", "application", "projections"),
    ("floors", "projections", "application"),
    ("floors", "application", "workers"),
    ("floors", "projections", "api"),
    ("floors", "api", "workers"),
    ("floors", "workers", "api"),
    ("floors", "workers", "bootstrap"),
    ("library", "projections", "eventsourcing"),
    ("library", "bootstrap", "eventsourcing"),
    ("domain", "domain", "pydantic"),
    ("web", "application", "fastapi"),
    ("web", "eventstore", "pydantic_settings"),
    ("data", "policy", "domain"),
    ("data", "migrations", "bootstrap"),
    ("wiring", "eventstore", "migrations"),
    ("wiring", "application", "samples"),
]


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"), str(file))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    script = Path(sys.executable).with_name("lint-imports")
    command = [str(script), "--no-cache", "--no-logo"]
    environment = {"PATH": str(script.parent), "COLUMNS": "400", "PYTHONUTF8": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The tree's modules and contracts, to be broken at will."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in LINTER["root_packages"]:
        shutil.copytree(
            ROOT / package,
            tmp_path / package,
            ignore=lambda _, names: [n for n in names if n == "__pycache__"],
        )
    return tmp_path


def test_the_domain_imports_nothing_but_the_standard_library() -> None:
    strangers = {
        f"{file.relative_to(ROOT)}: {name}"
        for file in modules("domain")
        for name in imports(file)
        if name.split(".")[0] not in {*sys.stdlib_module_names, "domain"}
    }
    assert strangers == set()


@pytest.mark.parametrize("package", LINTER["root_packages"])
def test_no_shipped_module_imports_tests_or_bench(package: str) -> None:
    found = {name.split(".")[0] for file in modules(package) for name in imports(file)}
    assert found & WORKSHOP == set()


def test_no_two_read_models_know_each_other() -> None:
    """A read model is a module with its tables in a `.sql` beside it."""
    models = {f"projections.{file.stem}" for file in (ROOT / "projections").glob("*.sql")}
    known = {
        f"{file.stem} -> {name}"
        for file in modules("projections")
        for name in imports(file)
        if f"projections.{file.stem}" in models and name in models and name != f"projections.{file.stem}"
    }
    assert known == set()


def test_every_package_stands_on_a_floor_and_is_shipped() -> None:
    there = {file.parent.name for file in ROOT.glob("*/__init__.py")} - WORKSHOP
    shipped = {name.strip("/") for name in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["include"]}
    assert set(LINTER["root_packages"]) == there
    assert shipped == there


def test_package_files_are_empty() -> None:
    written = [
        str(file.relative_to(ROOT))
        for package in LINTER["root_packages"]
        for file in modules(package)
        if file.name == "__init__.py" and file.stat().st_size
    ]
    assert written == []


def test_the_tree_keeps_its_contracts(copy: Path) -> None:
    checked = lint(copy)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(CONTRACTS)} kept, 0 broken" in checked.stdout


@pytest.mark.parametrize(("contract", "package", "imported"), BREAKS)
def test_a_contract_goes_red_when_broken(copy: Path, contract: str, package: str, imported: str) -> None:
    (copy / package / "broken.py").write_text(f"import {imported}\n")
    checked = lint(copy)
    assert checked.returncode == 1, checked.stdout + checked.stderr
    assert f"{CONTRACTS[contract]} BROKEN" in checked.stdout
    report = checked.stdout.rpartition(f"\n{CONTRACTS[contract]}\n")[2]
    assert f"{package}.broken -> {imported} (l.1)" in report


def test_every_contract_has_been_broken_on_purpose() -> None:
    assert {contract for contract, _, _ in BREAKS} == set(CONTRACTS)
