"""Rows in memory (读模型行): a projection's tables as its handlers see them during one page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import UUID

from domain.message import Event

if TYPE_CHECKING:
    from projections.engine.projection import Fact

R = TypeVar("R")
KeyOf = Callable[["Fact"], tuple[Any, ...]]


class Table(Generic[R]):
    """A table of a projection: its row class, a slotted dataclass whose fields are the columns.

    `key` is the primary key without `lane`, which follows from the household and stands first in it.
    `reads` says which old rows an event's handler needs, as the leading part of their key; only these are
    loaded, and of them only those that meet `only` (SQL). A table without `reads` and with `log` is written
    once and never changed.
    """

    __slots__ = ("columns", "key", "key_of", "log", "name", "only", "reads", "row", "values")

    def __init__(
        self,
        name: str,
        row: type[R],
        *,
        key: tuple[str, ...],
        reads: Mapping[type[Event], KeyOf] | None = None,
        only: str = "true",
        log: bool = False,
    ) -> None:
        if not is_dataclass(row):
            raise TypeError(f"{row.__name__} is not a dataclass")
        self.name = name
        self.row = row
        self.key = key
        self.reads = dict(reads or {})
        self.only = only
        self.log = log
        self.columns = tuple(field.name for field in fields(row))
        self.values: Callable[[R], tuple[Any, ...]] = attrgetter(*self.columns)
        self.key_of: Callable[[R], Any] = attrgetter(*key)


def of_household(kinds: Iterable[type[Event]]) -> dict[type[Event], KeyOf]:
    """`reads` for tables whose old rows are needed household by household, at events of these kinds."""
    return dict.fromkeys(kinds, _household)


def _household(fact: Fact) -> tuple[Any, ...]:
    return (fact.household,)


class Rows(Generic[R]):
    """One table's rows during a page: those loaded, changed by assignment, and those put in.

    What is changed is found by comparing, so a row may be handed out without being written.
    """

    __slots__ = ("_gone", "_loaded", "_of", "_rows", "table")

    def __init__(self, table: Table[R]) -> None:
        self.table = table
        self._rows: dict[Any, R] = {}
        self._loaded: dict[Any, tuple[Any, ...]] = {}
        self._gone: dict[Any, R] = {}
        self._of: dict[UUID, list[R]] = {}

    def get(self, key: Any) -> R | None:
        """The row of this key (without lane; a tuple when it has several parts), if there is one."""
        return self._rows.get(key)

    def __getitem__(self, key: Any) -> R:
        return self._rows[key]

    def of(self, household: UUID) -> list[R]:
        """The household's rows, in the order of their keys and then of their coming; a copy."""
        return list(self._of.get(household, ()))

    def put(self, row: R) -> R:
        """Add a row, whose key must be new."""
        table = self.table
        key = table.key_of(row)
        self._rows[key] = row
        if self._gone:
            self._gone.pop(key, None)
        if len(table.key) > 1 and not table.log:
            self._of.setdefault(key[0], []).append(row)
        return row

    def drop(self, row: R) -> None:
        """Take a row out."""
        key = self.table.key_of(row)
        del self._rows[key]
        self._of[key[0]].remove(row)
        if key in self._loaded:
            self._gone[key] = row

    def load(self, rows: Iterable[R]) -> None:
        """Take in rows as they stand in the database."""
        for row in rows:
            self.put(row)
            self._loaded[self.table.key_of(row)] = self.table.values(row)

    def changed(self) -> list[tuple[Any, ...]]:
        """The values of every row that is new or other than loaded."""
        values, loaded = self.table.values, self._loaded
        if not loaded:
            return [values(row) for row in self._rows.values()]
        found = []
        for key, row in self._rows.items():
            now = values(row)
            if loaded.get(key) != now:
                found.append(now)
        return found

    def gone(self) -> list[R]:
        """The rows that were loaded and taken out."""
        return list(self._gone.values())
