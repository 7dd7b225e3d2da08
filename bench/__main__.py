"""`make bench`: HuLian beside two bare statements and stock `eventsourcing`, in turn, in one run, audited."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bench import commands, projecting, report
from bench.commands import Extent
from bench.server import bench_server, facts

FULL = Extent(rounds=5, seconds=2.0, each=400, alone=2_400)
QUICK = Extent(rounds=1, seconds=0.3, each=8, alone=64)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; 1 when something that must be reached was missed in a full run, otherwise 0."""
    wanted = _parser().parse_args(arguments)
    quick = wanted.quick or os.environ.get("QUICK", "") not in ("", "0")
    extent = QUICK if quick else FULL
    with bench_server(wanted.home) as server:
        known = facts(server)
        by_command = commands.measure(server, extent, profile=wanted.profile or not quick)
        by_event = projecting.measure(
            server,
            1 if quick else wanted.projector_rounds,
            2_000 if quick else 50_000,
            400 if quick else 10_000,
            profile=wanted.profile or not quick,
        )
    known["load_after"] = [round(load, 2) for load in os.getloadavg()]
    rows = [
        *report.command_rows(by_command, extent.processes * extent.threads),
        *report.projector_rows(by_event),
    ]
    console = Console(width=None if sys.stdout.isatty() else 150)
    report.show(console, known, rows, by_command, by_event)
    if wanted.json:
        told = report.as_json(known, rows, by_command, by_event)
        wanted.json.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", "utf-8")
    missed = [row for row in rows if row.met == "missed"]
    if wanted.profile or (missed and not quick):
        wanted.out.mkdir(parents=True, exist_ok=True)
        for name, text in (("command", by_command.profile), ("projector", by_event.profile)):
            (wanted.out / f"profile-{name}.txt").write_text(text, "utf-8")
        console.print(f"profiles of our side: {wanted.out}")
    for row in missed:
        console.print(f"[red]missed: {row.what}: {row.ratio:.2f}")
    return 1 if missed and not quick else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a tiny run that shows that it works (or QUICK=1)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured as JSON")
    parser.add_argument("--profile", action="store_true", help="write profiles also when nothing was missed")
    parser.add_argument("--out", type=Path, default=Path("build/bench"), help="folder of the profiles")
    parser.add_argument("--home", type=Path, help="folder for the databases, on an ordinary disk")
    parser.add_argument("--projector-rounds", type=int, default=3, metavar="N")
    return parser


if __name__ == "__main__":
    sys.exit(main())
