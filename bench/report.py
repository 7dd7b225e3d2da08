"""What a run shows: medians of in-round ratios beside what DESIGN asks for, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.commands import BARE, COLD, HULIAN, STOCK, CommandResults
from bench.crew import Sample
from bench.projecting import ALL_OURS, STOCK_LAX, STOCK_ONE, ProjectorResults


@dataclass(frozen=True, slots=True)
class Row:
    """One ratio with what it must and should be; `lowest` and `highest` of all rounds.

    `must` None: for information. `at_most`: smaller is better.
    """

    what: str
    ratio: float
    lowest: float
    highest: float
    must: float | None = None
    goal: float | None = None
    at_most: bool = False

    @property
    def met(self) -> str:
        """`goal`, `must`, `missed`, or empty when nothing is asked."""
        if self.must is None or self.goal is None:
            return ""
        if self._good(self.goal):
            return "goal"
        return "must" if self._good(self.must) else "missed"

    def _good(self, asked: float) -> bool:
        return self.ratio <= asked if self.at_most else self.ratio >= asked


def command_rows(results: CommandResults, everyone: int) -> list[Row]:
    """The rows of DESIGN §10 about one command."""
    samples = results.samples
    rows = []
    for clients, bare, stock in ((1, (0.6, 0.8), (2.5, 3.5)), (everyone, (0.5, 0.65), (4.0, 6.0))):
        ours, limit, theirs = (samples[kind, clients] for kind in (HULIAN, BARE, STOCK))
        label = f"command, {clients} client{'s' if clients > 1 else ''}"
        rows.append(_row(f"{label}: rate / two bare statements", _rates(ours), _rates(limit), *bare))
        rows.append(_row(f"{label}: rate / stock eventsourcing", _rates(ours), _rates(theirs), *stock))
        rows.append(
            _row(f"{label}: CPU / stock eventsourcing", _cpus(ours), _cpus(theirs), 0.5, 0.3, at_most=True)
        )
        rows.append(_row(f"{label}: CPU / two bare statements", _cpus(ours), _cpus(limit), at_most=True))
    cold = samples[COLD, 1]
    rows.append(
        _row("command, 1 client, key not at hand: rate / two bare", _rates(cold), _rates(samples[BARE, 1]))
    )
    return rows


def projector_rows(results: ProjectorResults) -> list[Row]:
    """The row of DESIGN §10 about the projector under a backlog."""
    ours = results.samples[ALL_OURS]
    label = f"projector, {len(results.projections)} projections"
    return [
        _row(
            f"{label}: rate / stock runner, one", _rates(ours), _rates(results.samples[STOCK_ONE]), 15.0, 30.0
        ),
        _row(
            f"{label}: rate / the same, commits not awaited", _rates(ours), _rates(results.samples[STOCK_LAX])
        ),
        _row(
            f"{label}: CPU an event / stock runner",
            _cpus(ours),
            _cpus(results.samples[STOCK_ONE]),
            at_most=True,
        ),
    ]


def show(
    console: Console,
    facts: dict[str, Any],
    rows: Sequence[Row],
    commands: CommandResults,
    projector: ProjectorResults,
) -> None:
    """Print both tables and the machine."""
    console.print(
        f"{facts['processor']}, {facts['cores']} cores, {facts['memory_gib']} GiB, {facts['system']}; "
        f"Python {facts['python']}, PostgreSQL {facts['postgresql']}; {facts['flushes_per_second']} flushes/s; "
        f"load {facts['load'][0]} at the start, {facts['load_after'][0]} at the end"
    )
    if facts["in_memory"]:
        console.print("[bold red]The database lies in memory: nothing below is durable, no ratio counts.")
    console.print(_measures(commands, projector))
    table = Table("ratio (median of in-round ratios)", title="what is asked (DESIGN §10)")
    for name in ("ratio", "lowest", "highest", "must", "goal"):
        table.add_column(name, justify="right")
    table.add_column("met")
    for row in rows:
        sign = "≤" if row.at_most else "≥"
        asked = ["" if value is None else f"{sign} {value:g}" for value in (row.must, row.goal)]
        colour = {"missed": "red", "must": "yellow", "goal": "green"}.get(row.met, "white")
        table.add_row(
            row.what, f"{row.ratio:.2f}", f"{row.lowest:.2f}", f"{row.highest:.2f}", *asked, row.met
        )
        table.rows[-1].style = colour
    console.print(table)
    console.print(
        f"audited: {commands.audited} samples of commands, every round of the projector; no difference. "
        f"Rows projected: {projector.rows}"
    )


def as_json(
    facts: dict[str, Any], rows: Sequence[Row], commands: CommandResults, projector: ProjectorResults
) -> dict[str, Any]:
    """The whole run as data."""
    return {
        "facts": facts,
        "rows": [{**asdict(row), "met": row.met} for row in rows],
        "commands": [
            {"contestant": kind, "clients": clients, "samples": [asdict(each) for each in samples]}
            for (kind, clients), samples in commands.samples.items()
        ],
        "projector": [
            {"contestant": kind, "samples": [asdict(each) for each in samples]}
            for kind, samples in projector.samples.items()
        ],
        "peak_kib": {"command": commands.peaks, "projector": projector.peaks},
        "audited": commands.audited,
        "projections": projector.projections,
        "projected_rows": projector.rows,
        "events_loaded": commands.events_before,
    }


def _measures(commands: CommandResults, projector: ProjectorResults) -> Table:
    table = Table("contestant", title="as measured (medians; only ratios of one run mean anything)")
    for name in ("clients", "a second", "lowest", "highest", "CPU ms", "client", "server", "peak MiB"):
        table.add_column(name, justify="right")
    for (kind, clients), samples in commands.samples.items():
        table.add_row(f"command: {_NAMES[kind]}", str(clients), *_figures(samples, commands.peaks[kind]))
    for kind, samples in projector.samples.items():
        name = f"projector: {kind}, {samples[0].done} events"
        table.add_row(name, "1", *_figures(samples, projector.peaks[kind]))
    return table


_NAMES = {
    HULIAN: "HuLian, Desk.handle",
    COLD: "HuLian, key not at hand",
    BARE: "two bare statements",
    STOCK: "stock eventsourcing",
}


def _figures(samples: Sequence[Sample], peak: int) -> list[str]:
    rates = _rates(samples)
    return [
        *(f"{rate:,.0f}" for rate in (median(rates), min(rates), max(rates))),
        f"{median(_cpus(samples)):.3f}",
        f"{median(each.client_cpu * 1e3 / max(each.done, 1) for each in samples):.3f}",
        f"{median(each.server_cpu * 1e3 / max(each.done, 1) for each in samples):.3f}",
        f"{peak / 1024:.0f}",
    ]


def _row(
    what: str,
    ours: Sequence[float],
    theirs: Sequence[float],
    must: float | None = None,
    goal: float | None = None,
    *,
    at_most: bool = False,
) -> Row:
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    return Row(what, median(ratios), min(ratios), max(ratios), must, goal, at_most)


def _rates(samples: Sequence[Sample]) -> list[float]:
    return [each.rate for each in samples]


def _cpus(samples: Sequence[Sample]) -> list[float]:
    return [each.cpu_ms for each in samples]
