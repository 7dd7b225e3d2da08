"""Taking in (纳入): a projection's facts of a page folded into its rows, and what tells that they cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg import Connection, Cursor
from psycopg.types.datetime import TimestamptzBinaryLoader
from psycopg.types.uuid import UUIDBinaryLoader

from projections.engine.columns import Packed, PackedDumper
from projections.engine.parking import Poison
from projections.engine.plans import Plan
from projections.engine.projection import Home, Projection
from projections.engine.rows import Table

_log = structlog.stdlib.get_logger(__name__)


class Amiss(Exception):
    """Something in a page taken swiftly could not be: which, the same page taken with care will say."""


def wanted(
    projection: type[Projection], homes: Sequence[Home], waiting: Mapping[UUID, int]
) -> Sequence[Home]:
    """What a projection is handed of these facts: of the kinds it wants, and none of the households that wait."""
    if waiting:
        homes = without(homes, waiting)
    if projection.wants is None:
        return homes
    wants = projection.wants
    return [some for home in homes if (some := home.of_kinds(wants)) is not None]


def without(homes: Iterable[Home], waiting: Mapping[UUID, int]) -> list[Home]:
    """The facts without those of households that wait, from the position each waits from."""
    left = (home.before(waiting[home.household]) if home.household in waiting else home for home in homes)
    return [home for home in left if home is not None]


def asked(
    connection: Connection[Any], plan: Plan, homes: Sequence[Home]
) -> list[tuple[Table[Any], Cursor[Any]]]:
    """The old rows these facts need, asked for: by table, the cursor they are to be fetched from."""
    answers = []
    for table, keys in plan.keys(homes).items():
        cursor = cursor_of(connection)
        plan.tables[table].ask(cursor, keys)
        answers.append((table, cursor))
    return answers


def fold(model: Projection, homes: Sequence[Home]) -> None:
    """Let the handlers change the rows; raises `Amiss` when one fails."""
    on = model.on
    try:
        for home in homes:
            model.begin(home.lane, home.household)
            for fact in home.facts:
                on(fact)
            model.end()
    except Exception as error:
        raise Amiss(f"{model.name}: {told(error)}") from error


def take_in(cursor: Cursor[Any], plan: Plan, homes: Sequence[Home]) -> dict[UUID, Poison]:
    """Load the old rows, let the handlers change them, write what changed.

    A household whose handler fails is left out from there; if there is one, nothing is written, and it is told.
    """
    model = plan.projection()
    rows = model.rows()
    plan.load(cursor, homes, rows)
    failed: dict[UUID, Poison] = {}
    for home in homes:
        fact = home.facts[0]
        try:
            model.begin(home.lane, home.household)
            for fact in home.facts:
                model.on(fact)
            model.end()
        except Exception as error:
            _log.warning("handler failed", fact=fact.name, position=fact.position, exc_info=error)
            failed[home.household] = Poison(home.lane, home.household, fact.position, told(error))
    if not failed:
        for table_plan, body in plan.write(cursor, rows):
            table_plan.copy(cursor, body)
    return failed


def cursor_of(connection: Connection[Any]) -> Cursor[Any]:
    """A cursor whose rows hold ids and instants as Python's own."""
    # whatever the pool's connections do with ids and instants: rows hold them as Python's own
    cursor = connection.cursor(binary=True)
    cursor.adapters.register_loader("uuid", UUIDBinaryLoader)
    cursor.adapters.register_loader("timestamptz", TimestamptzBinaryLoader)
    cursor.adapters.register_dumper(Packed, PackedDumper)
    return cursor


def told(error: Exception) -> str:
    """What is kept of an error: its kind and its first line."""
    # of what the database says only the first line: the rest may show rows
    text = error.diag.message_primary if isinstance(error, psycopg.Error) else str(error)
    return f"{type(error).__name__}: {text}"[:1_000]
