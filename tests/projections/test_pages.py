"""How a page is cut and taken: few lanes and long ones under a backlog, rows told apart by what was there before."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from uuid import UUID

import pytest
from psycopg_pool import ConnectionPool

from projections import registry
from projections.engine import reading
from projections.engine.projector import Projector
from projections.engine.reading import Claimed, Span, length_of, spans_of
from projections.engine.row_classes import HouseholdRow
from projections.engine.rows import Rows, Table
from tests.database import Databases
from tests.projections.lives import codec, fill, many

SOMEBODY = UUID(int=7)


@dataclass(slots=True)
class Thing(HouseholdRow):
    """A thing of a household."""

    n: int
    word: str


THING = Table("thing", Thing, key=("household", "n"))
FRESH = Table("thing", Thing, key=("household", "n"), fresh=True)


def behind(events: dict[int, int]) -> dict[int, Claimed]:
    return {lane: Claimed(head, {"chain": 0}, {"chain": True}) for lane, head in events.items()}


def loaded(table: Table[Thing]) -> Rows[Thing]:
    rows = Rows(table)
    rows.take([(7, SOMEBODY, 1, "old")])
    return rows


def test_a_row_put_in_the_place_of_an_old_one_and_dropped_again_is_gone() -> None:
    rows = loaded(THING)
    rows.drop(rows[SOMEBODY, 1])
    rows.drop(rows.put(Thing(7, SOMEBODY, 1, "new")))
    assert [row.n for row in rows.gone()] == [1]
    assert rows.changed() == []


def test_a_row_put_back_as_it_was_is_not_written() -> None:
    rows = loaded(THING)
    rows.drop(rows[SOMEBODY, 1])
    rows.put(Thing(7, SOMEBODY, 1, "old"))
    assert (rows.gone(), rows.changed()) == ([], [])
    rows[SOMEBODY, 1].word = "new"
    assert rows.changed() == [(7, SOMEBODY, 1, "new")]


def test_rows_of_a_fresh_table_are_added_when_new_and_replaced_when_they_were_there() -> None:
    rows = loaded(FRESH)
    rows.put(Thing(7, SOMEBODY, 2, "new"))
    assert (rows.added(), rows.changed()) == ([(7, SOMEBODY, 2, "new")], [])
    rows[SOMEBODY, 1].word = "other"
    assert rows.changed() == [(7, SOMEBODY, 1, "other")]
    rows.drop(rows[SOMEBODY, 2])
    assert rows.added() == []


def test_a_page_takes_few_lanes_as_far_as_they_go() -> None:
    assert spans_of(behind(dict.fromkeys(range(10), 90)), 400, foremost=False) == {
        0: Span(0, 90), 1: Span(0, 90), 2: Span(0, 90), 3: Span(0, 90), 4: Span(0, 40),
    }  # fmt: skip


def test_no_lane_takes_a_whole_page_while_others_wait() -> None:
    spans = spans_of(behind({0: 9_000, 1: 9_000, 2: 9_000, 3: 9_000, 4: 9_000, 5: 30}), 1_000, foremost=False)
    assert spans[5] == Span(0, 30)
    assert {lane: span.upto for lane, span in spans.items()} == {0: 250, 1: 250, 2: 250, 3: 220, 5: 30}


def test_a_page_is_long_only_while_that_much_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PAGE", 50)
    monkeypatch.setattr(reading, "LONG_PAGE", 300)
    assert length_of(behind({0: 150, 1: 149})) == 50
    assert length_of(behind({0: 150, 1: 150})) == 300


def test_a_page_without_trouble_makes_no_savepoint(databases: Databases) -> None:
    fill(databases.store, many(500))
    with ConnectionPool(databases.app, min_size=1, max_size=1, open=True) as pool, \
            tempfile.TemporaryFile("w+") as trace:  # fmt: skip
        projector = Projector(pool, codec(), registry.ALL)
        with pool.connection() as connection:
            connection.pgconn.trace(trace.fileno())
        assert projector.page().events
        with pool.connection() as connection:
            connection.pgconn.untrace()
        trace.seek(0)
        said = trace.read()
    assert "COPY" in said
    assert "savepoint" not in said.lower()
