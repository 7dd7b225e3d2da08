"""The memory rows: the API and the worker at rest, and an import, small and four times as large, as processes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, Final

import psycopg

from application.register.template import write_register
from bench.databases import Installed, installed
from bench.lagging import settle
from bench.rows import AuditFailed, Extent, Measure, Outcome, Sample, amount, megabytes, ratios
from bench.running import running, serving
from bench.server import BenchServer
from bootstrap.cli.token import development_token
from bootstrap.settings import Settings
from samples.register import families

SMALL, LARGE = "hulian_memory_small", "hulian_memory_large"
TIMES: Final = 4
RESTING: Final = 3.0
"""Seconds of rest before memory is read."""
REQUESTS: Final = 20


def measure(server: BenchServer, extent: Extent) -> Outcome:
    """Import a register twice, four times as large the second time; then let worker and API rest on the larger."""
    small = extent.few(1_000, quick=15)
    imports = [
        Measure(f"memory: import of {count:,} households", "households") for count in (small, TIMES * small)
    ]
    places = [installed(server, name) for name in (SMALL, LARGE)]
    for measured, made, count in zip(imports, places, (small, TIMES * small), strict=True):
        sample, peak = _imported(server, made, count)
        measured.samples.append(sample)
        measured.peak_kib = peak
    with running(places[1], "work") as worker:
        settle(places[1].where.store, worker)
        time.sleep(0.5 if extent.quick else RESTING)
        worker_rest, worker_peak = worker.memory()
    with serving(places[1]) as (api, address):
        _asked(places[1], address)
        time.sleep(0.5 if extent.quick else RESTING)
        api_rest, api_peak = api.memory()
    little, much = (megabytes(each.peak_kib) for each in imports)
    rows = [
        amount("memory: API process at rest", [megabytes(api_rest)], "MB", 150.0, 100.0),
        amount("memory: worker at rest", [megabytes(worker_rest)], "MB", 200.0, 120.0),
        amount(f"memory: import of {TIMES * small:,} households, peak", [much], "MB", 400.0, 250.0),
        ratios(f"memory: the same / import of {small:,} households", [much], [little], at_most=True),
    ]
    server.drop(*places[0].databases, *places[1].databases)
    return Outcome(
        rows,
        imports,
        audited=2,
        notes=[
            f"at rest: resident memory after {REQUESTS} requests and all events projected; most before that:"
            f" API {megabytes(api_peak):.0f} MB, worker {megabytes(worker_peak):.0f} MB"
        ],
        data={"peak_kib": {"api": api_peak, "worker": worker_peak}},
        profile=_parts() if extent.profiled(rows) else "",
    )


def _imported(server: BenchServer, made: Installed, count: int) -> tuple[Sample, int]:
    """`hulian import register` of so many households in a process of its own; its peak in KiB."""
    file = made.home / "register.xlsx"
    _write(file, count)
    began, before = time.perf_counter(), server.cpu()
    with running(made, "import", "register", str(file), "--yes") as process:
        peak, used = process.ended(server)
    took, server_used = time.perf_counter() - began, server.cpu() - before
    with psycopg.connect(made.where.store, autocommit=True) as connection:
        row: Any = connection.execute(
            "SELECT count(*) FROM es_stream WHERE category = 'household'"
        ).fetchone()
    if row[0] != count:
        raise AuditFailed(f"{count} households in the register, {row[0]} in the database")
    return Sample(count, took, used, server_used), peak


def _write(file: Path, count: int) -> None:
    made = families(count, mistakes=False)
    write_register(
        str(file),
        [family.household for family in made],
        [member for family in made for member in family.members],
        [item for family in made for item in family.items],
    )


def _asked(made: Installed, address: str) -> None:
    """Lists and chains read, so that what is loaded late is loaded."""
    token = development_token(Settings(home=made.home), "bench", "990801/civil-affairs", region="cn")
    households: list[str] = []
    for n in range(REQUESTS):
        path = f"/v1/households/{households[n % len(households)]}/chain" if n > 1 else "/v1/households"
        request = urllib.request.Request(f"{address}{path}", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            told = json.load(answer)
        if n <= 1:
            households = [str(each["id"]) for each in told["items"]]


_PARTS: Final = (
    *("psycopg_pool", "msgspec", "pydantic_settings", "cryptography.hazmat.primitives.ciphers.aead"),
    *(
        "eventsourcing.application",
        "domain.catalogue",
        "eventstore.store",
        "application.handling.command_handler",
    ),
    *("projections.registry", "bootstrap.wiring", "fastapi", "uvicorn", "api.app", "api.serve"),
)
_PROGRAM: Final = """
import importlib, resource, sys
from pathlib import Path
def resident():
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * resource.getpagesize() // 1024
print(f"{resident():>8,} KiB  Python")
for name in sys.argv[1:]:
    before = resident()
    importlib.import_module(name)
    print(f"{resident() - before:>+8,} KiB  {name}")
print(f"{resident():>8,} KiB  with all of it")
"""


def _parts() -> str:
    """What each part adds to a process's memory, imported one after the other."""
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM, *_PARTS], capture_output=True, text=True, check=True
    ).stdout
