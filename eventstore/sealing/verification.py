"""Verification (核对): everything that was sealed computed anew from the rows, and held against what was signed.

    check = Verification(connection, PublicKeys.in_directory(keys), FileWitness(folder))
    for fault in check.faults(): ...           # in order; nothing is kept
    check.events, check.sealed, check.checkpoints, check.witnessed

The connection may be of role hulian_sealer or hulian_app. A lane is read in one snapshot, page by page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from psycopg import Connection
from psycopg.pq import TransactionStatus

from eventstore.lanes import LANES
from eventstore.sealing.chain import Chain, Marks
from eventstore.sealing.faults import Fault
from eventstore.sealing.lane_check import LaneCheck
from eventstore.sealing.seals import algorithm_of
from eventstore.sealing.signing import PublicKeys
from eventstore.sealing.witness import Witness

_STRAYS: Final = """
(SELECT lane, position FROM es_event WHERE lane < 0 ORDER BY lane, position LIMIT 100)
UNION ALL (SELECT lane, position FROM es_event WHERE lane > 255 ORDER BY lane, position LIMIT 100)
"""


class Verification:
    """Verifies a store, all of it or some lanes; counts what it looked at."""

    def __init__(
        self,
        connection: Connection[Any],
        keys: PublicKeys,
        witness: Witness | None = None,
        *,
        lanes: Iterable[int] = range(LANES),
        page: int = 2_000,
        told: Callable[[int, int], None] = lambda lane, events: None,
    ) -> None:
        """`connection` in autocommit, or in a transaction of the caller; `told(lane, events)` hears of each page."""
        self._connection = connection
        self._keys = keys
        self._witness = witness
        self._lanes = list(lanes)
        self._page = page
        self._told = told
        self.events = 0
        """Events looked at."""
        self.sealed = 0
        """Of them, those under the newest checkpoint that can be believed."""
        self.checkpoints = 0
        self.witnessed = 0
        self.newest = 0
        """The number of the newest checkpoint that can be believed, 0 when there is none."""

    def faults(self) -> Iterator[Fault]:
        """Everything that is not as it was signed, or not as the store keeps it; nothing when all is well."""
        store, algorithm = algorithm_of(self._connection)
        with Marks(algorithm, self._lanes) as marks:
            chain = Chain(self._connection, store, algorithm, self._keys, self._witness, marks)
            yield from chain.faults()
            self.checkpoints, self.witnessed, self.newest = chain.checkpoints, chain.witnessed, marks.newest
            if not chain.checkpoints and not chain.witnessed:
                yield from self._signed_never()
            for lane in self._lanes:
                check = LaneCheck(self._connection, algorithm, lane, self._page, self._told)
                with self._snapshot():
                    yield from check.faults(marks.of(lane), marks.sizes[lane])
                self.events += check.events
                self.sealed += min(check.events, marks.sizes[lane])
        for lane, position in self._connection.execute(_STRAYS).fetchall():
            yield Fault("lane-unknown", lane=lane, position=position)

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        """One state of the database for a whole lane; in a caller's transaction, what that sees."""
        outer = self._connection.info.transaction_status == TransactionStatus.IDLE
        with self._connection.transaction():
            if outer:
                self._connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield

    def _signed_never(self) -> Iterator[Fault]:
        row = self._connection.execute("SELECT sum(size) FROM es_seal").fetchone()
        if row is not None and row[0]:
            yield Fault("checkpoint-missing", why="有封存记录而没有任何检查点")
