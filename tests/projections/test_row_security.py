"""Who reads for an area sees its households and no others, whatever a query asks for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection

from projections import registry
from projections.card_list import cards_in
from projections.engine.projector import Projector
from projections.engine.row_security import read_as
from projections.household_location import place_of
from tests.database import Databases
from tests.projections.conftest import caught_up
from tests.projections.lives import fill, lives

CARDS = "SELECT household::text, county, township, village FROM read_card.card"


@pytest.fixture
def reader(databases: Databases, projector: Projector) -> Iterator[Connection[Any]]:
    """A connection of the application in a transaction, on a store of 30 lives."""
    fill(databases.store, lives(30))
    caught_up(projector)
    with psycopg.connect(databases.app) as connection:
        yield connection


def test_a_reader_for_an_area_sees_the_cards_of_that_area(reader: Connection[Any]) -> None:
    every = reader.execute(CARDS).fetchall()
    for level in (1, 2, 3):
        code = every[0][level]
        read_as(reader, code)
        seen = reader.execute(CARDS).fetchall()
        assert sorted(seen) == sorted(row for row in every if row[level] == code)
        reader.rollback()


def test_a_reader_for_another_area_sees_nothing(reader: Connection[Any]) -> None:
    read_as(reader, "110101")
    assert reader.execute(CARDS).fetchall() == []


def test_a_reader_for_the_nation_sees_everything(reader: Connection[Any]) -> None:
    steps = reader.execute("SELECT count(*) FROM read_chain.step").fetchone()
    read_as(reader, "cn")
    assert reader.execute("SELECT count(*) FROM read_chain.step").fetchone() == steps


def test_the_steps_of_a_household_are_seen_only_after_it_was_found_in_the_area(
    reader: Connection[Any],
) -> None:
    (one, county, *_), (other, *_), *_ = reader.execute(CARDS + " ORDER BY 1").fetchall()
    steps = "SELECT DISTINCT household::text FROM read_chain.step"
    read_as(reader, county)
    assert reader.execute(steps).fetchall() == []
    assert place_of(reader, UUID(one), ("chain",)) is not None
    assert reader.execute(steps).fetchall() == [(one,)]
    reader.rollback()
    read_as(reader, "110101")
    assert place_of(reader, UUID(other), ("chain",)) is None
    assert reader.execute(steps).fetchall() == []


def test_a_list_of_an_area_has_what_stands_beside_the_cards_and_of_no_other(reader: Connection[Any]) -> None:
    every = reader.execute(CARDS).fetchall()
    code = every[0][3]
    inside = {row[0] for row in every if row[3] == code}
    members = "SELECT DISTINCT household::text FROM read_card.member"
    assert {row[0] for row in reader.execute(members).fetchall()} > inside
    listed = cards_in(reader, code, date(2026, 11, 20), limit=100)
    read_as(reader, code)
    assert {row[0] for row in reader.execute(members).fetchall()} == inside
    assert cards_in(reader, code, date(2026, 11, 20), limit=100) == listed
    assert {str(card.household) for card in listed} == inside


def test_without_an_area_nothing_is_seen(databases: Databases, reader: Connection[Any]) -> None:
    with psycopg.connect(databases.reader) as connection:
        for projection in registry.ALL:
            for table in projection.tables:
                if "household" in table.columns:
                    query = f"SELECT count(*) FROM read_{projection.name}.{table.name}"
                    assert connection.execute(query).fetchone() == (0,), table.name
    # a setting that was, and is over, is no area either
    read_as(reader, "cn")
    reader.rollback()
    reader.execute("SET LOCAL ROLE hulian_reader")
    assert reader.execute(CARDS).fetchall() == []


def test_what_a_transaction_read_as_ends_with_it(reader: Connection[Any]) -> None:
    read_as(reader, "110101")
    reader.rollback()
    assert reader.execute("SELECT current_user::text").fetchone() == ("hulian_app",)
    assert reader.execute(CARDS).fetchall()
