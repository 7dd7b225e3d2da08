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

from projections import registry

ROOT = Path(__file__).resolve().parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LINTER = PROJECT["tool"]["importlinter"]
CONTRACTS = {contract["id"]: contract["name"] for contract in LINTER["contracts"]}
WORKSHOP = {"bench", "tests"}  # not shipped

# contract, the package (then a new module of it) or the module that breaks it, what that imports
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
    ("wings", "domain.values", "domain.household.state"),
    ("wings", "domain.household", "domain.guards.registered"),
    ("wings", "domain.guards", "domain.clock.supervision"),
    ("wings", "domain.categories", "domain.members.registration"),
    ("wings", "domain.members", "domain.intake.application"),
    ("wings", "domain.intake", "domain.decision.opinion"),
    ("wings", "domain.inquiry", "domain.aid.payments"),
    ("wings", "domain.change", "domain.watching.alerts"),
    ("wings", "domain.clock", "domain.catalogue"),
    ("rooms-bootstrap", "bootstrap.wiring", "bootstrap.cli.main"),
    ("rooms-bootstrap", "bootstrap.server", "bootstrap.wiring"),
    ("rooms-bootstrap", "bootstrap.server", "bootstrap.cli.main"),
    ("rooms-bootstrap", "bootstrap.settings", "bootstrap.server.embedded"),
    ("rooms-bootstrap", "bootstrap.logging", "bootstrap.wiring"),
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

# two modules that import each other, and the folder in which that is a circle
CIRCLES = [
    ("domain.values.broken", "domain.values.broken_too", "domain.values"),
    ("domain.guards.broken", "domain.guards.broken_too", "domain.guards"),
    ("eventstore.keys.broken", "eventstore.keys.broken_too", "eventstore.keys"),
    ("application.register.broken", "application.scripts.broken", "application"),
    ("bootstrap.cli.keys.broken", "bootstrap.cli.backup.broken", "bootstrap.cli"),
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
    models = {model.__module__ for model in registry.ALL}
    assert len(models) == len(registry.ALL)
    assert {file.stem for file in (ROOT / "projections").glob("*.sql")} <= {
        name.split(".")[1] for name in models
    }
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


def add(tree: Path, module: str, imported: str) -> int:
    """Let a module import another, a new module if there is none of that name; the line of the import."""
    file = tree.joinpath(*module.split(".")).with_suffix(".py")
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    file.write_text("\n".join([*lines, f"import {imported}", ""]), "utf-8")
    return len(lines) + 1


@pytest.mark.parametrize(("contract", "package", "imported"), BREAKS)
def test_a_contract_goes_red_when_broken(copy: Path, contract: str, package: str, imported: str) -> None:
    module = f"{package}.broken" if (copy / package.replace(".", "/")).is_dir() else package
    line = add(copy, module, imported)
    checked = lint(copy)
    assert checked.returncode == 1, checked.stdout + checked.stderr
    assert f"{CONTRACTS[contract]} BROKEN" in checked.stdout
    report = checked.stdout.rpartition(f"\n{CONTRACTS[contract]}\n")[2]
    assert f"{module} -> {imported} (l.{line})" in report


@pytest.mark.parametrize(("one", "other", "folder"), CIRCLES)
def test_a_circle_of_two_modules_is_found(copy: Path, one: str, other: str, folder: str) -> None:
    add(copy, one, other)
    add(copy, other, one)
    checked = lint(copy)
    assert checked.returncode == 1, checked.stdout + checked.stderr
    assert f"{CONTRACTS['circles']} BROKEN" in checked.stdout
    report = checked.stdout.rpartition(f"\n{CONTRACTS['circles']}\n")[2]
    assert f"No cycles are allowed in {folder}.\n" in report


def test_every_contract_has_been_broken_on_purpose() -> None:
    assert {"circles", *(contract for contract, _, _ in BREAKS)} == set(CONTRACTS)
