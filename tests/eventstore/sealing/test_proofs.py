"""Proofs read from a lane of more than 65,536 events lead to the signed root, from anywhere in it."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from eventstore.postgres.pools import open_pool
from eventstore.sealing.merkle import event_leaf, hash_of, lane_leaf, verify_consistency, verify_inclusion
from eventstore.sealing.proofs import SealIncomplete, microseconds, prove, prove_growth, prove_lane
from eventstore.sealing.seals import Sealer
from eventstore.sealing.signing import SealKeys
from tests.database import TestServer
from tests.eventstore.sealing.test_sealing import naive_root

HASH = hash_of(1)
LANE = 9
FIRST, LAST = 65_700, 66_900


@pytest.fixture(scope="module")
def lane(
    server: TestServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """The application's connection to a store with one long lane, sealed twice; digests need not be true here."""
    with server.databases() as databases, open_pool(databases.sealer, size=2) as pool:
        sealer = Sealer(pool, SealKeys(tmp_path_factory.mktemp("keys")))
        with psycopg.connect(databases.store, autocommit=True) as superuser:
            for first, last in ((1, FIRST), (FIRST + 1, LAST)):
                superuser.execute(
                    "INSERT INTO es_event SELECT 9, n, gen_random_uuid(), 1, gen_random_uuid(), 'x', NULL,"
                    " '2026-01-01'::timestamptz + n * interval '1 s', '', '', NULL, sha256(n::text::bytea)"
                    " FROM generate_series(%s::bigint, %s::bigint) n",
                    [first, last],
                )
                superuser.execute("UPDATE es_lane SET position = %s WHERE lane = 9", [last])
                sealer.run_once()
        with psycopg.connect(databases.app, autocommit=True) as connection:
            yield connection


@pytest.fixture(scope="module")
def leaves(lane: psycopg.Connection[tuple[int, object, bytes]]) -> list[bytes]:
    rows = lane.execute("SELECT position, recorded_at, digest FROM es_event WHERE lane = 9 ORDER BY position")
    return [event_leaf(HASH, LANE, row[0], microseconds(row[1]), row[2]) for row in rows]  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [1, 255, 256, 257, 512, 1_000, 65_535, 65_536, 65_537, FIRST, LAST])
def test_every_event_of_a_tree_of_any_size_is_proved(
    lane: psycopg.Connection[tuple[object, ...]], leaves: list[bytes], size: int
) -> None:
    root = naive_root(HASH, leaves[:size])
    wanted = {n for n in (1, 2, 256, 257, 300, 32_768, 65_536, 65_537, size - 1, size) if 1 <= n <= size}
    found = prove(lane, HASH, LANE, sorted(wanted), size)
    assert set(found) == wanted
    for position, proof in found.items():
        assert verify_inclusion(HASH, leaves[position - 1], position - 1, size, proof, root)


@pytest.mark.parametrize("old", [0, 1, 100, 256, 1_000, 65_535, 65_536, FIRST, LAST])
def test_a_lane_is_proved_to_have_only_grown(
    lane: psycopg.Connection[tuple[object, ...]], leaves: list[bytes], old: int
) -> None:
    proof = prove_growth(lane, HASH, LANE, old, LAST)
    old_root, new_root = naive_root(HASH, leaves[:old]), naive_root(HASH, leaves)
    assert verify_consistency(HASH, old, LAST, proof, old_root, new_root)


def test_a_proof_reads_two_tiles_of_events_at_most(lane: psycopg.Connection[tuple[object, ...]]) -> None:
    asked = []

    class Watched:
        def execute(self, statement: str, values: list[int], binary: bool) -> object:
            cursor = lane.execute(statement.encode(), values, binary=binary)
            asked.append((statement.split()[1], cursor.rowcount))
            return cursor

    prove(Watched(), HASH, LANE, [30_000], LAST)  # type: ignore[arg-type]
    assert sum(rows for what, rows in asked if what == "position,") <= 511
    assert sum(rows for what, rows in asked if what == "index,") <= 600


def test_a_lane_is_proved_to_be_under_the_checkpoint() -> None:
    sizes, roots = [n * 3 for n in range(256)], [HASH(bytes([n])) for n in range(256)]
    total = naive_root(HASH, [lane_leaf(HASH, n, sizes[n], roots[n]) for n in range(256)])
    for number in (0, 7, 255):
        leaf = lane_leaf(HASH, number, sizes[number], roots[number])
        assert verify_inclusion(HASH, leaf, number, 256, prove_lane(HASH, sizes, roots, number), total)


def test_what_is_not_kept_is_said_and_not_guessed(lane: psycopg.Connection[tuple[object, ...]]) -> None:
    with pytest.raises(ValueError, match="no leaf"):
        prove(lane, HASH, LANE, [LAST + 1], LAST)
    with pytest.raises(SealIncomplete, match="通道 9"):
        prove(lane, HASH, LANE, [5], LAST + 300)
