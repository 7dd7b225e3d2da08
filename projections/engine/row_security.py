"""Walls (行级隔离): what a role that only reads sees of a read model: one area's rows, one household's at a time.

The API asks first whether a reader may see something; this is the second wall behind it, in the database. Rows
with the five ancestor codes are seen by whoever reads for one of these areas; other rows of their read model where
their household's is. In read models without codes a household's rows are seen once it was found among those, in the
same transaction (`projections.household_location`). Rows of no household are counts and seen by every reader.
"""

from __future__ import annotations

from typing import Any, Final

from psycopg import Connection, sql

from eventstore.access_records import SEEN
from eventstore.postgres.libpq_client import Call, Statement
from projections.engine.places import DIGITS
from projections.engine.projection import Projection
from projections.engine.rows import Table

AREA: Final = "hulian.area"
HOUSEHOLD: Final = "hulian.household"
EVERYWHERE: Final = "cn"

# a setting of a transaction that is over is an empty text, not NULL
_AREA: Final = f"(SELECT nullif(current_setting('{AREA}', true), ''))"
_HOUSEHOLD: Final = f"(SELECT nullif(current_setting('{HOUSEHOLD}', true), '')::uuid)"
_WALLED: Final = (
    "SELECT relrowsecurity FROM pg_class WHERE oid = format('%%I.%%I', %s::text, %s::text)::regclass"
)
_READ_AS: Final = (
    f"SELECT set_config('role', 'hulian_reader', true), set_config('{AREA}', %s, true),"
    f" set_config('{HOUSEHOLD}', '', true)"
)
_BEGIN_AS: Final = (
    "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;"
    f"SELECT set_config('role', 'hulian_reader', true), set_config('{AREA}', {{}}, true),"
    f" set_config('{HOUSEHOLD}', '', true)"
)
_READING_AS: Final = Statement(
    "walls_read_as",
    f"SELECT set_config('role', 'hulian_reader', true), set_config('{AREA}', $1::text, true),"
    f" set_config('{HOUSEHOLD}', '', true), set_config('{SEEN}', '', true)",
)


def wall(connection: Connection[Any], projection: type[Projection], schema: str) -> None:
    """Put up the wall before a projection's tables in a schema, where it does not stand yet."""
    for table in projection.tables:
        (walled,) = connection.execute(_WALLED, [schema, table.name]).fetchone() or (True,)
        if walled:
            continue
        place = sql.Identifier(schema, table.name)
        connection.execute(sql.SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(place))
        connection.execute(
            sql.SQL("CREATE POLICY reach ON {} FOR SELECT TO hulian_reader USING ({})").format(
                place, sql.SQL(_seen(table)).format(coded=_coded(projection, table, schema))
            )
        )


def read_as(connection: Connection[Any], area: str) -> None:
    """For the rest of this transaction read as `hulian_reader`, for one area (`cn`: everywhere)."""
    connection.execute(_READ_AS, [area], prepare=True)


def begin_as(connection: Connection[Any], area: str) -> None:
    """Begin a transaction that reads as `read_as`, all of it at one moment; in one round trip."""
    connection.execute(sql.SQL(_BEGIN_AS).format(sql.Literal(area)), prepare=False)


def reading_as(area: str) -> Call:
    """`read_as` as the first call of a transaction sent whole (`eventstore.postgres.libpq_client`)."""
    return Call(_READING_AS, (area.encode(),))


def _seen(table: Table[Any]) -> str:
    if set(DIGITS) <= set(table.columns):
        return f"{_AREA} IN ('{EVERYWHERE}', {', '.join(DIGITS)})"
    if "household" in table.columns:
        # the constants first: only a list, which is of no one household, asks row by row
        return f"household = {_HOUSEHOLD} OR {_AREA} = '{EVERYWHERE}' OR {{coded}}"
    return "true"


def _coded(projection: type[Projection], table: Table[Any], schema: str) -> sql.Composable:
    """Whether the row's household has a row with codes in the same read model, and that is seen."""
    for other in projection.tables:
        if other.key == ("household",) and set(DIGITS) <= set(other.columns):
            return sql.SQL("EXISTS (SELECT 1 FROM {} c WHERE c.lane = {} AND c.household = {})").format(
                sql.Identifier(schema, other.name),
                sql.Identifier(table.name, "lane"),
                sql.Identifier(table.name, "household"),
            )
    return sql.SQL("false")
