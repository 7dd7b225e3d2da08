"""Many commands of several lanes in one statement, as those that wait at the same time: one commit, each by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from random import Random
from threading import Barrier
from uuid import UUID

import psycopg
import pytest

from domain.household.event import Event
from eventstore import errors
from eventstore.appending.append_types import Appended, OneAppend, StreamAppend
from eventstore.events.digest import verify
from eventstore.events.envelope import enclose
from eventstore.lanes import lane_of
from eventstore.store import LaneStore
from tests.database import Databases
from tests.eventstore.stores import META, OPENED, append, command, paid, stream

Admin = psycopg.Connection[tuple[object, ...]]

HOMES = [stream(n, lane=n % 5) for n in range(20)]
"""Four households in each of five lanes."""


def one(
    n: int | str,
    home: UUID,
    expected: int = 1,
    events: Sequence[Event] = (),
    *,
    content: str = "",
    closes: bool = False,
) -> OneAppend:
    key = command(n, content)
    envelopes = enclose(key.id, home, expected, events or (paid(),), META)
    return OneAppend(key, StreamAppend(home, "household", expected, envelopes, closes))


def alone(store: LaneStore, asked: OneAppend) -> Appended:
    return store.append(asked.command, [asked.stream])


def whole(store: LaneStore) -> dict[UUID, int]:
    """The version of every household, each lane and stream dense, each digest right."""
    versions: dict[UUID, int] = {}
    for lane, head in store.heads().items():
        rows = store.read(lane, 0, 10_000)
        assert [row.position for row in rows] == list(range(1, head + 1))
        for row in rows:
            assert row.originator_version == versions.get(row.originator_id, 0) + 1
            versions[row.originator_id] = row.originator_version
            assert verify(row)
    return versions


@pytest.fixture
def homes(store: LaneStore) -> LaneStore:
    for n, home in enumerate(HOMES):
        append(store, command(f"open {n}"), home, 0, [OPENED])
    return store


@contextmanager
def held(databases: Databases, statement: str) -> Iterator[None]:
    """Rows somebody else holds until the end."""
    with psycopg.connect(databases.store) as other:
        assert other.execute(f"{statement} FOR UPDATE".encode()).fetchone() is not None
        yield
        other.rollback()


def test_each_is_carried_out_as_if_by_itself(homes: LaneStore) -> None:
    ones = [one(n, home, 1, [paid(n)] * (1 + n % 3)) for n, home in enumerate(HOMES)]
    answers = dict(zip([each.command.id for each in ones], homes.append_many(ones), strict=True))
    assert whole(homes) == {home: 2 + n % 3 for n, home in enumerate(HOMES)}
    for asked in ones:
        answer = answers[asked.command.id]
        assert isinstance(answer, Appended)
        row = homes.load(asked.stream.stream).rows[-1]
        assert (answer.streams, answer.versions) == ((asked.stream.stream,), (row.originator_version,))
        assert (answer.positions, answer.recorded_at) == ((row.position,), row.recorded_at)
        assert not answer.repeated
        again = homes.command(asked.command.id, lane_of(asked.stream.stream), asked.command.hash)
        assert again is not None
        assert (again.versions, again.positions, again.recorded_at) == (
            answer.versions,
            answer.positions,
            answer.recorded_at,
        )


def test_what_cannot_be_carried_out_is_left_out_and_told_why(homes: LaneStore, owner: Admin) -> None:
    first = alone(homes, one("asked before", HOMES[0]))
    alone(homes, one("moves it", HOMES[1]))
    alone(homes, one("closes it", HOMES[2], closes=True))
    homes.erase_stream(HOMES[3])
    left = [
        one("asked before", HOMES[0]),
        one("overtaken", HOMES[1]),
        one("too late", HOMES[2], 2),
        one("erased", HOMES[3]),
    ]
    answers = homes.append_many([*left, one("carried out", HOMES[9])])
    assert [type(answer) for answer in answers] == [
        Appended,
        errors.VersionConflict,
        errors.StreamClosed,
        errors.StreamErased,
        Appended,
    ]
    # nothing of the others stays behind, so that each can still be asked for
    rows = owner.execute(
        "SELECT command_id FROM es_command WHERE command_id = ANY (%s)",
        ([asked.command.id for asked in left[1:]],),
    ).fetchall()
    assert rows == []
    again = answers[0]
    assert isinstance(again, Appended)
    assert again.repeated
    assert again.positions == first.positions
    assert whole(homes)[HOMES[9]] == 2


def test_the_same_id_for_something_else_is_refused(homes: LaneStore) -> None:
    alone(homes, one("said", HOMES[0], content="this"))
    changed = one("said", HOMES[5], content="that")
    assert lane_of(HOMES[5]) == lane_of(HOMES[0])
    refused, done = homes.append_many([changed, one("other", HOMES[1])])
    assert isinstance(refused, errors.ChangedCommand)
    assert isinstance(done, Appended)


@pytest.mark.parametrize(
    "somebody_holds",
    [
        f"SELECT 1 FROM es_stream WHERE lane = 1 AND stream_id = '{HOMES[1]}'",
        "SELECT 1 FROM es_lane WHERE lane = 1",
    ],
    ids=["the household", "the lane's head"],
)
def test_rows_somebody_holds_are_waited_for(
    homes: LaneStore, databases: Databases, somebody_holds: str
) -> None:
    ones = [one(n, HOMES[n]) for n in range(5)]
    with ThreadPoolExecutor(1) as pool:
        with held(databases, somebody_holds):
            answers = pool.submit(homes.append_many, ones)
            with pytest.raises(TimeoutError):
                answers.result(0.2)
        assert all(isinstance(answer, Appended) for answer in answers.result())
    assert [whole(homes)[home] for home in HOMES[:5]] == [2] * 5


def test_the_same_household_or_the_same_command_twice_is_refused(homes: LaneStore) -> None:
    for wrong in (
        [one(1, HOMES[0]), one(2, HOMES[0], 2)],
        [one(1, HOMES[0]), one(1, HOMES[5])],
    ):
        with pytest.raises(errors.BadCall):
            homes.append_many(wrong)
    assert set(whole(homes).values()) == {1}


def test_none_at_all_write_nothing(homes: LaneStore) -> None:
    assert homes.append_many([]) == []


def test_several_households_are_read_in_one_statement_as_each_by_itself(homes: LaneStore) -> None:
    alone(homes, one("more", HOMES[4], events=[paid(1), paid(2)]))
    found = homes.briefs([HOMES[4], stream("nobody"), HOMES[0]])
    assert set(found) == {HOMES[4], HOMES[0]}
    for home in found:
        assert [(b.originator_version, b.topic, b.state, b.event) for b in found[home]] == [
            (b.originator_version, b.topic, b.state, b.event) for b in homes.brief(home)
        ]


def test_groups_and_single_commands_at_once_lose_and_double_nothing(homes: LaneStore) -> None:
    """Eight at once over the same twenty households, by group and alone, duplicates among them."""
    barrier = Barrier(8)

    def work(who: int) -> list[tuple[UUID, UUID, int]]:
        random = Random(who)
        done: list[tuple[UUID, UUID, int]] = []
        barrier.wait()
        for turn in range(30):
            picked = random.sample(HOMES, 6)
            versions = {home: homes.load(home).version for home in picked}
            ones = [
                # every second thread sends what its neighbour sends
                one(f"{who // 2} {turn} {home}", home, versions[home])
                for home in picked
            ]
            answers = homes.append_many(ones) if turn % 3 else [None] * len(ones)
            for asked, told in zip(ones, answers, strict=True):
                try:
                    answer = told or alone(homes, asked)
                except errors.VersionConflict:
                    continue
                if isinstance(answer, Appended) and not answer.repeated:
                    done.append((asked.command.id, asked.stream.stream, answer.versions[0]))
        return done

    with ThreadPoolExecutor(8) as pool:
        done = [each for found in pool.map(work, range(8)) for each in found]
    assert len({id for id, _, _ in done}) == len(done)
    assert len({(home, version) for _, home, version in done}) == len(done)
    versions = whole(homes)
    assert sum(versions.values()) == len(HOMES) + len(done)
    assert len(done) > 100
