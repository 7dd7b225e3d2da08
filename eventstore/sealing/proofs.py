"""Proofs out of the store (存证证明): that an event stands in its lane's tree, that a lane's tree only grew.

A proof reads the events of the tiles it passes through (256 each: the leaf's own and the last, incomplete one) and
the kept hashes of complete subtrees, whatever the size of the lane. What was kept is not trusted: a proof either
leads to the signed root or it does not, which `merkle.verify_inclusion` and `verify_consistency` say.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from eventstore.errors import StoreError
from eventstore.sealing.merkle import (
    LEVELS,
    TILE,
    TILE_LEVELS,
    Hash,
    consistency_proof,
    event_leaf,
    inclusion_proof,
    lane_leaves,
    node_hash,
    part_of,
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_KEPT_TILES: Final = 64
_LEAVES: Final = """
SELECT position, recorded_at, digest FROM es_event
WHERE lane = %s AND position > %s AND position <= %s ORDER BY position
"""
_NODES: Final = """
SELECT index, hash FROM es_seal_node
WHERE lane = %s AND level = %s AND index >= %s AND index < %s ORDER BY index
"""


class SealIncomplete(StoreError):
    """通道 {lane} 自位置 {position} 起的封存记录不全，无法出具证明。请执行 hulian audit verify 查明原因。"""


def microseconds(at: datetime) -> int:
    """An instant as µs since 1970 UTC, as a leaf holds it."""
    return (at - _EPOCH) // _MICROSECOND


class LaneTree:
    """The tree of a lane, read from the store part by part; `part` is what proofs are made of."""

    def __init__(self, connection: Connection[Any], hash: Hash, lane: int, size: int) -> None:
        self._connection = connection
        self._hash = hash
        self._lane = lane
        self._size = size
        self._tiles: OrderedDict[tuple[int, int], list[bytes]] = OrderedDict()
        self._parts: dict[tuple[int, int], bytes] = {}

    def part(self, start: int, end: int) -> bytes:
        """The hash of the leaves `[start, end)`; raises `SealIncomplete` when something of it is not there."""
        known = self._parts.get((start, end))
        if known is None:
            known = self._parts[(start, end)] = self._part(start, end)
        return known

    def _part(self, start: int, end: int) -> bytes:
        count = end - start
        if count & (count - 1) == 0:
            height = count.bit_length() - 1
            if height == 0 or height in LEVELS:
                return self._kept(height, start >> height)
            return node_hash(
                self._hash, self.part(start, start + count // 2), self.part(start + count // 2, end)
            )
        middle = start + (1 << (count.bit_length() - 1))
        return node_hash(self._hash, self.part(start, middle), self.part(middle, end))

    def _kept(self, level: int, index: int) -> bytes:
        number, within = divmod(index, TILE)
        tile = self._tiles.get((level, number))
        if tile is None:
            tile = self._tiles[(level, number)] = self._read(level, number)
            if len(self._tiles) > _KEPT_TILES:
                self._tiles.popitem(last=False)
        if within >= len(tile):
            raise SealIncomplete(lane=self._lane, position=(index << level) + 1)
        return tile[within]

    def _read(self, level: int, number: int) -> list[bytes]:
        first = number * TILE
        if level == 0:
            rows = self._connection.execute(
                _LEAVES, [self._lane, first, min(first + TILE, self._size)], binary=True
            ).fetchall()
            self._dense(level, first + 1, [row[0] for row in rows])
            return [event_leaf(self._hash, self._lane, row[0], microseconds(row[1]), row[2]) for row in rows]
        rows = self._connection.execute(
            _NODES, [self._lane, level, first, first + TILE], binary=True
        ).fetchall()
        self._dense(level, first, [row[0] for row in rows])
        return [row[1] for row in rows]

    def _dense(self, level: int, first: int, found: Sequence[int]) -> None:
        for expected, index in enumerate(found, start=first):
            if index != expected:
                position = expected if level == 0 else (expected << level) + 1
                raise SealIncomplete(lane=self._lane, position=position)


def prove(
    connection: Connection[Any], hash: Hash, lane: int, positions: Iterable[int], size: int
) -> dict[int, list[bytes]]:
    """For each position (from 1) of a lane the proof that its leaf is in the lane's tree of `size` leaves.

    Raises ValueError for a position beyond the size, `SealIncomplete` when events or kept hashes are not there.
    """
    tree = LaneTree(connection, hash, lane, size)
    return {position: inclusion_proof(position - 1, size, tree.part) for position in positions}


def prove_lane(hash: Hash, sizes: Sequence[int], roots: Sequence[bytes], lane: int) -> list[bytes]:
    """The proof that a lane with its size and root is in a checkpoint's tree over all lanes."""
    return inclusion_proof(lane, len(sizes), part_of(hash, lane_leaves(hash, sizes, roots)))


def prove_growth(connection: Connection[Any], hash: Hash, lane: int, old: int, new: int) -> list[bytes]:
    """The proof that a lane's tree of `new` leaves begins with that of `old`; raises `SealIncomplete`."""
    return consistency_proof(old, new, LaneTree(connection, hash, lane, new).part)


assert TILE == 1 << TILE_LEVELS
