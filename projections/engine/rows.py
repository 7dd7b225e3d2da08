"""Rows in memory (读模型行): a projection's tables as its handlers see them during one page."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, fields
from operator import attrgetter
from types import FunctionType
from typing import Any, Generic, TypeVar
from uuid import UUID

from msgspec import defstruct

from domain.household.event import Event
from projections.engine.fact import Fact
from projections.engine.row_classes import HouseholdRow, columns_of

R = TypeVar("R", bound=HouseholdRow)
KeyOf = Callable[[Fact], tuple[Any, ...] | None]
"""The leading part of a key that a fact's handler needs the old rows of; None where it needs none."""


class Table(Generic[R]):
    """A table of a projection: its row class, a slotted dataclass whose fields are the columns.

    `key` is the primary key without `lane`, which follows from the household and stands first in it.
    `reads` says which old rows an event's handler needs, as the leading part of their key; only these are
    loaded, and of them only those that meet `only` (SQL). A table without `reads` and with `log` is written
    once and never changed. `fresh`: the key of a row put in is made of what its fact alone brings, so that no such
    row can be there; it is added without being looked for. `fillfactor` leaves room on each page of the table for
    rows that change.
    """

    __slots__ = (
        "columns", "definition", "fillfactor", "fresh", "key", "key_of", "local", "log", "make", "name", "of_facts",
        "of_household", "only", "reads", "row", "stored", "values",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        row: type[R],
        *,
        key: tuple[str, ...],
        reads: Mapping[type[Event], KeyOf] | None = None,
        only: str = "true",
        log: bool = False,
        fresh: bool = False,
        fillfactor: int = 100,
    ) -> None:
        if key[0] != "household" and not log:
            raise TypeError(f"the key of {name} does not begin with the household")
        self.name = name
        self.row = row
        self.stored = _made_fast(row)
        """Makes a row of its values in order, in a fifth of the time that its class takes."""
        self.make = _by_keyword(row, None if log else self.stored)
        """Makes a row of the same fields, defaults and methods, by keyword; of a log its values as a tuple.

        A call with more than 15 keywords takes five times as long: CPython then makes a dict of them.
        """
        self.key = key
        self.reads = dict(reads or {})
        self.of_household = frozenset(kind for kind, key_of in self.reads.items() if key_of is _household)
        """The events at which all old rows of the household are needed."""
        self.of_facts = {kind: key_of for kind, key_of in self.reads.items() if key_of is not _household}
        """The events at which the old rows of one key are."""
        self.only = only
        self.log = log
        self.fresh = fresh
        self.fillfactor = fillfactor
        self.definition = columns_of(row)
        self.columns = tuple(column.name for column in self.definition)
        self.values: Callable[[R], tuple[Any, ...]] = attrgetter(*self.columns)
        self.key_of: Callable[[R], Any] = attrgetter(*key)
        self.local: Callable[[R], Any] | None = attrgetter(*key[1:]) if len(key) > 1 else None
        """The key within the household; None where a household has one row."""

    @property
    def primary_key(self) -> str:
        """The primary key as SQL says it."""
        return f"PRIMARY KEY ({', '.join(('lane', *self.key))})"

    @property
    def sql(self) -> str:
        """What makes the table."""
        lines = [*(column.sql for column in self.definition), self.primary_key]
        options = f" WITH (fillfactor = {self.fillfactor})" if self.fillfactor < 100 else ""
        comment = " ".join(inspect.cleandoc(self.row.__doc__ or "").split()).replace("'", "''")
        return (
            f"CREATE TABLE {self.name} (\n    {(',' + chr(10) + '    ').join(lines)}\n){options};\n"
            f"COMMENT ON TABLE {self.name} IS '{comment}';\n"
        )


def _made_fast(row: type[R]) -> type[R]:
    columns: list[Any] = [(field.name, Any, *_default(field)) for field in fields(row)]
    own = {
        name: made
        for base in reversed(row.__mro__)
        for name, made in vars(base).items()
        if isinstance(made, FunctionType) and not name.startswith("__")
    }
    # a row holds no other: there is no cycle for the collector to look for
    return defstruct(row.__name__, columns, namespace=own, gc=False)  # type: ignore[return-value]


def _by_keyword(row: type[R], made: type[R] | None) -> type[R]:
    """What takes a row's fields by keyword and passes them on in order: a struct takes keywords ten times as slowly."""
    columns = fields(row)
    names = ", ".join(field.name for field in columns)
    taken = ", ".join(
        f"{field.name}=of['{field.name}']" if _default(field) else field.name for field in columns
    )
    scope = {"made": made, "of": {field.name: field.default for field in columns}}
    maker: type[R] = eval(f"lambda {taken}: {'made' if made else ''}({names},)", scope)
    return maker


def _default(field: Field[Any]) -> tuple[Any, ...]:
    return () if field.default is MISSING else (field.default,)


def of_household(kinds: Iterable[type[Event]]) -> dict[type[Event], KeyOf]:
    """`reads` for tables whose old rows are needed household by household, at events of these kinds."""
    return dict.fromkeys(kinds, _household)


def _household(fact: Fact) -> tuple[Any, ...]:
    return (fact.household,)


class Rows(Generic[R]):
    """One table's rows during a page: those loaded, changed by assignment, and those put in.

    What is changed is found by comparing, so a row may be handed out without being written.
    """

    __slots__ = ("_before", "_gone", "_its", "_last", "_of", "log", "table")

    def __init__(self, table: Table[R]) -> None:
        self.table = table
        self.log: list[R] = []
        # of a table with one row a household that row, of others its rows by their key within it
        self._of: dict[UUID, Any] = {}
        self._before: dict[int, tuple[R, tuple[Any, ...]]] = {}
        self._gone: dict[Any, R] = {}
        # rows are asked for household by household, and hashing an id is a call of Python's
        self._last: UUID | None = None
        self._its: dict[Any, R] = {}

    def get(self, key: Any) -> R | None:
        """The row of this key (without lane; a tuple when it has several parts), if there is one."""
        if self.table.local is None:
            return self._of.get(key)
        return self._rows(key[0]).get(key[1] if len(key) == 2 else key[1:])

    def _rows(self, household: UUID) -> dict[Any, R]:
        if household is not self._last:
            self._last = household
            its = self._of.get(household)
            if its is None:
                its = self._of[household] = {}
            self._its = its
        return self._its

    def __getitem__(self, key: Any) -> R:
        row = self.get(key)
        if row is None:
            raise KeyError(key)
        return row

    def of(self, household: UUID) -> list[R]:
        """The household's rows, in the order of their keys and then of their coming; a copy."""
        return list(self._rows(household).values())

    def put(self, row: R) -> R:
        """Add a row, whose key must be new."""
        table = self.table
        if table.log:
            self.log.append(row)
            return row
        if self._gone and (was := self._gone.pop(table.key_of(row), None)) is not None:
            self._before[id(row)] = (row, self._before[id(was)][1])
        household = row.household
        if table.local is None:
            self._of[household] = row
            return row
        self._rows(household)[table.local(row)] = row
        return row

    def drop(self, row: R) -> None:
        """Take a row out."""
        table = self.table
        household = row.household
        if table.local is None:
            del self._of[household]
        else:
            del self._rows(household)[table.local(row)]
        if id(row) in self._before:
            self._gone[table.key_of(row)] = row

    def load(self, rows: Iterable[R]) -> None:
        """Take in rows as they stand in the database."""
        values = self.table.values
        self.take(values(row) for row in rows)

    def take(self, found: Iterable[tuple[Any, ...]]) -> None:
        """The same of rows as they are read: tuples in the order of the columns."""
        row, before, put = self.table.stored, self._before, self.put
        for values in found:
            loaded = put(row(*values))
            before[id(loaded)] = (loaded, values)

    def added(self) -> list[tuple[Any, ...]]:
        """The values of the rows that are new for certain: those of a log, and of a table that is `fresh`."""
        if self.table.log:
            return self.log  # type: ignore[return-value]  # as `make` gave them
        if not self.table.fresh:
            return []
        before, values = self._before, self.table.values
        return [values(row) for each in self._of.values() for row in each.values() if id(row) not in before]

    def changed(self) -> list[tuple[Any, ...]]:
        """The values of every other row that is new or other than loaded."""
        table, before = self.table, self._before
        if table.log or (table.fresh and not before):
            return []
        values = table.values
        rows: Iterable[R] = self._of.values()
        if table.local is not None:
            rows = [row for each in self._of.values() for row in each.values()]
        if not before:
            return [values(row) for row in rows]
        found = []
        for row in rows:
            now = values(row)
            was = before.get(id(row))
            if not table.fresh if was is None else was[1] != now:
                found.append(now)
        return found

    def gone(self) -> list[R]:
        """The rows that were loaded and taken out."""
        return list(self._gone.values())
