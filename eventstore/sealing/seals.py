"""Seals (封存): the database side of sealing. A pass seals what is new, makes a checkpoint, hands it to the witness.

Any number of sealers may run: a lane's seal is a locked row, a checkpoint's number a primary key. Each step is a
transaction of its own and starts from what the last left, so a sealer may be killed anywhere.

    sealer = Sealer(pool, SealKeys(directory), witness)      # pool as role hulian_sealer
    sealer.run_once()                                        # -> Pass(sealed, checkpoint, witnessed)
    newest(connection)                                       # -> Checkpoint | None
    unsealed(connection)                                     # -> Unsealed(events, oldest)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg
from psycopg import Connection

from eventstore.errors import StoreError
from eventstore.lanes import LANES
from eventstore.postgres.libpq_client import Pool
from eventstore.sealing.checkpoint import Checkpoint, empty_roots, issue, parse
from eventstore.sealing.merkle import HASH_BYTES, Frontier, empty_root, event_leaf, hash_of
from eventstore.sealing.proofs import microseconds, prove_growth
from eventstore.sealing.signing import SealKeys
from eventstore.sealing.witness import Witness, WitnessAhead, WitnessFork, WitnessUnreadable

_META: Final = "SELECT store_id, digest_algorithm FROM es_meta"
_NEWS: Final = """
SELECT h.lane, h.position, s.size FROM es_lane h LEFT JOIN es_seal s USING (lane)
WHERE s.size IS DISTINCT FROM h.position ORDER BY h.lane
"""
_HELD: Final = "SELECT size, root, frontier FROM es_seal WHERE lane = %s FOR UPDATE"
_EVENTS: Final = """
SELECT position, recorded_at, digest FROM es_event
WHERE lane = %s AND position > %s ORDER BY position LIMIT %s
"""
_KEEP_NODES: Final = """
INSERT INTO es_seal_node (lane, level, index, hash)
SELECT %s, u.level, u.index, u.hash FROM unnest(%s::smallint[], %s::bigint[], %s::bytea[]) AS u (level, index, hash)
"""
_KEEP_SEAL: Final = "UPDATE es_seal SET size = %s, root = %s, frontier = %s WHERE lane = %s"
_SEALS: Final = "SELECT lane, size, root, frontier FROM es_seal ORDER BY lane"
_CHECKPOINTS: Final = "SELECT number, sizes, roots, text FROM es_checkpoint"
_KEEP_CHECKPOINT: Final = "SELECT es_add_checkpoint(%s::bigint, %s::bigint[], %s::bytea[], %s, %s)"
_UNSEALED: Final = """
WITH heads AS (
    SELECT h.lane, h.position, coalesce(c.size, 0) AS size
    FROM es_lane h
    LEFT JOIN unnest((SELECT sizes FROM es_checkpoint ORDER BY number DESC LIMIT 1)) WITH ORDINALITY AS c (size, n)
         ON h.lane = c.n - 1
    WHERE h.position > coalesce(c.size, 0))
SELECT coalesce(sum(heads.position - heads.size), 0), min(e.recorded_at)
FROM heads LEFT JOIN es_event e ON e.lane = heads.lane AND e.position = heads.size + 1
"""


class SealTampered(StoreError):
    """封存中止：{why}。请执行 hulian audit verify 查明原因。"""


class SealMissing(StoreError):
    """尚无检查点。请先执行 hulian audit seal。"""


class Pass(NamedTuple):
    """What a pass did: events sealed, the checkpoint made (None when nothing was new), checkpoints witnessed."""

    sealed: int
    checkpoint: Checkpoint | None
    witnessed: int


@dataclass(frozen=True, slots=True)
class Unsealed:
    """What rests on privileges alone: how many events stand after the last checkpoint, since when."""

    events: int
    oldest: datetime | None


def algorithm_of(connection: Connection[Any]) -> tuple[UUID, int]:
    """The store's id and the number of its hash."""
    row = connection.execute(_META).fetchone()
    assert row is not None
    return row[0], row[1]


def newest(connection: Connection[Any]) -> Checkpoint | None:
    """The newest checkpoint, None when there is none; raises `CheckpointMalformed`."""
    return next(checkpoints(connection, newest_first=True), None)


def checkpoints(
    connection: Connection[Any], after: int = 0, *, newest_first: bool = False
) -> Iterator[Checkpoint]:
    """The checkpoints with a number above `after`, a few at a time; raises `CheckpointMalformed`."""
    if newest_first:
        rows = connection.execute(f"{_CHECKPOINTS} ORDER BY number DESC LIMIT 1", binary=True).fetchall()
        yield from map(checkpoint_of, rows)
        return
    statement = f"{_CHECKPOINTS} WHERE number > %s ORDER BY number LIMIT 200"
    while rows := connection.execute(statement, [after], binary=True).fetchall():
        yield from map(checkpoint_of, rows)
        after = rows[-1][0]


def checkpoint_of(row: Sequence[Any]) -> Checkpoint:
    """A checkpoint of its row (number, sizes, roots, text); raises `CheckpointMalformed`."""
    return Checkpoint(parse(row[3]), tuple(row[1]), tuple(row[2]))


def unsealed(connection: Connection[Any]) -> Unsealed:
    """How many events stand after the last checkpoint, and when the oldest of them was recorded."""
    row = connection.execute(_UNSEALED).fetchone()
    assert row is not None
    return Unsealed(int(row[0]), row[1])


class Sealer:
    """Seals what is new, signs checkpoints, hands them to the witness.

    It starts from what was signed last and refuses with `SealTampered` when what is kept does not agree with that;
    so it does not sign over what it can see was altered. That nothing was altered only verification says.
    """

    def __init__(
        self,
        pool: Pool,
        keys: SealKeys,
        witness: Witness | None = None,
        *,
        page: int = 20_000,
        told: Callable[[int], None] = lambda events: None,
    ) -> None:
        """`page`: the most events sealed in one transaction; `told` hears of every page how many it had."""
        self._pool = pool
        self._keys = keys
        self._witness = witness
        self._page = page
        self._told = told

    def run_once(self) -> Pass:
        """Seal what there is, make a checkpoint if that is news, hand over what the witness has not taken.

        Raises `SealTampered`, and the `WitnessRefused` kinds when the witness has another history than the store.
        """
        with self._pool.connection() as connection:
            # The witness first: another sealer may be at work, and the store is ahead of the witness at any moment.
            seen = self._seen()
            last = self._trusted(connection)
            agrees(connection, last, seen)
            sealed = self._seal(connection, last)
            made = self._checkpoint(connection)
            return Pass(sealed, made, self._deliver(connection))

    def _trusted(self, connection: Connection[Any]) -> Checkpoint | None:
        """The newest checkpoint, signed by a key of ours and in itself in order."""
        store, algorithm = algorithm_of(connection)
        last = newest(connection)
        if last is None:
            return None
        if last.note.store != store or last.note.algorithm != algorithm:
            raise SealTampered(why=f"检查点 {last.number} 属于另一个库或另一种摘要算法")
        if not last.note.signed_by(self._keys.public()):
            raise SealTampered(why=f"检查点 {last.number} 不是用本系统的封存密钥签署的")
        wrong = last.wrong()
        if wrong is not None:
            raise SealTampered(why=f"检查点 {last.number}：{wrong}")
        return last

    def _seen(self) -> Checkpoint | None:
        """What the witness has; while it cannot be reached sealing goes on, and handing over says why it cannot."""
        try:
            return None if self._witness is None else self._witness.newest()
        except WitnessUnreadable:
            return None

    def _seal(self, connection: Connection[Any], last: Checkpoint | None) -> int:
        news = connection.execute(_NEWS).fetchall()
        for lane, position, size in news:
            if size is None:
                raise SealTampered(why=f"通道 {lane} 的封存记录不见了")
            if position < size:
                raise SealTampered(why=f"通道 {lane} 只有 {position} 个事件，已封存的有 {size} 个")
        _, algorithm = algorithm_of(connection)
        sealed = 0
        for lane, _, _ in news:
            while count := self._seal_page(connection, algorithm, lane, last):
                self._told(count)
                sealed += count
                if count < self._page:
                    break
        return sealed

    def _seal_page(
        self, connection: Connection[Any], algorithm: int, lane: int, last: Checkpoint | None
    ) -> int:
        hash = hash_of(algorithm)
        nodes: list[tuple[int, int, bytes]] = []
        with connection.transaction():
            # Another sealer waits here, and then goes on from where this one ended.
            row = connection.execute(_HELD, [lane], binary=True).fetchone()
            if row is None:
                raise SealTampered(why=f"通道 {lane} 的封存记录不见了")
            size = row[0]
            frontier = held(hash, lane, row, last, lambda *node: nodes.append(node))
            events = connection.execute(_EVENTS, [lane, size, self._page], binary=True).fetchall()
            for position, recorded_at, digest in events:
                size += 1
                if position != size:
                    raise SealTampered(why=f"通道 {lane} 缺少位置 {size} 的事件")
                frontier.append(event_leaf(hash, lane, position, microseconds(recorded_at), digest))
            if events:
                self._keep(connection, lane, frontier, nodes)
        return len(events)

    def _keep(
        self,
        connection: Connection[Any],
        lane: int,
        frontier: Frontier,
        nodes: Sequence[tuple[int, int, bytes]],
    ) -> None:
        if nodes:
            levels, indexes, hashes = (list(column) for column in zip(*nodes, strict=True))
            try:
                connection.execute(_KEEP_NODES, [lane, levels, indexes, hashes])
            except psycopg.errors.UniqueViolation:
                raise SealTampered(why=f"通道 {lane} 有多余的封存节点") from None
        connection.execute(_KEEP_SEAL, [frontier.size, frontier.root(), frontier.to_bytes(), lane])

    def _checkpoint(self, connection: Connection[Any]) -> Checkpoint | None:
        """A checkpoint of what is sealed now, unless the newest says that already."""
        store, algorithm = algorithm_of(connection)
        hash = hash_of(algorithm)
        while True:
            # The newest first: of what another sealer signs meanwhile, the seals read afterwards hold at least as much.
            last = self._trusted(connection)
            rows = connection.execute(_SEALS, binary=True).fetchall()
            if [row[0] for row in rows] != list(range(LANES)):
                raise SealTampered(why="封存记录缺少通道")
            frontiers = [held(hash, row[0], row[1:], last) for row in rows]
            sizes = tuple(frontier.size for frontier in frontiers)
            if sizes == ((0,) * LANES if last is None else last.sizes):
                return None
            roots = tuple(row[2] or empty for row, empty in zip(rows, empty_roots(algorithm), strict=True))
            at = connection.execute("SELECT clock_timestamp()").fetchone()
            assert at is not None
            made = issue(
                store,
                1 if last is None else last.number + 1,
                algorithm,
                sizes,
                roots,
                at[0],
                None if last is None else last.note,
                self._keys.signer(),
            )
            kept = connection.execute(
                _KEEP_CHECKPOINT, [made.number, list(sizes), list(roots), made.text, made.note.at]
            ).fetchone()
            if kept is not None and kept[0]:
                return made

    def _deliver(self, connection: Connection[Any]) -> int:
        """Hand every checkpoint the witness has not taken yet over to it, in order."""
        if self._witness is None:
            return 0
        before = self._witness.newest()
        taken = 0
        for checkpoint in checkpoints(connection, 0 if before is None else before.number):
            hash = hash_of(checkpoint.note.algorithm)
            proofs = {}
            for lane in range(LANES):
                old, new = 0 if before is None else before.sizes[lane], checkpoint.sizes[lane]
                if old < new:
                    proofs[lane] = prove_growth(connection, hash, lane, old, new)
            self._witness.take(checkpoint, proofs)
            before = checkpoint
            taken += 1
        return taken


def agrees(connection: Connection[Any], last: Checkpoint | None, seen: Checkpoint | None) -> None:
    """That the store still has what the witness has seen; else what is signed next would fork its history.

    `last` is the store's newest, read after `seen`. Raises `WitnessAhead` and `WitnessFork`.
    """
    if seen is None:
        return
    if last is None or seen.number > last.number:
        raise WitnessAhead(number=seen.number, ours=0 if last is None else last.number)
    row = connection.execute("SELECT text FROM es_checkpoint WHERE number = %s", [seen.number]).fetchone()
    if row is None or row[0] != seen.text:
        raise WitnessFork(number=seen.number)


def held(
    hash: Callable[[bytes], bytes],
    lane: int,
    row: Sequence[Any],
    last: Checkpoint | None,
    on_node: Callable[[int, int, bytes], None] | None = None,
) -> Frontier:
    """The frontier of a lane's seal (size, root, frontier); raises `SealTampered` when it is not what was signed."""
    size, root, packed = row
    signed_size, signed_root = (0, empty_root(hash)) if last is None else (last.sizes[lane], last.roots[lane])
    if size < 0 or len(packed) != size.bit_count() * HASH_BYTES:
        raise SealTampered(why=f"通道 {lane} 的封存记录已损坏")
    frontier = Frontier.of_bytes(hash, size, packed, on_node)
    if frontier.root() != (root or empty_root(hash)):
        raise SealTampered(why=f"通道 {lane} 的封存记录与其树根不符")
    if size < signed_size or (size == signed_size and frontier.root() != signed_root):
        raise SealTampered(why=f"通道 {lane} 的封存记录与检查点不符")
    return frontier
