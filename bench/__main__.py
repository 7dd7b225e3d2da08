"""`make bench`: HuLian beside bare statements and stock `eventsourcing`, in turn, in one run, audited."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from rich.console import Console

from bench import report
from bench.rows import Extent, Outcome
from bench.server import bench_server, facts

MODULES = {
    "command": "bench.commands",
    "bulk": "bench.bulk",
    "projector": "bench.projecting",
    "rebuild": "bench.rebuilding",
    "lag": "bench.lagging",
    "tail": "bench.tailing",
    "fold": "bench.folding",
    "memory": "bench.resting",
    "http": "bench.http",
    "province": "bench.province",
}
"""What is measured, in this order, and where it is; see `bench.rows`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; 1 when something that must be reached was missed in a full run, otherwise 0."""
    wanted = _parser().parse_args(arguments)
    quick = wanted.quick or os.environ.get("QUICK", "") not in ("", "0")
    extent = Extent(quick, wanted.profile)
    _start_processes(quick=quick)
    outcomes: dict[str, Outcome] = {}
    seconds: dict[str, float] = {}
    with bench_server(wanted.home) as server:
        known = facts(server)
        for name, module in MODULES.items():
            if wanted.only and name not in wanted.only:
                continue
            print(f"{name} …", file=sys.stderr, flush=True)
            began = time.monotonic()
            outcomes[name] = import_module(module).measure(server, extent)
            seconds[name] = time.monotonic() - began
    known["load_after"] = [round(load, 2) for load in os.getloadavg()]
    console = Console(width=None if sys.stdout.isatty() else 160)
    report.show(console, known, outcomes, seconds, quick=quick)
    if wanted.json:
        told = report.as_json(known, outcomes, seconds, quick=quick)
        wanted.json.parent.mkdir(parents=True, exist_ok=True)
        wanted.json.write_text(json.dumps(told, ensure_ascii=False, indent=1, default=str) + "\n", "utf-8")
    for name, outcome in outcomes.items():
        if outcome.profile:
            wanted.out.mkdir(parents=True, exist_ok=True)
            file = wanted.out / f"profile-{name}.txt"
            file.write_text(outcome.profile, "utf-8")
            console.print(f"profile of our side: {file}")
    if quick:
        return 0
    missed = [row for outcome in outcomes.values() for row in outcome.rows if row.met == "missed"]
    for row in missed:
        console.print(f"[red]missed: {row.what}: {row.value:.2f} {row.unit}")
    return 1 if missed else 0


def _start_processes(*, quick: bool) -> None:
    """Have every process begin from nothing; in a quick run from one that has imported everything."""
    multiprocessing.set_start_method("forkserver" if quick else "spawn", force=True)
    if quick:
        multiprocessing.set_forkserver_preload(["bench.report", *MODULES.values()])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a tiny run that shows that it works (or QUICK=1)"
    )
    parser.add_argument(
        "--only", nargs="+", choices=MODULES, metavar="NAME", help=f"only some of: {', '.join(MODULES)}"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured as JSON")
    parser.add_argument("--profile", action="store_true", help="write profiles also when nothing was missed")
    parser.add_argument("--out", type=Path, default=Path("build/bench"), help="folder of the profiles")
    parser.add_argument("--home", type=Path, help="folder for the databases, on an ordinary disk")
    return parser


if __name__ == "__main__":
    sys.exit(main())
