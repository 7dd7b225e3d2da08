"""One command of several streams, of many lanes or of one: all or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from uuid import UUID

import psycopg
import pytest

from domain.household.event import Event
from eventstore import errors
from eventstore.appending.append_types import CommandKey, IndexEntry, StreamAppend
from eventstore.events.digest import verify
from eventstore.events.envelope import enclose
from eventstore.store import LaneStore
from tests.eventstore.stores import META, OPENED, append, command, paid, stream

Admin = psycopg.Connection[tuple[object, ...]]


def parts(key: CommandKey, *streams: tuple[UUID, int, Sequence[Event]]) -> list[StreamAppend]:
    """The streams of one call, ordinals running through."""
    made: list[StreamAppend] = []
    first = 0
    for to, expected, events in streams:
        envelopes = enclose(key.id, to, expected, events, META, first=first)
        made.append(StreamAppend(to, "household", expected, envelopes))
        first += len(events)
    return made


def dense(store: LaneStore) -> bool:
    """Whether every lane's positions are 1, 2, … to its head, and every digest holds."""
    return all(
        [row.position for row in rows] == list(range(1, head + 1)) and all(verify(row) for row in rows)
        for lane, head in store.heads().items()
        for rows in [store.read(lane, 0, 100_000)]
    )


def test_streams_of_several_lanes_are_written_together(store: LaneStore) -> None:
    one, two, three = stream(1, lane=9), stream(2, lane=4), stream(3, lane=9)
    append(store, command(1), two, 0, [OPENED])
    key = command(2)
    answer = store.append(
        key,
        parts(key, (one, 0, [OPENED, paid(1)]), (two, 1, [paid(2)]), (three, 0, [OPENED, paid(3), paid(4)])),
    )
    assert (answer.streams, answer.versions, answer.positions) == ((one, two, three), (2, 2, 3), (2, 2, 5))
    assert answer.reached == {9: 5, 4: 2}
    assert store.load(three).events == [OPENED, paid(3), paid(4)]
    assert {row.recorded_at for lane in (4, 9) for row in store.read(lane, 0, 9)[lane == 4 :]} == {
        answer.recorded_at
    }
    assert dense(store)
    again = store.append(key, parts(key, (one, 0, [OPENED])))
    assert (again.repeated, again.versions, again.positions) == (True, answer.versions, answer.positions)


def test_one_stream_that_moved_refuses_them_all(store: LaneStore) -> None:
    append(store, command(1), stream(2), 0, [OPENED])
    key = command(2)
    with pytest.raises(errors.VersionConflict):
        store.append(key, parts(key, (stream(1), 0, [OPENED]), (stream(2), 0, [OPENED])))
    assert store.load(stream(1)).rows == []
    assert sum(store.heads().values()) == 1


def test_a_stream_named_twice_goes_on_from_where_the_call_left_it(store: LaneStore) -> None:
    key = command(1)
    answer = store.append(key, parts(key, (stream(1), 0, [OPENED]), (stream(1), 1, [paid(1)])))
    assert (answer.versions, store.load(stream(1)).events) == ((2,), [OPENED, paid(1)])
    key = command(2)
    with pytest.raises(errors.VersionConflict):
        store.append(key, parts(key, (stream(1), 2, [paid(2)]), (stream(1), 2, [paid(3)])))
    assert store.load(stream(1)).version == 2


def test_a_trial_tells_the_time_of_all(trial: LaneStore) -> None:
    at = datetime(2021, 7, 1, 1, tzinfo=UTC)
    key = command(1)
    index = [IndexEntry("name", "某", stream("p"))]
    answer = trial.append(
        key, parts(key, (stream(1), 0, [OPENED]), (stream(2), 0, [OPENED])), index=index, at=at
    )
    assert answer.recorded_at == at
    assert trial.load(stream(2)).rows[0].recorded_at == at


LANE = 77
HOMES = [stream(f"home {n}", lane=LANE) for n in range(40)]


def growing(key: CommandKey, homes: Sequence[UUID], expected: int) -> list[StreamAppend]:
    """Home n gets n % 3 + 1 events."""
    return parts(key, *((home, expected, [paid(n), *[paid(0)] * (n % 3)]) for n, home in enumerate(homes)))


def test_one_command_writes_many_households_of_a_lane(store: LaneStore) -> None:
    answer = store.append(command(1), growing(command(1), HOMES, 0), result=b"report")
    assert answer.streams == tuple(HOMES)
    assert answer.versions == tuple(n % 3 + 1 for n in range(40))
    assert answer.positions[-1] == store.heads()[LANE] == sum(answer.versions)
    assert [store.load(home).events[0] for home in HOMES] == [paid(n) for n in range(40)]
    assert dense(store)
    append(store, command("c"), HOMES[5], answer.versions[5], [paid()])
    again = store.append(command(1), growing(command(1), HOMES, 0), result=b"other")
    assert again.repeated
    assert (again.streams, again.versions, again.positions, again.result) == (
        answer.streams,
        answer.versions,
        answer.positions,
        b"report",
    )
    assert store.heads()[LANE] == sum(answer.versions) + 1


@pytest.mark.parametrize(
    ("state", "refusal"),
    [("moved", errors.VersionConflict), ("closed", errors.StreamClosed), ("new", errors.VersionConflict)],
)
def test_one_household_of_many_that_cannot_be_written_refuses_them_all(
    store: LaneStore, state: str, refusal: type[errors.StoreError]
) -> None:
    for n, home in enumerate(HOMES):
        if state != "new" or n != 17:
            append(store, command(f"open {n}"), home, 0, [OPENED], closes=state == "closed" and n == 17)
    if state == "moved":
        append(store, command("a"), HOMES[17], 1, [paid()])
    key, before = command("run"), store.heads()
    with pytest.raises(refusal) as refused:
        store.append(key, growing(key, HOMES, 1))
    assert refused.value.facts["stream"] == str(HOMES[17])
    assert store.heads() == before
    assert store.command(key.id, LANE) is None


def test_no_stream_of_a_command_gets_a_time_before_its_last(trial: LaneStore) -> None:
    late, early = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    append(trial, command(1), HOMES[0], 0, [OPENED], at=late)
    append(trial, command(2), HOMES[1], 0, [OPENED], at=early)
    key = command("run")
    answer = trial.append(key, growing(key, HOMES[:2], 1), at=early)
    assert answer.recorded_at == late
    assert [trial.load(home).rows[-1].recorded_at for home in HOMES[:2]] == [late, late]
    # the stream's own row tells it, too: nothing is recorded before it afterwards
    append(trial, command("next"), HOMES[1], 3, [paid()], at=early)
    assert trial.load(HOMES[1]).rows[-1].recorded_at == late
    assert date(2026, 3, 5) == trial.load(HOMES[0]).rows[-1].effective_on
