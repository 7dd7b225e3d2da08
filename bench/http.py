"""The HTTP row: the chain of a household, masked and with its durable access record, beside a bare endpoint.

All servers run under uvicorn with the product's own settings, each in a process of its own, and are asked by one and
the same client. CPU is that of the server's process and of PostgreSQL; the client's is left out, being the bench's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Final
from uuid import UUID

import psycopg

from api.access.identity import issue_token
from bench.commands import VILLAGES, settled, trial
from bench.http_load import Asked, Load, ask, load
from bench.http_servers import BARE, BARE_TABLE, MASKED, POOL, RECORDED
from bench.rows import AuditFailed, Extent, Measure, Outcome, Sample, cpus, rates, rotated
from bench.server import BenchServer
from bootstrap.wiring import opened
from tests.projections.lives import fill, lives, told
from tests.stories import ling_registered, on_the_road

CLIENTS: Final = 8
"""Connections that ask at once: fewer than the servers have threads, so that nobody waits for a thread."""

_NAMES: Final = {
    RECORDED: "HuLian, chain with its access record",
    MASKED: "HuLian, chain without record",
    BARE: "bare endpoint, one row",
}
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Serving:
    """A server process, and what it has used."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self._process = process
        self.address = ("127.0.0.1", port)

    def cpu(self) -> float:
        """Seconds of CPU its process has used so far, by the kernel's ticks."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def peak(self) -> int:
        """The most memory it has held, in KiB."""
        status = Path(f"/proc/{self._process.pid}/status").read_text("utf-8")
        return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)


class Prepared:
    """Households with their chains in the read models, and a row for each in a plain table."""

    def __init__(self, server: BenchServer, households: int) -> None:
        self.where, self.key_directory = trial(server, "hulian_http")
        self.home = server.home / "http"
        self.home.mkdir()
        (self.home / "keys").symlink_to(self.key_directory)
        life = told(on_the_road(ling_registered(date(2025, 4, 21)), date(2025, 4, 21), until="report"))
        self.steps = len(life)
        self.households: list[UUID] = []
        given = []
        for n, one in enumerate(lives(households, seed=9, templates=[life])):
            self.households.append(one[0].originator_id)
            given.append(settled(one, VILLAGES[n % len(VILLAGES)]))
        fill(self.where.store, given)
        with opened(self.where, self.key_directory, pool_size=2) as installation:
            installation.caught_up()
        with psycopg.connect(self.where.store, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
        self.bare = server.database("bare_http")
        with psycopg.connect(self.bare, autocommit=True) as connection:
            connection.execute(BARE_TABLE)
            connection.cursor().executemany(
                "INSERT INTO bare_household VALUES (%s, %s, %s, 'DIBAO', '2025-04-21', '家庭经济状况核对报告')",
                [(each, self.steps, VILLAGES[0]) for each in self.households],
            )
            connection.execute("GRANT SELECT ON bare_household TO hulian_app")
            connection.execute("VACUUM ANALYZE bare_household")
        server.checkpoint()

    def told(self, kind: str, profile: Path | None = None) -> str:
        """What a server process is told on its standard input."""
        return json.dumps(
            {
                "kind": kind,
                "uri": self.bare,
                "where": asdict(self.where),
                "home": str(self.home),
                "profile": None if profile is None else str(profile),
            }
        )

    def asked(self, kind: str, address: tuple[str, int]) -> list[Asked]:
        """The requests for a server, each with the answer it gave and that was found right."""
        token = issue_token(self.key_directory, officer="c1", organ="990301/civil-affairs", region="990301")
        found = []
        for household in self.households:
            path = f"/households/{household}" if kind == BARE else f"/v1/households/{household}/chain"
            authorised = "" if kind == BARE else f"Authorization: Bearer {token}\r\n"
            request = f"GET {path} HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\n{authorised}\r\n".encode()
            body = ask(address, request)
            answer = json.loads(body)
            if kind == BARE:
                right = answer["id"] == str(household)
            else:
                right = [each["version"] for each in answer["items"]] == list(range(1, self.steps + 1))
            if not right:
                raise AuditFailed(f"{kind}: {body!r}")
            found.append(Asked(request, body))
        return found

    def looks(self) -> int:
        """How many access records there are, counted."""
        with psycopg.connect(self.where.store, autocommit=True) as connection:
            row = connection.execute("SELECT count(*) FROM es_access").fetchone()
        assert row is not None
        return int(row[0])


def measure(server: BenchServer, extent: Extent) -> Outcome:
    """Rounds in turn: the chain with and without its record, and the bare endpoint, each sample audited."""
    prepared = Prepared(server, extent.few(200, quick=20))
    seconds = extent.few(20, quick=3) / 10
    measures = {kind: Measure(name, unit="requests", clients=CLIENTS) for kind, name in _NAMES.items()}
    audited = 0
    with ExitStack() as stack:
        servers = {kind: stack.enter_context(_serving(prepared.told(kind))) for kind in _NAMES}
        asked = {kind: prepared.asked(kind, each.address) for kind, each in servers.items()}
        for kind, each in servers.items():
            load(each.address, asked[kind], CLIENTS, min(seconds, 1.0))
        for n in range(extent.few(7, quick=1)):
            for kind in rotated(list(_NAMES), n):
                before = prepared.looks()
                sample, answered = _sample(server, servers[kind], asked[kind], seconds)
                added = prepared.looks() - before
                if added != (answered if kind == RECORDED else 0):
                    raise AuditFailed(f"{kind}: {answered} answered, {added} access records")
                measures[kind].samples.append(sample)
                audited += 1
        for kind, each in servers.items():
            measures[kind].peak_kib = each.peak()
    masked, recorded, bare = (measures[kind] for kind in (MASKED, RECORDED, BARE))
    rows = [
        rates("chain over HTTP, masked: rate / bare endpoint", masked, bare, must=0.5, goal=0.7),
        rates("chain over HTTP, recorded: rate / bare endpoint", recorded, bare, must=0.3, goal=0.5),
        cpus("chain over HTTP, masked: CPU / bare endpoint", masked, bare),
        cpus("chain over HTTP, recorded: CPU / bare endpoint", recorded, bare),
    ]
    size = len(asked[MASKED][0].body or b"")
    return Outcome(
        rows,
        list(measures.values()),
        audited=audited,
        notes=[
            f"HTTP: {CLIENTS} connections, chains of {prepared.steps} steps ({size} bytes), {POOL} threads and"
            " connections a server; CPU without the client's; every answer compared byte by byte, every record counted."
        ],
        profile=_profile(prepared, seconds) if extent.profiled(rows) else "",
    )


def _profile(prepared: Prepared, seconds: float) -> str:
    """Where the time of a server goes that answers with its records."""
    text = prepared.home / "profile.txt"
    with _serving(prepared.told(RECORDED, text)) as serving:
        asked = prepared.asked(RECORDED, serving.address)
        load(serving.address, asked, CLIENTS, seconds)
    return text.read_text("utf-8")


def _sample(
    server: BenchServer, serving: Serving, asked: Sequence[Asked], seconds: float
) -> tuple[Sample, int]:
    database, process = server.cpu(), serving.cpu()
    done: Load = load(serving.address, asked, CLIENTS, seconds)
    return (
        Sample(done.answered, done.seconds, serving.cpu() - process, server.cpu() - database),
        done.answered,
    )


@contextmanager
def _serving(told: str) -> Iterator[Serving]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.http_servers"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(told + "\n")
        process.stdin.flush()
        yield Serving(process, int(process.stdout.readline()))
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
