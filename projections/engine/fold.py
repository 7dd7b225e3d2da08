"""Taking in (纳入): a projection's facts of a page folded into its rows, and what tells that they cannot be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import psycopg
import structlog
from psycopg import Connection, Cursor
from psycopg.types.datetime import TimestamptzBinaryLoader
from psycopg.types.uuid import UUIDBinaryLoader

from projections.engine.columns import Packed, PackedDumper
from projections.engine.dead_letters import Poison
from projections.engine.plans import Plan
from projections.engine.projection import Home, Projection
from projections.engine.rows import Table
from projections.engine.sending import Outbox, Write

_AT_ONCE: Final = 50
"""After so many facts, about a tenth of a millisecond, a fold looks after what else goes on."""
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


class Asked:
    """What one projection is handed of a page, and the old rows that were asked for."""

    __slots__ = ("_answers", "_homes", "_plan", "_rows", "model")

    def __init__(
        self, plan: Plan, homes: Sequence[Home], answers: list[tuple[Table[Any], Cursor[Any]]]
    ) -> None:
        self.model = plan.projection()
        self._plan = plan
        self._homes = homes
        self._answers = answers
        self._rows = self.model.rows()

    def fetch(self) -> None:
        """Take the old rows in."""
        for table, answer in self._answers:
            self._rows[table].take(answer.fetchall())
        self._answers.clear()

    def folded(self, meanwhile: Callable[[], None] | None = None) -> list[Write]:
        """Let the handlers change the rows; what writes them. Raises `Amiss`."""
        fold(self.model, self._homes, meanwhile)
        return self._plan.writes(self._rows)


def ask(connection: Connection[Any], plan: Plan, homes: Sequence[Home]) -> Asked:
    """Ask for the old rows these facts need."""
    answers = []
    for table, keys in plan.keys(homes).items():
        cursor = cursor_of(connection)
        plan.tables[table].ask(cursor, keys)
        answers.append((table, cursor))
    return Asked(plan, homes, answers)


def writes_little(asked: Asked) -> bool:
    """Whether a projection has no table that most facts put a row into."""
    return not any(table.log or table.fresh for table in asked.model.tables)


def fold(model: Projection, homes: Sequence[Home], meanwhile: Callable[[], None] | None = None) -> None:
    """Let the handlers change the rows; raises `Amiss` when one fails.

    `meanwhile` is called again and again: what else has to go on.
    """
    on, folded = model.on, 0
    try:
        for home in homes:
            model.begin(home.lane, home.household)
            for fact in home.facts:
                on(fact)
            model.end()
            folded += len(home.facts)
            if folded >= _AT_ONCE and meanwhile is not None:
                folded = 0
                meanwhile()
    except psycopg.Error:
        raise
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
        with Outbox(cursor.connection) as outbox:
            outbox.put(plan.writes(rows))
    return failed


def sending(connection: Connection[Any]) -> Cursor[Any]:
    """A cursor that statements with numbered values go through."""
    cursor = psycopg.RawCursor(connection)
    cursor.adapters.register_dumper(Packed, PackedDumper)
    return cursor


def send(cursor: Cursor[Any], writes: Sequence[Write]) -> list[Write]:
    """Send statements, in a pipeline; answers what cannot be sent in one: what is to be copied."""
    for write in writes:
        if write.body is None:
            cursor.execute(write.text, write.values, prepare=True)
    return [write for write in writes if write.body is not None]


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
