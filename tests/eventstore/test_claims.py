"""Claims: one active category a person, one person an ID number, nationwide."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier
from uuid import UUID

import psycopg
import pytest

from eventstore import errors
from eventstore.appending.append_types import Appended, Claim, ClaimChanges, IndexEntry, Release
from eventstore.store import LaneStore
from tests.eventstore.stores import OPENED, append, command, paid, stream

Admin = psycopg.Connection[tuple[object, ...]]

PERSON = stream("person")
MAY, JUNE, JULY = date(2026, 5, 1), date(2026, 6, 1), date(2026, 7, 1)
NUMBER = "990101197304120013"


def take(holder: UUID, start: date, end: date | None = None, key: UUID = PERSON) -> ClaimChanges:
    return ClaimChanges(take=[Claim("category", key, holder, start, end)])


def release(holder: UUID, end: date | None) -> ClaimChanges:
    return ClaimChanges(release=[Release("category", PERSON, holder, end)])


def claims(owner: Admin) -> list[tuple[object, ...]]:
    return owner.execute("SELECT holder, valid_from, valid_to FROM es_claim ORDER BY holder").fetchall()


def test_a_free_claim_is_taken_in_the_lane_of_its_key(store: LaneStore, owner: Admin) -> None:
    append(store, command(1), stream(1), 0, [OPENED], claims=take(stream(1), MAY))
    assert claims(owner) == [(stream(1), MAY, None)]
    assert owner.execute("SELECT lane FROM es_claim").fetchone() == (PERSON.int & 255,)


def test_the_same_holder_takes_again(store: LaneStore, owner: Admin) -> None:
    append(store, command(1), stream(1), 0, [OPENED], claims=take(stream(1), MAY))
    append(store, command(2), stream(1), 1, [paid()], claims=take(stream(1), JUNE))
    assert claims(owner) == [(stream(1), JUNE, None)]


def test_another_holder_follows_on_the_day_the_first_ends(store: LaneStore, owner: Admin) -> None:
    append(store, command(1), stream(1), 0, [OPENED], claims=take(stream(1), MAY))
    append(store, command(2), stream(1), 1, [paid()], claims=release(stream(1), JUNE))
    append(store, command(3), stream(2), 0, [OPENED], claims=take(stream(2), JUNE))
    assert claims(owner) == [(stream(2), JUNE, None)]
    # a late release by the first touches nothing
    append(store, command(4), stream(1), 2, [paid()], claims=release(stream(1), JULY))
    assert claims(owner) == [(stream(2), JUNE, None)]


@pytest.mark.parametrize(("end", "start"), [(None, JULY), (JUNE, MAY), (JULY, JUNE)])
def test_a_claim_that_overlaps_is_a_conflict(
    store: LaneStore, owner: Admin, end: date | None, start: date
) -> None:
    append(store, command(1), stream(1), 0, [OPENED], claims=take(stream(1), MAY, end))
    with pytest.raises(errors.ClaimConflict) as conflict:
        append(store, command(2), stream(2), 0, [OPENED], claims=take(stream(2), start))
    assert (conflict.value.kind, conflict.value.key, conflict.value.holder) == ("category", PERSON, stream(1))
    assert store.load(stream(2)).rows == []
    assert store.command(command(2).id, stream(2).int & 255) is None
    assert claims(owner) == [(stream(1), MAY, end)]


def test_what_should_never_have_been_leaves_nothing(store: LaneStore, owner: Admin) -> None:
    append(store, command(1), stream(1), 0, [OPENED], claims=take(stream(1), MAY))
    append(store, command(2), stream(1), 1, [paid()], claims=release(stream(1), None))
    assert claims(owner) == []


def test_a_conflict_leaves_the_claims_taken_with_it_free(store: LaneStore, owner: Admin) -> None:
    append(store, command(1), stream(1), 0, [OPENED], claims=take(stream(1), MAY))
    both = ClaimChanges(
        take=[Claim("category", key, stream(2), MAY) for key in (stream("x"), PERSON, stream("y"))]
    )
    with pytest.raises(errors.ClaimConflict):
        append(store, command(2), stream(2), 0, [OPENED], claims=both)
    assert claims(owner) == [(stream(1), MAY, None)]


def test_one_call_hands_a_claim_over(store: LaneStore, owner: Admin) -> None:
    append(store, command(1), stream(1), 0, [OPENED], claims=take(stream(1), MAY))
    over = ClaimChanges(take=take(stream(2), JUNE).take, release=release(stream(1), JUNE).release)
    append(store, command(2), stream(2), 0, [OPENED], claims=over)
    assert claims(owner) == [(stream(2), JUNE, None)]


def test_a_command_with_claims_is_idempotent_too(store: LaneStore, owner: Admin) -> None:
    first = append(store, command(1), stream(1), 0, [OPENED], claims=take(stream(1), MAY), result=b"r")
    again = append(store, command(1), stream(1), 0, [OPENED], claims=take(stream(1), JULY), result=b"s")
    assert (again.repeated, again.positions, again.result) == (True, first.positions, b"r")
    assert claims(owner) == [(stream(1), MAY, None)]


def raced(work: Callable[[int], Appended], racers: int) -> tuple[list[int], list[errors.ClaimConflict]]:
    """Who won and how the others lost."""
    barrier = Barrier(racers)
    winners: list[int] = []
    losers: list[errors.ClaimConflict] = []

    def run(n: int) -> None:
        barrier.wait()
        try:
            work(n)
        except errors.ClaimConflict as conflict:
            losers.append(conflict)
        else:
            winners.append(n)

    with ThreadPoolExecutor(racers) as pool:
        list(pool.map(run, range(racers)))
    return winners, losers


def test_an_identity_race_has_one_winner(store: LaneStore, owner: Admin) -> None:
    winners, losers = raced(
        lambda n: append(
            store,
            command(n),
            stream(n),
            0,
            [OPENED],
            index=[
                IndexEntry("id-number", NUMBER, stream(f"person {n}")),
                IndexEntry("name", "某", stream(n)),
            ],
        ),
        8,
    )
    (winner,) = winners
    assert len(losers) == 7
    assert {(loser.kind, loser.key, loser.holder) for loser in losers} == {
        ("identity", None, stream(f"person {winner}"))
    }
    assert store.find("id-number", NUMBER) == stream(f"person {winner}")
    assert owner.execute("SELECT count(*) FROM es_event").fetchone() == (1,)
    assert store.find("name", "某") == stream(winner)


def test_the_same_person_is_indexed_again_without_conflict(store: LaneStore) -> None:
    for n in (1, 2):
        append(store, command(n), stream(n), 0, [OPENED], index=[IndexEntry("id-number", NUMBER, PERSON)])
    assert store.find("id-number", NUMBER) == PERSON


def test_a_claim_race_over_many_keys_neither_deadlocks_nor_splits(store: LaneStore, owner: Admin) -> None:
    keys = [stream(f"key {n}") for n in range(12)]
    winners, losers = raced(
        lambda n: append(
            store,
            command(n),
            stream(n),
            0,
            [OPENED],
            claims=ClaimChanges(
                take=[Claim("category", key, stream(n), MAY) for key in (keys if n % 2 else reversed(keys))]
            ),
        ),
        8,
    )
    assert (len(winners), len(losers)) == (1, 7)
    assert [row[0] for row in claims(owner)] == [stream(winners[0])] * 12
