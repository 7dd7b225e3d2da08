"""What stands in deploy/ fits this program: units, container file, compose example."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from bootstrap.cli.main import app
from bootstrap.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
WRITES = {"hulian-work@", "hulian-audit", "hulian-status", "hulian-backup"}
PROGRAM = "/opt/hulian/bin/hulian"
VARIABLES = {f"HULIAN_{name.upper()}" for name in Settings.model_fields}
HARDENED = {
    "User": "hulian",
    "UMask": "0077",
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "CapabilityBoundingSet": "",
    "StateDirectory": "hulian",
    "StateDirectoryMode": "0700",
    "SystemCallArchitectures": "native",
}


class Repeated(dict[str, Any]):
    """A section in which a name may stand several times."""

    def __setitem__(self, name: str, value: Any) -> None:
        if isinstance(value, list) and name in self:
            self[name].extend(value)
        else:
            super().__setitem__(name, value)


def unit(path: Path) -> dict[str, dict[str, list[str]]]:
    parser = ConfigParser(strict=False, interpolation=None, dict_type=Repeated, empty_lines_in_values=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(path.read_text("utf-8"))
    return {name: {key: value.split("\n") for key, value in parser.items(name)} for name in parser.sections()}


def is_a_command(words: list[str]) -> None:
    """Words after `hulian` name a command there is, with options it has."""
    said = CliRunner().invoke(app, [*words, "--help"])
    assert said.exit_code == 0, said.output
    assert "Commands:" not in said.output, f"{words} is a group"


def instructions() -> list[tuple[str, str]]:
    """The container file's instructions, continued lines joined, comments left out."""
    text = (DEPLOY / "Containerfile").read_text("utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(word, rest) for line in joined.split("\n") for word, _, rest in [line.partition(" ")]]


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)
def test_a_service_runs_a_command_there_is_with_variables_there_are(path: Path) -> None:
    service = unit(path)["Service"]
    (line,) = service["ExecStart"]
    program, *words = shlex.split(line)
    assert program == PROGRAM
    is_a_command(words)
    for pair in shlex.split(" ".join(service["Environment"])):
        assert pair.partition("=")[0] in VARIABLES
    assert "/etc/hulian/hulian.env" in service["EnvironmentFile"]


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)
def test_a_service_is_hardened_and_holds_no_secret(path: Path) -> None:
    service = unit(path)["Service"]
    assert {name: service[name][-1] for name in HARDENED} == HARDENED
    assert ("ReadWritePaths" in service) == (path.stem in WRITES)
    assert "postgresql://" not in path.read_text("utf-8")
    owner = "/etc/hulian/owner.env" in service["EnvironmentFile"]
    assert owner == (path.stem in {"hulian-migrate", "hulian-backup"})


@pytest.mark.parametrize("name", ["hulian-api.service", "hulian-work@.service"])
def test_what_runs_for_long_comes_back_and_has_time_to_end(name: str) -> None:
    service = unit(DEPLOY / "systemd" / name)["Service"]
    assert service["Restart"] == ["always"]
    assert int(service["TimeoutStopSec"][0]) > 10


def test_every_timer_has_its_service() -> None:
    timers = [path for path in UNITS if path.suffix == ".timer"]
    assert timers
    for path in timers:
        assert path.with_suffix(".service") in SERVICES
        assert "Timer" in unit(path)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_itself_finds_nothing_wrong(tmp_path: Path) -> None:
    for path in UNITS:
        here = path.read_text("utf-8").replace(PROGRAM, str(Path(sys.executable).with_name("hulian")))
        (tmp_path / path.name).write_text(here, "utf-8")
    for name in sorted(path.name for path in tmp_path.iterdir()):
        command = ["systemd-analyze", "verify", "--man=no", f"./{name}"]
        verified = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (verified.returncode, verified.stderr) == (0, ""), name
    for path in SERVICES:
        exposed = ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", path.name]
        rated = subprocess.run(exposed, cwd=path.parent, capture_output=True, text=True, check=False)
        assert rated.returncode == 0, rated.stdout[-300:]


def test_the_container_is_built_of_what_is_there_and_of_all_of_the_wheel() -> None:
    copied = []
    for word, rest in instructions():
        if word == "COPY" and "--from" not in rest:
            *sources, _ = rest.split()
            copied += sources
    assert [source for source in copied if not (ROOT / source).exists()] == []
    include = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]
    packages = {name.strip("/") for name in include["targets"]["wheel"]["include"]}
    assert packages <= set(copied)
    let_in = {
        line.removeprefix("!")
        for line in (DEPLOY / "Containerfile.dockerignore").read_text("utf-8").splitlines()
        if line.startswith("!")
    }
    assert let_in == set(copied)


def test_the_container_installs_only_what_is_pinned_by_hash() -> None:
    installs = [
        line
        for word, rest in instructions()
        if word == "RUN"
        for line in rest.split("&&")
        if "pip install" in line
    ]
    assert len(installs) == 3
    for line in installs:
        assert "--require-hashes" in line or ("--no-deps" in line and "--no-index" in line)


def test_the_container_runs_a_command_there_is_as_nobody_special() -> None:
    last = {
        word: rest for word, rest in instructions() if word in {"USER", "ENTRYPOINT", "CMD", "STOPSIGNAL"}
    }
    assert last["ENTRYPOINT"] == '["hulian"]'
    assert last["STOPSIGNAL"] == "SIGTERM"
    user = last["USER"].partition(":")[0]
    assert user.isdigit()
    assert user != "0"
    is_a_command(yaml.safe_load(last["CMD"]))
    told = dict(
        re.findall(r"(HULIAN_\w+)=(\S+)", " ".join(rest for word, rest in instructions() if word == "ENV"))
    )
    assert set(told) <= VARIABLES
    (health,) = [rest for word, rest in instructions() if word == "HEALTHCHECK"]
    assert f":{told['HULIAN_PORT']}/readyz" in health


def test_images_are_named_without_a_host_and_nothing_secret_is_written_down() -> None:
    compose = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text("utf-8"))
    images = [rest.split(" AS ")[0] for word, rest in instructions() if word == "FROM"]
    images += [service["image"] for service in compose["services"].values()]
    assert [image for image in images if "/" in image] == []
    for path in (path for path in DEPLOY.rglob("*") if path.is_file()):
        assert not re.search(r"postgresql://\w+:(?!PASSWORD@|\$)[^@\s]+@", path.read_text("utf-8")), path


def test_the_compose_example_fits_together() -> None:
    compose = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text("utf-8"))
    services, secrets = compose["services"], compose["secrets"]
    made = set(
        re.findall(r"secrets/(\w+)$", (DEPLOY / "compose" / "secrets.sh").read_text("utf-8"), re.MULTILINE)
    )
    assert {Path(secret["file"]).name for secret in secrets.values()} == set(secrets) == made
    for name, service in services.items():
        assert set(service.get("secrets", [])) <= set(secrets), name
        assert set(service.get("depends_on", {})) <= set(services), name
        if "command" in service:
            is_a_command(service["command"])
            assert {each.upper() for each in service["secrets"]} <= VARIABLES, name
            assert not any("migrations" in each for each in service["secrets"]) or name == "migrate"


def test_the_example_of_variables_names_only_those_there_are() -> None:
    text = (DEPLOY / "hulian.env.example").read_text("utf-8")
    assert set(re.findall(r"(HULIAN_\w+)=", text)) <= VARIABLES


@pytest.mark.parametrize("script", sorted((DEPLOY / "compose").glob("*.sh")), ids=lambda path: path.name)
def test_a_script_can_be_read_by_the_shell(script: Path) -> None:
    assert subprocess.run(["sh", "-n", str(script)], check=False).returncode == 0


def test_the_secrets_are_made_once_and_for_nobody_else(tmp_path: Path) -> None:
    script = shutil.copy(DEPLOY / "compose" / "secrets.sh", tmp_path)
    for _ in range(2):
        subprocess.run(["sh", str(script)], check=True, capture_output=True)
    secrets = tmp_path / "secrets"
    assert secrets.stat().st_mode & 0o077 == 0
    owner = (secrets / "owner_password").read_text()
    assert owner in (secrets / "hulian_migrations_url").read_text()
    assert owner not in (secrets / "hulian_database_url").read_text()
