"""A table is made of its row class: every kind of column, its key, its comment; and nothing else is taken for one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import psycopg
import pytest

from projections.engine.plans import TableMismatch, plan_of
from projections.engine.projection import Projection
from projections.engine.row_classes import Code, HouseholdRow, Long, PlacedRow, Short
from projections.engine.rows import Rows, Table
from tests.database import Databases

SOMEBODY = UUID(int=7)


@dataclass(slots=True)
class Everything(HouseholdRow):
    """A row with a column of every kind,
    and the household's paper."""

    number: int
    short: Short
    long: Long
    word: str
    code: Code
    chosen: Literal["urban", "rural"]
    day: date
    at: datetime
    sure: bool
    other: UUID
    sealed: bytes | None
    perhaps: Long | None = None


EVERYTHING = Table("everything", Everything, key=("household", "number"), fillfactor=70)


class Whole(Projection):
    """A read model of that table alone."""

    name = "whole"
    version = 1
    tables = (EVERYTHING,)

    def on(self, fact: Any) -> None:
        raise NotImplementedError


def test_a_row_class_says_every_column_of_its_table() -> None:
    assert EVERYTHING.sql == (
        "CREATE TABLE everything (\n"
        "    lane smallint NOT NULL,\n"
        "    household uuid NOT NULL,\n"
        "    number integer NOT NULL,\n"
        "    short smallint NOT NULL,\n"
        "    long bigint NOT NULL,\n"
        "    word text NOT NULL,\n"
        '    code text COLLATE "C" NOT NULL,\n'
        "    chosen text NOT NULL,\n"
        "    day date NOT NULL,\n"
        "    at timestamp with time zone NOT NULL,\n"
        "    sure boolean NOT NULL,\n"
        "    other uuid NOT NULL,\n"
        "    sealed bytea,\n"
        "    perhaps bigint,\n"
        "    PRIMARY KEY (lane, household, number)\n"
        ") WITH (fillfactor = 70);\n"
        "COMMENT ON TABLE everything IS 'A row with a column of every kind, and the household''s paper.';\n"
    )


def test_the_table_is_the_one_rows_are_written_to(databases: Databases) -> None:
    with psycopg.connect(databases.store) as connection:
        connection.execute("CREATE SCHEMA read_whole; SET LOCAL search_path = read_whole")
        connection.execute(EVERYTHING.sql.encode())
        assert list(plan_of(connection, Whole, "read_whole").tables) == [EVERYTHING]
        connection.execute("ALTER TABLE everything ALTER number TYPE bigint, ADD more text")
        with pytest.raises(TableMismatch, match="Everything: more, number"):
            plan_of(connection, Whole, "read_whole")
        connection.rollback()


def test_a_field_that_no_column_can_hold_is_refused() -> None:
    @dataclass(slots=True)
    class Odd(HouseholdRow):
        """A row with a list."""

        words: list[str]

    with pytest.raises(TypeError, match=r"no column can hold Odd\.words"):
        Table("odd", Odd, key=("household",))


def test_a_key_begins_with_the_household_but_for_a_log() -> None:
    with pytest.raises(TypeError, match="the key of everything"):
        Table("everything", Everything, key=("number",))
    assert (
        Table("everything", Everything, key=("number",), log=True).primary_key == "PRIMARY KEY (lane, number)"
    )


@dataclass(slots=True)
class Where(PlacedRow):
    """A row that lies somewhere; `n` tells it from others."""

    n: int
    word: str = "none"


def test_a_row_is_made_by_keyword_in_any_order() -> None:
    table = Table("where", Where, key=("household", "n"))
    codes = {"province": "99", "city": "9903", "county": "990301", "township": "990301100"}
    row = table.make(n=3, household=SOMEBODY, lane=7, village="990301100201", **codes)
    assert table.values(row) == (7, SOMEBODY, "99", "9903", "990301", "990301100", "990301100201", 3, "none")
    row.lies_in("990402200301")
    assert (row.city, row.village) == ("9904", "990402200301")


def test_rows_of_a_log_are_kept_as_the_values_they_are_made_of() -> None:
    rows = Rows(Table("where", Where, key=("household", "n"), log=True))
    codes = dict.fromkeys(("province", "city", "county", "township", "village"), "99")
    rows.put(rows.table.make(lane=7, household=SOMEBODY, n=1, word="new", **codes))
    assert rows.added() == [(7, SOMEBODY, *("99",) * 5, 1, "new")]
    assert rows.changed() == []
