"""Plans (写入方案): the statements by which one projection's rows are read and written in one schema."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

from psycopg import Connection, Cursor, sql

from projections.engine.columns import ColumnType, copy_body
from projections.engine.projection import Home, Projection
from projections.engine.rows import Rows, Table
from projections.engine.sending import Write

_COLUMNS: Final = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped
"""


class TableMismatch(Exception):
    """A table has other columns than the row class says, or of other types."""


def schema_of(projection: type[Projection], *, live: bool) -> str:
    """The schema a projection's tables stand in: `read_chain`, or `read_chain_next` while it is being built."""
    return f"read_{projection.name}" + ("" if live else "_next")


def sql_of(projection: type[Projection]) -> str:
    """What makes a projection's tables, and what the `.sql` beside its module says of them, if there is one: indexes,
    and tables that it has no rows of."""
    package, _, module = projection.__module__.rpartition(".")
    beside = files(package).joinpath(f"{module}.sql")
    tables = [table.sql for table in projection.tables]
    return "\n".join([*tables, beside.read_text("utf-8")] if beside.is_file() else tables)


class TablePlan:
    """How the rows of one table are loaded, added, replaced and deleted, each in one statement."""

    __slots__ = ("_copy", "_delete", "_key_types", "_load", "_upsert", "table", "types")

    def __init__(self, schema: str, table: Table[Any], types: Sequence[ColumnType]) -> None:
        self.table = table
        self.types = types
        place = sql.Identifier(schema, table.name)
        kinds = dict(zip(table.columns, types, strict=True))
        key = ("lane", *table.key)
        self._key_types = [kinds[column] for column in key]
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
        self._copy = _bytes(
            sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(place, _names(table.columns))
        )
        upsert = sql.SQL("INSERT INTO {} ({}) SELECT * FROM unnest({}) ON CONFLICT ({}) DO {}").format(
            place,
            _names(table.columns),
            _numbered(types),
            _names(key),
            sql.SQL("UPDATE SET {}").format(
                sql.SQL(", ").join(
                    sql.SQL("{} = excluded.{}").format(sql.Identifier(c), sql.Identifier(c)) for c in rest
                )
            )
            if rest
            else sql.SQL("NOTHING"),
        )
        self._upsert = _bytes(upsert)
        delete = sql.SQL("DELETE FROM {} t USING unnest({}) AS k ({}) WHERE {}").format(
            place,
            _numbered([kinds[column] for column in key]),
            _names(key),
            sql.SQL(" AND ").join(
                sql.SQL("t.{} = k.{}").format(sql.Identifier(c), sql.Identifier(c)) for c in key
            ),
        )
        self._delete = _bytes(delete)

    def ask(self, cursor: Cursor[Any], keys: Iterable[tuple[Any, ...]]) -> None:
        """Ask for the old rows of these keys (lane first)."""
        columns = list(zip(*keys, strict=True))
        parameters = [kind.array(column) for kind, column in zip(self._key_types, columns, strict=False)]
        cursor.execute(self._load[len(columns) - 1], parameters, prepare=True, binary=True)

    def writes(self, rows: Rows[Any]) -> Iterator[Write]:
        """What writes what changed: at most a statement that deletes, one that adds or replaces, and one that copies
        in the rows that are new for certain."""
        gone = rows.gone()
        if gone:
            key = ("lane", *self.table.key)
            columns = [[getattr(row, column) for row in gone] for column in key]
            arrays = [kind.array(column) for kind, column in zip(self._key_types, columns, strict=True)]
            yield Write(self._delete, arrays)
        changed = rows.changed()
        if changed:
            arrays = [
                kind.array_of(part) for kind, part in zip(self.types, self._packed(changed), strict=True)
            ]
            yield Write(self._upsert, arrays)
        added = rows.added()
        if added:
            yield Write(self._copy, body=copy_body(self._packed(added)))

    def _packed(self, rows: Sequence[tuple[Any, ...]]) -> list[list[bytes]]:
        return [kind.pack(column) for kind, column in zip(self.types, zip(*rows, strict=True), strict=True)]


class Plan:
    """How one projection is read and written in one schema."""

    __slots__ = ("_of_facts", "_of_household", "projection", "schema", "tables")

    def __init__(self, projection: type[Projection], schema: str, tables: Sequence[TablePlan]) -> None:
        self.projection = projection
        self.schema = schema
        self.tables = {plan.table: plan for plan in tables}
        self._of_household = [table for table in projection.tables if table.of_household]
        self._of_facts = [table for table in projection.tables if table.of_facts]

    def keys(self, homes: Sequence[Home]) -> dict[Table[Any], list[tuple[Any, ...]]]:
        """Of which keys (lane first) these facts need the old rows, by table; a household that begins has none."""
        old = [home for home in homes if not home.begins]
        wanted: dict[Table[Any], list[tuple[Any, ...]]] = {}
        if not old:
            return wanted
        for table in self._of_household:
            kinds = table.of_household
            keys: list[tuple[Any, ...]] = [
                (home.lane, home.household) for home in old if not kinds.isdisjoint(home.kinds)
            ]
            if keys:
                wanted[table] = keys
        for table in self._of_facts:
            # in order and each once, so that two runs say the same
            of_facts = table.of_facts
            found: dict[tuple[Any, ...], None] = {}
            for home in old:
                if not home.kinds.isdisjoint(of_facts):
                    for fact in home.facts:
                        key_of = of_facts.get(fact.kind)
                        key = None if key_of is None else key_of(fact)
                        if key is not None:
                            found[home.lane, *key] = None
            if found:
                wanted[table] = list(found)
        return wanted

    def load(self, cursor: Cursor[Any], homes: Sequence[Home], rows: Mapping[Table[Any], Rows[Any]]) -> None:
        """Load the old rows these facts need: one statement for each table of which any are needed."""
        for table, keys in self.keys(homes).items():
            self.tables[table].ask(cursor, keys)
            rows[table].take(cursor.fetchall())

    def writes(self, rows: Mapping[Table[Any], Rows[Any]]) -> list[Write]:
        """What writes what changed, at most three statements a table."""
        return [write for table, written in rows.items() for write in self.tables[table].writes(written)]


def plan_of(connection: Connection[Any], projection: type[Projection], schema: str) -> Plan:
    """The plan for tables that stand in this schema; raises `TableMismatch`."""
    tables = []
    for table in projection.tables:
        there = dict(connection.execute(_COLUMNS, [schema, table.name]).fetchall())
        wrong = set(there.items()) ^ {(column.name, column.type.name) for column in table.definition}
        if wrong:
            names = ", ".join(sorted({name for name, _ in wrong}))
            raise TableMismatch(f"{schema}.{table.name} and {table.row.__name__}: {names}")
        tables.append(TablePlan(schema, table, [column.type for column in table.definition]))
    return Plan(projection, schema, tables)


def _names(columns: Iterable[str]) -> sql.Composable:
    return sql.SQL(", ").join([sql.Identifier(column) for column in columns])


def _bytes(statement: sql.Composed) -> bytes:
    return statement.as_bytes(None)


def _numbered(kinds: Iterable[ColumnType]) -> sql.Composable:
    return sql.SQL(", ").join([sql.SQL(f"${n}::{kind.name}[]") for n, kind in enumerate(kinds, 1)])


def _arrays(kinds: Iterable[ColumnType]) -> sql.Composable:
    return sql.SQL(", ").join([sql.SQL(f"%b::{kind.name}[]") for kind in kinds])
