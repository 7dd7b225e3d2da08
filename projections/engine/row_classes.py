"""Row classes (行类): a table's columns, said once by the fields of a dataclass.

The type of a column follows from its annotation: `int` is an integer, `Short` and `Long` the other two, `str` a text,
`Code` a text ordered by its bytes, whatever allows None a column that may be NULL. The docstring is the comment.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from projections.engine.columns import BIGINT, CODE, INTEGER, SMALLINT, TEXT, TYPES, ColumnType
from projections.engine.columns import UUID as UUID_TYPE
from projections.engine.places import codes_of

Short = Annotated[int, SMALLINT]
"""A number of 16 bits."""
Long = Annotated[int, BIGINT]
"""A number of 64 bits: positions, and money in fen."""
Code = Annotated[str, CODE]
"""A text out of a closed list or register, compared byte by byte."""

_OF: Final[dict[type, ColumnType]] = {
    bool: TYPES["boolean"],
    int: INTEGER,
    date: TYPES["date"],
    datetime: TYPES["timestamp with time zone"],
    UUID: UUID_TYPE,
    str: TEXT,
    bytes: TYPES["bytea"],
}


@dataclass(slots=True)
class HouseholdRow:
    """A row of one household, in the household's lane."""

    lane: Short
    household: UUID


@dataclass(slots=True)
class PlacedRow(HouseholdRow):
    """A row that lies where the household lives, under the five codes of its village."""

    province: Code
    city: Code
    county: Code
    township: Code
    village: Code

    def lies_in(self, region: str) -> None:
        """Put the row elsewhere."""
        codes = codes_of(region)
        self.province, self.city, self.county = codes["province"], codes["city"], codes["county"]
        self.township, self.village = codes["township"], codes["village"]


class Column(NamedTuple):
    """A column by its name and type, and whether it may be NULL."""

    name: str
    type: ColumnType
    null: bool

    @property
    def sql(self) -> str:
        """How CREATE TABLE says it."""
        collation = f' COLLATE "{self.type.collation}"' if self.type.collation else ""
        return f"{self.name} {self.type.name}{collation}{'' if self.null else ' NOT NULL'}"


def columns_of(row: type[Any]) -> tuple[Column, ...]:
    """The columns that a row class says, in order. Raises TypeError for a field that no column can hold."""
    hints = get_type_hints(row, include_extras=True)
    return tuple([_column(row, field.name, hints[field.name]) for field in fields(row)])


def _column(row: type[Any], name: str, hint: Any) -> Column:
    choices = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    kinds = [choice for choice in choices if choice is not NoneType]
    kind = _type_of(kinds[0]) if len(kinds) == 1 else None
    if kind is None:
        raise TypeError(f"no column can hold {row.__name__}.{name}: {hint}")
    return Column(name, kind, null=len(kinds) < len(choices))


def _type_of(kind: Any) -> ColumnType | None:
    if get_origin(kind) is Annotated:
        return next((mark for mark in get_args(kind)[1:] if isinstance(mark, ColumnType)), None)
    if get_origin(kind) is Literal:
        return TEXT if all(isinstance(word, str) for word in get_args(kind)) else None
    return _OF.get(kind)
