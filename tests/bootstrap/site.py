"""An installation on a server of its own, with logins of its own, for who looks at it and mends it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
from typer.testing import CliRunner, Result

from bootstrap.cli.doctor.command import examine
from bootstrap.cli.doctor.finding import Finding, Limits
from bootstrap.cli.main import app
from bootstrap.server.embedded import EmbeddedPostgres
from bootstrap.settings import Settings, load_settings
from bootstrap.wiring import Installation, database, opened
from domain.members.registration import NewMember, RegisterHousehold
from tests.installations import told

LOGIN, KEYS_LOGIN = "web", "web_keys"
TOWNSHIP, VILLAGE = "370786101/township", "370786101215"


@dataclass(frozen=True)
class Site:
    """A data directory, the server below it, and the variables its commands are told."""

    home: Path
    server: EmbeddedPostgres
    told: Mapping[str, str]

    @property
    def settings(self) -> Settings:
        names = {name.removeprefix("HULIAN_").lower(): value for name, value in self.told.items()}
        return load_settings(**names)

    def but(self, **told: str | None) -> Site:
        """The same with other variables; None leaves one out."""
        changed = {**self.told, **{f"HULIAN_{name.upper()}": value for name, value in told.items()}}
        return replace(self, told={name: value for name, value in changed.items() if value is not None})

    def hulian(self, *words: str, status: int = 0) -> Result:
        """A command in this process, told the site's variables, expected to end with a status."""
        done = CliRunner().invoke(app, list(words), env=dict(self.told))
        assert done.exit_code == status, (words, done.output, done.exception)
        return done

    def shell(self, line: str, cwd: Path) -> str:
        """A line as a person types it; `hulian` is the one of this environment."""
        words = shlex.split(line)
        if words[0] == "hulian":
            with _in(cwd):
                return self.hulian(*words[1:]).output
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=cwd,
            env={**os.environ, **self.told, "PATH": path},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        return done.stdout

    def as_superuser(self, *statements: str, base: str = "hulian") -> list[Any]:
        """The rows of the last statement, carried out in one of the databases."""
        with psycopg.connect(self.server.uri(base), autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def found(self, limits: Limits | None = None) -> dict[str, Finding]:
        """What `hulian doctor` finds that is not in order, by code."""
        return {each.code: each for each in examine(self.settings, limits) if each.wrong or each.warning}

    @contextmanager
    def opened(self) -> Iterator[Installation]:
        with (
            database(self.settings) as where,
            opened(where, self.settings.key_directory, pool_size=2) as made,
        ):
            yield made

    def household(self) -> UUID:
        """A household registered in the village of the example county."""
        member = NewMember("A1", "于福来", "head")
        command = RegisterHousehold(date(2026, 3, 2), VILLAGE, (member,))
        with self.opened() as installation:
            (answer,) = told(installation, [(TOWNSHIP, command)], name=str(uuid4()))
        return answer.household


@contextmanager
def site_in(directory: Path) -> Iterator[Site]:
    """A site on a server that keeps what it confirms, migrated, its logins as `hulian migrate` gives them rights."""
    directory.chmod(0o711)
    home = directory / "home"
    server = EmbeddedPostgres(home / "postgres", {"shared_buffers": "64MB"})
    server.start()
    try:
        with psycopg.connect(server.uri("postgres"), autocommit=True) as connection:
            for name in (LOGIN, KEYS_LOGIN):
                connection.execute(f"CREATE ROLE {name} LOGIN".encode())
        for name in ("hulian", "hulian_keys"):
            server.ensure_database(name)
        (directory / "witness").mkdir()
        site = Site(
            home,
            server,
            {
                "HULIAN_HOME": str(home),
                "HULIAN_DATABASE_URL": server.uri("hulian", user=LOGIN),
                "HULIAN_KEYS_URL": server.uri("hulian_keys", user=KEYS_LOGIN),
                "HULIAN_MIGRATIONS_URL": server.uri("hulian"),
                "HULIAN_KEYS_MIGRATIONS_URL": server.uri("hulian_keys"),
                "HULIAN_WITNESS": str(directory / "witness"),
            },
        )
        site.hulian("migrate")
        yield site
    finally:
        server.destroy()


@contextmanager
def _in(directory: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(directory)
    try:
        yield
    finally:
        os.chdir(before)
