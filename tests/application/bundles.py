"""A household exported out of a real store, sealed and witnessed, and its bundle taken apart and put together."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from application.audit import verify_bundle
from application.audit.bundle import Asked, Bundles, Exported
from bootstrap.wiring import Installation
from domain.values.person import HouseholdId
from eventstore.access_records import access_log
from eventstore.postgres.pools import open_pool
from eventstore.sealing.seals import Sealer
from eventstore.sealing.signing import PublicKeys, SealKeys
from eventstore.sealing.witness import FileWitness
from tests.database import Databases
from tests.installations import installed
from tests.scenario import HOUSEHOLD

AT = datetime(2026, 11, 22, 3, 4, 5, 678901, tzinfo=UTC)
ASKED = Asked("auditor-1", "纪检监察核查", "370786/audit")
Files = dict[str, bytes]


@dataclass(frozen=True)
class Sealed:
    """An office with its seal keys and its witness."""

    office: Installation
    databases: Databases
    directory: Path

    @property
    def witness(self) -> Path:
        return self.directory / "witness"

    @property
    def public(self) -> Path:
        return self.directory / "seal" / "seal-1.pub"

    def seal(self) -> None:
        """Seal what is new, as the sealer does."""
        self.witness.mkdir(exist_ok=True)
        pool = open_pool(self.databases.sealer, size=1)
        try:
            Sealer(pool, SealKeys(self.directory / "seal"), FileWitness(self.witness)).run_once()
        finally:
            pool.close()

    def bundles(self) -> Bundles:
        office = self.office
        keys = PublicKeys.in_directory(self.directory / "seal")
        return Bundles(office.store, office.pool, office.attachments, keys, access_log(office.pool))

    def exported(
        self, household: HouseholdId = HOUSEHOLD, *, at: datetime = AT, number: int | None = None
    ) -> tuple[bytes, Exported]:
        """The bundle of a household, and what the export says of it."""
        out = io.BytesIO()
        told = self.bundles().export(household, out, ASKED, at, number)
        return out.getvalue(), told


@contextmanager
def sealed_office(databases: Databases, directory: Path, *, trial: bool = False) -> Iterator[Sealed]:
    """An office whose events can be sealed."""
    with installed(databases, directory / "keys", trial=trial) as office:
        yield Sealed(office, databases, directory)


def unpacked(bundle: bytes) -> Files:
    """The files of a bundle by name."""
    with ZipFile(io.BytesIO(bundle)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(files: Files, path: Path) -> Path:
    """A bundle of these files."""
    with ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def content(files: Files) -> dict[str, Any]:
    """What `bundle.json` says."""
    told: dict[str, Any] = json.loads(files["bundle.json"])
    return told


def altered(files: Files, change: Callable[[dict[str, Any]], object]) -> Files:
    """The same files with `bundle.json` changed."""
    told = content(files)
    change(told)
    return {**files, "bundle.json": json.dumps(told, ensure_ascii=False).encode()}


def codes(
    files: Files, path: Path, keys: list[bytes] | None = None, witnessed: bytes | None = None
) -> list[str]:
    """The codes of what the verifier finds wrong; `bundle-unreadable` where it cannot read at all."""
    packed(files, path)
    try:
        result = verify_bundle.check(verify_bundle.Files(path), keys, witnessed)
    except verify_bundle.Unreadable:
        return ["bundle-unreadable"]
    return [fault.code for fault in result.wrong]


@dataclass(frozen=True)
class Clean:
    """An interpreter with the standard library and `cryptography`, and nothing else."""

    site: Path

    @classmethod
    def made(cls, site: Path) -> Clean:
        """Only `cryptography` and what it needs, linked into a folder of their own."""
        site.mkdir()
        for name in ("cryptography", "cffi", "_cffi_backend", "pycparser"):
            spec = find_spec(name)
            assert spec is not None
            assert spec.origin is not None
            origin = Path(spec.origin)
            there = origin.parent if origin.name == "__init__.py" else origin
            (site / there.name).symlink_to(there)
        return cls(site)

    def run(self, program: str, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """A program run there; `site` stands first on its path."""
        text = f"import sys; sys.path.insert(0, {str(self.site)!r}); {program}"
        return subprocess.run(
            [sys.executable, "-I", "-S", "-X", "utf8", "-c", text, *words],
            cwd=cwd or self.site,
            env={},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    def verify(self, script: Path, *words: str) -> subprocess.CompletedProcess[str]:
        """`python verify.py …`."""
        program = f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')"
        return self.run(program, *words)
