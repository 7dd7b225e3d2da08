"""`hulian show` (一户): a household's chain as a table, from the read models; every access is recorded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from uuid import UUID

import msgspec
from rich.console import Console
from rich.table import Table

from application.describing.facts import fact
from application.describing.labels import event_of
from bootstrap.cli.household_lookup import household_of
from bootstrap.cli.options import Household, Json, Officer, print_json
from bootstrap.settings import Settings, load_settings
from bootstrap.wiring import database, migrated_installation
from eventstore.access_records import Access, access_log
from projections.chain import Step, chain_of

PURPOSE = "case-handling"


def command(household: Household, as_json: Json = False, officer: Officer = "cli") -> None:
    """把一户的救助链显示成一张表。每次查看都留下记录。"""
    show_household(load_settings(), household, officer, as_json=as_json)


def show_household(settings: Settings, asked: str, officer: str, *, as_json: bool) -> None:
    """Print one household's chain. Raises `HouseholdUnknown`, `HouseholdAmbiguous`, `HouseholdIdTooShort`."""
    with (
        database(settings) as where,
        migrated_installation(where, settings.key_directory) as installation,
    ):
        installation.caught_up()
        household = household_of(installation, asked)
        access_log(installation.pool)([Access(household, officer, None, PURPOSE, ("chain",))])
        with installation.pool.connection() as connection:
            steps = chain_of(connection, household)
    if as_json:
        print_steps_json(household, steps)
    else:
        print_steps(household, steps)


def print_steps_json(household: UUID, steps: Sequence[Step]) -> None:
    """The chain as JSON."""
    rows = [msgspec.to_builtins(step) for step in steps]
    for row in rows:
        for name in ("met", "closed", "opened", "facts"):
            row[name] = json.loads(row[name]) if row[name] else None
    print_json({"household": str(household), "chain": rows})


def print_steps(household: UUID, steps: Sequence[Step], title: str | None = None) -> None:
    """The chain as a table: one row for each step with its day, actor, legal basis, and whether its limit was met."""
    table = Table(title=title or f"救助链 {household}", title_justify="left", show_lines=False)
    for heading in ("日期", "步骤", "谁", "依据", "期限", "要点"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("日期", "期限"))
    cycle = steps[0].cycle if steps else 1
    for step in steps:
        if step.cycle != cycle:
            table.add_section()
            cycle = step.cycle
        table.add_row(
            step.effective_on.isoformat(),
            step.title,
            " ".join(each for each in (step.organ, step.actor) if each),
            step.basis or "",
            _due(step),
            _facts(step),
        )
    Console().print(table)


def _due(step: Step) -> str:
    if step.due is None:
        return ""
    return f"{step.due} ✓" if step.in_time else f"[red]{step.due} 逾期[/red]"


def _facts(step: Step) -> str:
    facts = json.loads(step.facts) if step.facts else {}
    event = event_of(step.name)
    said = [text for name, value in facts.items() if (text := fact(f"{event}.{name}", value))]
    opened = json.loads(step.opened) if step.opened else []
    said += [f"→{due['what']} {due['day']}" for due in opened if due["kind"] != "timer"]
    return "，".join(said)
