"""Plans (写入方案): the statements by which one projection's rows are read and written in one schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

from psycopg import Connection, Cursor, sql

from domain.message import Event
from projections.engine.columns import SMALLINT, TYPES, UUID, ColumnType, copy_body
from projections.engine.projection import Fact, Projection
from projections.engine.rows import KeyOf, Rows, Table

_COLUMNS: Final = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped
"""


class TableMismatch(Exception):
    """A projection's row class and its table have other columns, or a column has a type rows cannot have."""


def schema_of(projection: type[Projection], *, live: bool) -> str:
    """The schema a projection's tables stand in: `read_chain`, or `read_chain_next` while it is being built."""
    return f"read_{projection.name}" + ("" if live else "_next")


def sql_of(projection: type[Projection]) -> str:
    """The text of the `.sql` beside the projection's module, which makes its tables."""
    package, _, module = projection.__module__.rpartition(".")
    return files(package).joinpath(f"{module}.sql").read_text("utf-8")


class TablePlan:
    """How the rows of one table are loaded, added, replaced and deleted, each in one statement."""

    __slots__ = ("_copy", "_delete", "_load", "_upsert", "table", "types")

    def __init__(self, schema: str, table: Table[Any], types: Sequence[ColumnType]) -> None:
        self.table = table
        self.types = types
        place = sql.Identifier(schema, table.name)
        kinds = dict(zip(table.columns, types, strict=True))
        key = ("lane", *table.key)
        rest = [column for column in table.columns if column not in key]
        self._load = {
            parts: sql.SQL(
                "SELECT {} FROM unnest({}) AS k ({}) JOIN {} t USING ({}) WHERE {} ORDER BY {}"
            ).format(
                _names(table.columns),
                _arrays([kinds[column] for column in key[: parts + 1]]),
                _names(key[: parts + 1]),
                place,
                _names(key[: parts + 1]),
                sql.SQL(table.only),
                _names(key),
            )
            for parts in range(1, len(key))
        }
        self._copy = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(place, _names(table.columns))
        self._upsert = sql.SQL("INSERT INTO {} ({}) SELECT * FROM unnest({}) ON CONFLICT ({}) DO {}").format(
            place,
            _names(table.columns),
            _arrays(types),
            _names(key),
            sql.SQL("UPDATE SET {}").format(
                sql.SQL(", ").join(
                    sql.SQL("{} = excluded.{}").format(sql.Identifier(c), sql.Identifier(c)) for c in rest
                )
            )
            if rest
            else sql.SQL("NOTHING"),
        )
        self._delete = sql.SQL("DELETE FROM {} t USING unnest({}) AS k ({}) WHERE {}").format(
            place,
            _arrays([kinds[column] for column in key]),
            _names(key),
            sql.SQL(" AND ").join(
                sql.SQL("t.{} = k.{}").format(sql.Identifier(c), sql.Identifier(c)) for c in key
            ),
        )

    def load(self, cursor: Cursor[Any], keys: Iterable[tuple[Any, ...]], rows: Rows[Any]) -> None:
        """Load the old rows of these keys (lane first) into `rows`."""
        columns = list(zip(*keys, strict=True))
        kinds = (SMALLINT, UUID, *self._kinds(self.table.key[1:]))
        parameters = [kind.array(column) for kind, column in zip(kinds, columns, strict=False)]
        cursor.execute(self._load[len(columns) - 1], parameters, prepare=True, binary=True)
        row = self.table.row
        rows.load([row(*values) for values in cursor.fetchall()])

    def write(self, cursor: Cursor[Any], rows: Rows[Any]) -> None:
        """Write what changed: at most one statement that adds or replaces, and one that deletes."""
        gone = rows.gone()
        if gone:
            key = ("lane", *self.table.key)
            columns = [[getattr(row, column) for row in gone] for column in key]
            kinds = self._kinds(key)
            arrays = [kind.array(column) for kind, column in zip(kinds, columns, strict=True)]
            cursor.execute(self._delete, arrays, prepare=True)
        changed = rows.changed()
        if not changed:
            return
        parts = [
            kind.pack(column) for kind, column in zip(self.types, zip(*changed, strict=True), strict=True)
        ]
        if self.table.log:
            with cursor.copy(self._copy) as copy:
                copy.write(copy_body(parts))
        else:
            arrays = [kind.array_of(part) for kind, part in zip(self.types, parts, strict=True)]
            cursor.execute(self._upsert, arrays, prepare=True)

    def _kinds(self, columns: Iterable[str]) -> list[ColumnType]:
        kinds = dict(zip(self.table.columns, self.types, strict=True))
        return [kinds[column] for column in columns]


class Plan:
    """How one projection is read and written in one schema."""

    __slots__ = ("_reads", "projection", "schema", "tables")

    def __init__(self, projection: type[Projection], schema: str, tables: Sequence[TablePlan]) -> None:
        self.projection = projection
        self.schema = schema
        self.tables = {plan.table: plan for plan in tables}
        self._reads: dict[type[Event], list[tuple[Table[Any], KeyOf]]] = {}
        for table in projection.tables:
            for kind, key_of in table.reads.items():
                self._reads.setdefault(kind, []).append((table, key_of))

    def load(self, cursor: Cursor[Any], facts: Sequence[Fact], rows: Mapping[Table[Any], Rows[Any]]) -> None:
        """Load the old rows these facts need: one statement for each table of which any are needed."""
        new = {fact.household for fact in facts if fact.version == 1}
        # in order and each once, so that two runs say the same
        keys: dict[Table[Any], dict[tuple[Any, ...], None]] = {table: {} for table in self.tables}
        for fact in facts:
            reads = self._reads.get(type(fact.event))
            if reads is not None and fact.household not in new:
                for table, key_of in reads:
                    keys[table][fact.lane, *key_of(fact)] = None
        for table, wanted in keys.items():
            if wanted:
                self.tables[table].load(cursor, wanted, rows[table])

    def write(self, cursor: Cursor[Any], rows: Mapping[Table[Any], Rows[Any]]) -> None:
        """Write what changed: at most two statements a table."""
        for table, written in rows.items():
            self.tables[table].write(cursor, written)


def plan_of(connection: Connection[Any], projection: type[Projection], schema: str) -> Plan:
    """The plan for tables that stand in this schema; raises `TableMismatch`."""
    tables = []
    for table in projection.tables:
        there = dict(connection.execute(_COLUMNS, [schema, table.name]).fetchall())
        wrong = set(there) ^ set(table.columns) or {name for name in there if there[name] not in TYPES}
        if wrong:
            raise TableMismatch(f"{schema}.{table.name} and {table.row.__name__}: {', '.join(sorted(wrong))}")
        tables.append(TablePlan(schema, table, [TYPES[there[column]] for column in table.columns]))
    return Plan(projection, schema, tables)


def _names(columns: Iterable[str]) -> sql.Composable:
    return sql.SQL(", ").join([sql.Identifier(column) for column in columns])


def _arrays(kinds: Iterable[ColumnType]) -> sql.Composable:
    return sql.SQL(", ").join([sql.SQL(f"%b::{kind.name}[]") for kind in kinds])
