"""Bulk calls in turn: each a command of its own, the next made ready while the server is at the one before."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from eventstore import errors
from eventstore.appending.append_types import StreamAppend
from eventstore.appending.bulk import BulkAppend
from eventstore.events.digest import verify
from eventstore.events.envelope import enclose
from eventstore.lanes import LANES, event_id
from eventstore.store import LaneStore
from tests.database import Databases
from tests.eventstore.stores import META, OPENED, append, command, opened, paid, stream

Admin = psycopg.Connection[tuple[object, ...]]

LANE = 90


def homes(lane: int, count: int = 12) -> list[UUID]:
    return [stream(f"{lane}/{n}", lane=lane) for n in range(count)]


def call(lane: int, *, expected: int = 0, count: int = 12, name: str = "") -> BulkAppend:
    """One event for each of some households of a lane."""
    key = command(f"{name}{lane}/{expected}")
    to = [
        StreamAppend(home, "household", expected, enclose(key.id, home, expected, [paid(n)], META, first=n))
        for n, home in enumerate(homes(lane, count))
    ]
    return BulkAppend(key, to, f"report {lane}".encode())


def whole(store: LaneStore, lanes: Sequence[int] = range(LANE, LANE + 6)) -> dict[int, int]:
    """How many events each lane has, dense and every digest right."""
    heads = store.heads()
    for lane in lanes:
        rows = store.read(lane, 0, 10_000)
        assert [row.position for row in rows] == list(range(1, heads[lane] + 1))
        assert all(verify(row) for row in rows)
    return {lane: heads[lane] for lane in lanes if heads[lane]}


def test_calls_are_answered_in_order_and_written_as_if_alone(store: LaneStore) -> None:
    lanes = [LANE, LANE + 1, LANE + 2]
    answers = list(store.append_bulks([call(lane) for lane in lanes]))
    for lane, answer in zip(lanes, answers, strict=True):
        assert answer.streams == tuple(homes(lane))
        assert (answer.versions, answer.positions) == ((1,) * 12, tuple(range(1, 13)))
        assert (answer.repeated, answer.news, answer.result) == (False, True, f"report {lane}".encode())
        asked = store.command(call(lane).command.id, lane)
        assert asked is not None
        assert (asked.streams, asked.versions, asked.positions) == (
            answer.streams,
            answer.versions,
            answer.positions,
        )
        rows = store.read(lane, 0, 100)
        assert [row.event for row in rows] == [paid(n) for n in range(12)]
        assert [row.event_id for row in rows] == [event_id(call(lane).command.id, n) for n in range(12)]
        assert {row.recorded_at for row in rows} == {answer.recorded_at}
    assert whole(store) == dict.fromkeys(lanes, 12)
    assert [a.repeated for a in store.append_bulks([call(lane) for lane in lanes])] == [True] * 3
    assert whole(store) == dict.fromkeys(lanes, 12)


def test_the_next_call_is_made_ready_before_the_answer_is_looked_at(store: LaneStore) -> None:
    happened: list[str] = []

    def calls() -> Iterator[BulkAppend]:
        for n in range(3):
            happened.append(f"ready {n}")
            yield call(LANE, expected=n)

    for n, answer in enumerate(store.append_bulks(calls())):
        happened.append(f"answer {n}")
        assert answer.positions[-1] == 12 * (n + 1)
    assert happened == ["ready 0", "ready 1", "answer 0", "ready 2", "answer 1", "answer 2"]
    assert gc.isenabled()


def test_a_call_that_cannot_be_made_ready_is_raised_in_its_turn(store: LaneStore) -> None:
    mixed = BulkAppend(command("mixed"), [*call(LANE + 1).streams, *call(LANE + 2).streams])
    answers = store.append_bulks([call(LANE), mixed, call(LANE + 3)])
    assert next(answers).streams == tuple(homes(LANE))
    with pytest.raises(errors.BadCall):
        next(answers)
    assert list(answers) == []
    assert whole(store) == {LANE: 12}


def test_a_refused_call_ends_the_turn_and_nothing_of_it_is_written(store: LaneStore) -> None:
    append(store, command("before"), homes(LANE + 1)[3], 0, [OPENED])
    answers = store.append_bulks([call(LANE), call(LANE + 1), call(LANE + 2)], strict=True)
    assert next(answers).streams == tuple(homes(LANE))
    with pytest.raises(errors.VersionConflict) as conflict:
        next(answers)
    assert conflict.value.current == 1
    assert conflict.value.facts["stream"] == str(homes(LANE + 1)[3])
    assert whole(store) == {LANE: 12, LANE + 1: 1}
    assert store.command(call(LANE + 1).command.id, LANE + 1) is None


def test_another_content_under_a_command_id_is_refused_in_its_turn(store: LaneStore) -> None:
    list(store.append_bulks([call(LANE)]))
    first = call(LANE)
    other = first._replace(command=type(first.command)(first.command.id, bytes(32)))
    answers = store.append_bulks([call(LANE + 1), other])
    assert next(answers).streams == tuple(homes(LANE + 1))
    with pytest.raises(errors.ChangedCommand):
        next(answers)


def test_a_call_without_events_is_no_news(store: LaneStore) -> None:
    nothing = BulkAppend(command("nothing"), [StreamAppend(homes(LANE)[0], "household", 0, [])])
    answers = list(store.append_bulks([call(LANE), nothing, call(LANE + 1)]))
    assert [answer.news for answer in answers] == [True, False, True]
    assert whole(store) == {LANE: 12, LANE + 1: 12}


def test_leaving_early_leaves_the_connection_clean(databases: Databases, tmp_path: Path) -> None:
    with opened(databases, tmp_path / "keys", size=1) as store:
        for n in range(3):
            answers = store.append_bulks(call(LANE + n, expected=m) for m in range(5))
            assert next(answers).versions == (1,) * 12
            answers.close()  # type: ignore[attr-defined]
            written = store.heads()[LANE + n]
            assert written in (12, 24)
            assert store.load(homes(LANE + n)[0]).version == written // 12
        assert whole(store, range(LANE, LANE + 3))


def test_a_stream_that_moved_meanwhile_is_reported(store: LaneStore) -> None:
    late = homes(LANE)[5]

    def calls() -> Iterator[BulkAppend]:
        yield call(LANE)
        yield call(LANE + 1)
        append(store, command("between"), late, 1, [paid(99)])
        yield call(LANE, expected=1)

    *_, answer = store.append_bulks(calls())
    assert answer.moved == (late,)
    assert answer.streams == tuple(home for home in homes(LANE) if home != late)
    assert answer.positions == tuple(range(14, 25))
    again = store.append_bulk(*call(LANE, expected=1)[:2])
    assert again.repeated
    assert (again.streams, again.versions, again.positions, again.moved, again.result) == (
        answer.streams,
        answer.versions,
        answer.positions,
        answer.moved,
        f"report {LANE}".encode(),
    )
    assert whole(store) == {LANE: 24, LANE + 1: 12}


def test_lost_connections_do_not_lose_or_repeat_a_call(store: LaneStore, owner: Admin) -> None:
    def calls() -> Iterator[BulkAppend]:
        for n in range(8):
            yield call(LANE, expected=n)
            if n % 2:
                owner.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'hulian_app'"
                )

    answers = list(store.append_bulks(calls()))
    assert [answer.versions[0] for answer in answers] == list(range(1, 9))
    assert whole(store) == {LANE: 96}


def test_forgotten_statements_are_prepared_again(databases: Databases, tmp_path: Path) -> None:
    with opened(databases, tmp_path / "keys", size=1) as store:
        list(store.append_bulks([call(LANE)]))
        with store._wire._pool.connection() as connection:
            connection.pgconn.exec_(b"DEALLOCATE ALL")
        answers = list(store.append_bulks([call(LANE, expected=1), call(LANE, expected=2)]))
        assert [answer.repeated for answer in answers] == [False, False]
        assert whole(store) == {LANE: 36}


def test_every_lane_takes_a_call(store: LaneStore) -> None:
    answers = list(store.append_bulks(call(lane, count=3) for lane in range(LANES)))
    assert [answer.reached for answer in answers] == [{lane: 3} for lane in range(LANES)]
    assert set(store.heads().values()) == {3}
