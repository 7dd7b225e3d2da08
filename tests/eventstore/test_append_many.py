"""Many commands in one statement: each is answered by itself; what clashes is left out and told why."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from random import Random
from threading import Barrier
from uuid import UUID

import psycopg
import pytest

from domain.household.event import Event
from eventstore import errors
from eventstore.appending.append_types import (
    NO_CLAIMS,
    Appended,
    Claim,
    ClaimChanges,
    IndexEntry,
    OneAppend,
    Release,
    StreamAppend,
)
from eventstore.events.digest import verify
from eventstore.events.envelope import enclose
from eventstore.store import LaneStore
from tests.eventstore.stores import META, OPENED, append, command, paid, stream

Admin = psycopg.Connection[tuple[object, ...]]

LANE = 7
HOMES = [stream(n, lane=LANE) for n in range(30)]
PERSON, OTHER = stream("person"), stream("other")
MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)
NUMBER, NEXT = "990101197304120013", "99010119730412003X"


def one(
    n: int | str,
    home: UUID,
    expected: int = 0,
    events: Sequence[Event] = (OPENED,),
    *,
    content: str = "",
    claims: ClaimChanges = NO_CLAIMS,
    index: Sequence[IndexEntry] = (),
) -> OneAppend:
    key = command(n, content)
    to = StreamAppend(home, "household", expected, enclose(key.id, home, expected, events, META))
    return OneAppend(key, to, claims, index)


def category(holder: UUID, start: date = MAY) -> ClaimChanges:
    return ClaimChanges(take=[Claim("category", PERSON, holder, start)])


def identity(owner: UUID, number: str = NUMBER) -> IndexEntry:
    return IndexEntry("id-number", number, owner)


def kinds(answers: Sequence[Appended | errors.StoreError]) -> list[str]:
    return [type(answer).__name__ for answer in answers]


def whole(store: LaneStore) -> int:
    """How many events there are, each lane dense and each digest right."""
    rows = store.read(LANE, 0, 10_000)
    assert [row.position for row in rows] == list(range(1, len(rows) + 1))
    assert store.heads()[LANE] == len(rows)
    assert all(verify(row) for row in rows)
    return len(rows)


def test_each_command_is_carried_out_as_if_by_itself(store: LaneStore) -> None:
    answers = store.append_many(
        [one(n, home, 0, [OPENED, *[paid(n)] * (n % 3)]) for n, home in enumerate(HOMES)]
    )
    assert kinds(answers) == ["Appended"] * len(HOMES)
    for n, (home, answer) in enumerate(zip(HOMES, answers, strict=True)):
        assert isinstance(answer, Appended)
        assert (answer.streams, answer.versions, answer.repeated) == ((home,), (1 + n % 3,), False)
        loaded = store.load(home)
        assert loaded.events == [OPENED, *[paid(n)] * (n % 3)]
        assert (loaded.rows[-1].position, loaded.rows[-1].recorded_at) == (
            answer.positions[0],
            answer.recorded_at,
        )
        by_itself = store.command(command(n).id, LANE, command(n).hash)
        assert by_itself is not None
        assert (by_itself.versions, by_itself.positions) == (answer.versions, answer.positions)
    assert whole(store) == sum(1 + n % 3 for n in range(len(HOMES)))


def test_what_was_carried_out_before_gets_its_first_answer_and_the_rest_goes_on(store: LaneStore) -> None:
    first = append(store, command(0), HOMES[0], 0, [OPENED])
    append(store, command("later"), HOMES[0], 1, [paid()])
    append(store, command(1, "something else"), HOMES[1], 0, [OPENED])
    answers = store.append_many([one(n, home) for n, home in enumerate(HOMES[:3])])
    assert kinds(answers) == ["Appended", "ChangedCommand", "Appended"]
    assert answers[0] == Appended(
        first.streams, first.versions, first.positions, first.recorded_at, repeated=True
    )
    assert answers[1].facts["command"] == str(command(1).id)  # type: ignore[union-attr]
    assert whole(store) == 4
    again = store.append_many([one(n, home) for n, home in enumerate(HOMES[:3])])
    assert [getattr(answer, "repeated", None) for answer in again] == [True, None, True]
    assert whole(store) == 4


def test_streams_that_moved_or_ended_are_left_out_without_a_trace(store: LaneStore) -> None:
    append(store, command("a"), HOMES[0], 0, [OPENED])
    append(store, command("b"), HOMES[1], 0, [OPENED], closes=True)
    append(store, command("c"), HOMES[2], 0, [OPENED])
    store.erase_stream(HOMES[2])
    wanted = [
        one(0, HOMES[0]),
        one(1, HOMES[1], 1, [paid()]),
        one(2, HOMES[2], 1, [paid()]),
        one(3, HOMES[3], 1, [paid()]),
        one(4, HOMES[4]),
    ]
    answers = store.append_many(wanted)
    assert kinds(answers) == [
        "VersionConflict",
        "StreamClosed",
        "StreamErased",
        "VersionConflict",
        "Appended",
    ]
    assert answers[0].facts["current"] == 1  # type: ignore[union-attr]
    assert all(store.command(each.command.id, LANE) is None for each in wanted[:4])
    assert whole(store) == 4
    assert isinstance(store.append_many([one(0, HOMES[0], 1, [paid()])])[0], Appended)


def test_a_claim_held_by_another_leaves_only_its_household_out(store: LaneStore, owner: Admin) -> None:
    holder = stream("holder")
    append(store, command("h"), holder, 0, [OPENED], claims=category(holder))
    answers = store.append_many(
        [
            one(0, HOMES[0], index=[IndexEntry("name", "甲", OTHER)], claims=category(HOMES[0])),
            one(1, HOMES[1], index=[IndexEntry("name", "乙", OTHER)]),
        ]
    )
    assert kinds(answers) == ["ClaimConflict", "Appended"]
    conflict = answers[0]
    assert isinstance(conflict, errors.ClaimConflict)
    assert (conflict.kind, conflict.key, conflict.holder) == ("category", PERSON, holder)
    assert owner.execute("SELECT holder FROM es_claim").fetchall() == [(holder,)]
    assert (store.find("name", "甲"), store.find("name", "乙")) == (None, OTHER)
    assert store.load(HOMES[0]).current == 0
    assert whole(store) == 1


def test_claims_are_released_and_taken_with_the_events(store: LaneStore, owner: Admin) -> None:
    append(store, command("h"), HOMES[0], 0, [OPENED], claims=category(HOMES[0]))
    release = ClaimChanges(release=[Release("category", PERSON, HOMES[0], JUNE)])
    assert kinds(store.append_many([one(0, HOMES[0], 1, [paid()], claims=release)])) == ["Appended"]
    assert kinds(store.append_many([one(1, HOMES[1], claims=category(HOMES[1], JUNE))])) == ["Appended"]
    assert owner.execute("SELECT holder, valid_from, valid_to FROM es_claim").fetchall() == [
        (HOMES[1], JUNE, None)
    ]


def test_an_id_number_of_somebody_else_leaves_only_its_household_out(store: LaneStore) -> None:
    append(store, command("h"), stream("h"), 0, [OPENED], index=[identity(PERSON)])
    answers = store.append_many(
        [
            one(0, HOMES[0], index=[identity(OTHER), identity(stream("child"), NEXT)]),
            one(1, HOMES[1], index=[identity(PERSON)]),
        ]
    )
    assert kinds(answers) == ["ClaimConflict", "Appended"]
    conflict = answers[0]
    assert isinstance(conflict, errors.ClaimConflict)
    assert (conflict.kind, conflict.holder) == ("identity", PERSON)
    assert store.find("id-number", NEXT) is None
    assert store.find_each("id-number", [NUMBER, NEXT]) == {NUMBER: PERSON}


def test_two_of_one_call_that_give_one_number_to_two_people_do_not_both_go_in(store: LaneStore) -> None:
    answers = store.append_many(
        [one(0, HOMES[0], index=[identity(PERSON)]), one(1, HOMES[1], index=[identity(OTHER)])]
    )
    assert sorted(kinds(answers)) == ["Appended", "ClaimConflict"]
    winner = PERSON if isinstance(answers[0], Appended) else OTHER
    assert store.find("id-number", NUMBER) == winner
    assert whole(store) == 1


def test_it_is_one_stream_a_command_and_each_once(store: LaneStore) -> None:
    for wrong in (
        [one(0, HOMES[0]), one(1, HOMES[0])],
        [one(0, HOMES[0]), one(1, HOMES[0], 1)],
        [one(0, HOMES[0]), one(0, HOMES[1])],
        [one(0, HOMES[0], 0, [])],
    ):
        with pytest.raises((errors.BadCall, errors.VersionConflict)):
            store.append_many(wrong)
    assert store.append_many([]) == []
    assert whole(store) == 0


def test_only_a_trial_store_takes_the_time_as_told(store: LaneStore) -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    (answer,) = store.append_many([one(0, HOMES[0])], at)
    assert isinstance(answer, Appended)
    assert answer.recorded_at != at
    assert store.load(HOMES[0]).rows[0].meta.stated_at == at.isoformat()


def test_a_trial_never_goes_behind_a_streams_last_time(trial: LaneStore) -> None:
    late, early = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    append(trial, command("a"), HOMES[0], 0, [OPENED], at=late)
    trial.append_many([one(0, HOMES[0], 1, [paid()]), one(1, HOMES[1])], early)
    assert [trial.load(home).rows[-1].recorded_at for home in HOMES[:2]] == [late, early]


def test_what_was_asked_before_is_told_with_its_hash(store: LaneStore) -> None:
    store.append_many([one(n, home, content=f"{n}") for n, home in enumerate(HOMES[:3])])
    wanted = [(LANE, command(n).id) for n in (0, 2, 5)]
    assert store.asked(wanted) == {command(n).id: command(n, f"{n}").hash for n in (0, 2)}
    assert store.asked([]) == {}


def test_the_same_many_at_once_are_written_once_and_nobody_deadlocks(store: LaneStore) -> None:
    """Eight at once send overlapping lots in different orders, with names, numbers and claims in common."""
    barrier = Barrier(8)
    people = [stream(f"p{n}") for n in range(len(HOMES))]

    def work(seed: int) -> list[Appended | errors.StoreError]:
        lots = [
            one(
                n,
                home,
                index=[identity(people[n], f"99010119800101{n:04d}"), IndexEntry("name", "甲", people[n])],
                claims=ClaimChanges(take=[Claim("category", people[n], home, MAY)]),
            )
            for n, home in enumerate(HOMES)
        ]
        Random(seed).shuffle(lots)
        barrier.wait()
        return store.append_many(lots[:25]) + store.append_many(lots[25:])

    with ThreadPoolExecutor(8) as pool:
        answers = [answer for told in pool.map(work, range(8)) for answer in told]
    assert set(kinds(answers)) == {"Appended"}
    assert sum(not answer.repeated for answer in answers if isinstance(answer, Appended)) == len(HOMES)
    assert whole(store) == len(HOMES)
