"""What a run shows: rows beside what DESIGN asks for and contestants as measured, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.rows import Measure, Outcome, Row

_COLOURS = {"missed": "red", "must": "yellow", "goal": "green"}


def show(
    console: Console,
    facts: dict[str, Any],
    outcomes: Mapping[str, Outcome],
    seconds: Mapping[str, float],
    *,
    quick: bool,
) -> None:
    """Print the machine and both tables, with what is to be known about them."""
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    console.print(
        f"{facts['day']}: {facts['processor']}, {facts['cores']} cores, {facts['memory_gib']} GiB, "
        f"{facts['system']}; Python {facts['python']}, PostgreSQL {facts['postgresql']}, {versions}; "
        f"{facts['flushes_per_second']} flushes/s; "
        f"load {facts['load'][0]} at the start, {facts['load_after'][0]} at the end"
    )
    if facts["in_memory"]:
        console.print("[bold red]The database lies in memory: nothing below is durable, no ratio counts.")
    if quick:
        console.print("[bold red]A quick run: it shows that everything works, its figures count for nothing.")
    console.print(_measures(outcomes))
    console.print(_rows(outcomes))
    for name, outcome in outcomes.items():
        for note in outcome.notes:
            console.print(f"{name}: {note}", highlight=False)
    audited = ", ".join(f"{name} {outcome.audited}" for name, outcome in outcomes.items())
    console.print(f"audited without a difference: {audited}", highlight=False)
    took = ", ".join(f"{name} {each:.0f}" for name, each in seconds.items())
    console.print(f"seconds, preparing included: {took}; {sum(seconds.values()):.0f} in all", highlight=False)


def as_json(
    facts: dict[str, Any], outcomes: Mapping[str, Outcome], seconds: Mapping[str, float], *, quick: bool
) -> dict[str, Any]:
    """The whole run as data."""
    return {
        "facts": facts,
        "quick": quick,
        "rows": [
            {"module": name, **asdict(row), "met": row.met}
            for name, outcome in outcomes.items()
            for row in outcome.rows
        ],
        "measures": [
            {"module": name, **asdict(each)}
            for name, outcome in outcomes.items()
            for each in outcome.measures
        ],
        "audited": {name: outcome.audited for name, outcome in outcomes.items()},
        "notes": {name: outcome.notes for name, outcome in outcomes.items()},
        "data": {name: outcome.data for name, outcome in outcomes.items()},
        "seconds": {name: round(each, 1) for name, each in seconds.items()},
    }


def _rows(outcomes: Mapping[str, Outcome]) -> Table:
    table = Table(
        "medians of rounds; a ratio is one of ratios within rounds", title="what is asked (DESIGN §10)"
    )
    for name in ("found", "lowest", "highest", "must", "goal"):
        table.add_column(name, justify="right")
    table.add_column("met")
    for outcome in outcomes.values():
        for row in outcome.rows:
            found = [_figure(value, row.unit) for value in (row.value, row.lowest, row.highest)]
            table.add_row(row.what, *found, _asked(row, row.must), _asked(row, row.goal), row.met)
            table.rows[-1].style = _COLOURS.get(row.met, "white")
    return table


def _measures(outcomes: Mapping[str, Outcome]) -> Table:
    table = Table("contestant", title="as measured (medians; only ratios of one run mean anything)")
    for name in (
        "clients",
        "done",
        "a second",
        "lowest",
        "highest",
        "CPU ms",
        "client",
        "server",
        "peak MiB",
    ):
        table.add_column(name, justify="right")
    for outcome in outcomes.values():
        for each in outcome.measures:
            table.add_row(*_figures(each))
    return table


def _figures(measured: Measure) -> list[str]:
    samples, rates = measured.samples, measured.rates
    peak = f"{measured.peak_kib / 1024:.0f}" if measured.peak_kib else ""
    if not samples:
        return [measured.contestant, str(measured.clients), *[""] * 7, peak]
    return [
        measured.contestant,
        str(measured.clients),
        f"{median(each.done for each in samples):,.0f} {measured.unit}",
        *(f"{rate:,.0f}" for rate in (median(rates), min(rates), max(rates))),
        f"{median(measured.cpus):.3f}",
        f"{median(each.client_cpu * 1e3 / max(each.done, 1) for each in samples):.3f}",
        f"{median(each.server_cpu * 1e3 / max(each.done, 1) for each in samples):.3f}",
        peak,
    ]


def _asked(row: Row, value: float | None) -> str:
    if value is None:
        return ""
    return f"{'≤' if row.at_most else '≥'} {value:g}{' ' + row.unit if row.unit else ''}"


def _figure(value: float, unit: str) -> str:
    if not unit:
        return f"{value:.2f}"
    digits = 0 if value >= 100 or value == int(value) else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {unit}"
