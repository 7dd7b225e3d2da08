"""`hulian show`: a household's chain as a readable table, from the read models; every look leaves a record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from uuid import UUID

import msgspec
import typer
from psycopg import Connection
from rich.console import Console
from rich.table import Table

from application.describing.labels import ANSWERS, fact
from bootstrap.settings import Settings
from bootstrap.wiring import Installation, database, migrated_installation
from domain.guards.registered import HouseholdUnknown
from domain.values.refusals import Refusal
from eventstore.access_records import Access, access_log
from projections.chain import Step, chain_of

PURPOSE = "case-handling"
SHORTEST = 6
"""How many leading characters of a household's id are enough to ask with."""


class HouseholdAmbiguous(Refusal):
    """有 {count} 户的编号以此开头；请多给几位。"""


class HouseholdIdTooShort(Refusal):
    """户编号至少给出开头 {least} 位。"""


def show_household(settings: Settings, asked: str, officer: str, *, as_json: bool) -> None:
    """Print one household's chain. Raises `HouseholdUnknown`, `HouseholdAmbiguous`, `HouseholdIdTooShort`."""
    with (
        database(settings) as where,
        migrated_installation(where, settings.key_directory) as installation,
    ):
        installation.caught_up()
        household = found(installation, asked)
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
    typer.echo(json.dumps({"household": str(household), "chain": rows}, ensure_ascii=False, indent=2))


def print_steps(household: UUID, steps: Sequence[Step], title: str | None = None) -> None:
    """The chain as a table: one row a step with day, who, on which basis, due and in time or not."""
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
    said = [fact(name, value) for name, value in facts.items() if value is not False or name in ANSWERS]
    opened = json.loads(step.opened) if step.opened else []
    said += [f"→{due['what']} {due['day']}" for due in opened if due["kind"] != "timer"]
    return "，".join(said)


def found(installation: Installation, asked: str) -> UUID:
    """The household of an id, or of its leading characters. Raises as `show_household`."""
    text = asked.strip().lower()
    try:
        return _known(installation, UUID(text))
    except ValueError:
        pass
    if len(text) < SHORTEST:
        raise HouseholdIdTooShort(least=SHORTEST)
    with installation.pool.connection() as connection:
        matching = _starting(connection, text)
    if not matching:
        raise HouseholdUnknown
    if len(matching) > 1:
        raise HouseholdAmbiguous(count=len(matching))
    return matching[0]


def _known(installation: Installation, household: UUID) -> UUID:
    if installation.store.load(household).current == 0:
        raise HouseholdUnknown
    return household


def _starting(connection: Connection[tuple[str]], text: str) -> list[UUID]:
    rows = connection.execute(
        "SELECT household::text FROM read_card.card WHERE household::text LIKE %s || '%%' LIMIT 10", (text,)
    ).fetchall()
    return [UUID(household) for (household,) in rows]
