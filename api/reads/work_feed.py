"""The work feed (待办变动): one reader of the database for everybody who listens, and what each has not heard yet."""

from __future__ import annotations

import asyncio
import base64
import binascii
import threading
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import psycopg
import structlog
from psycopg_pool import PoolClosed, PoolTimeout

from api.http.problems import Problem
from eventstore.lanes import LANES
from eventstore.postgres.libpq_client import Pool
from projections.changes import Changed, Positions, changes_between, work_positions

EVERY: Final = 0.5
"""Seconds between two looks at the database while anybody listens."""

MOST_BEHIND: Final = 20_000
"""How many events somebody may have missed and still be told each household; beyond that, to read all anew."""

MOST_KEPT: Final = 100
"""How many batches are kept for who does not take them."""

_LOST = (psycopg.Error, PoolTimeout, PoolClosed)

_log = structlog.stdlib.get_logger(__name__)


class LastEventIdInvalid(Problem):
    """Last-Event-ID 无效。请不带它重新连接，并重新读取工作清单。"""

    status = 400


class Batch(NamedTuple):
    """What changed up to some positions; `changed` None: too much, or not known any more."""

    upto: Positions
    changed: Sequence[Changed] | None


class Listener:
    """Somebody who listens on one event loop; `behind` is where to begin telling from."""

    def __init__(self, loop: asyncio.AbstractEventLoop, behind: Positions) -> None:
        self.behind = behind
        self._loop = loop
        self._batches: list[Batch] = []
        self._woken = asyncio.Event()
        self._closed = False

    def tell(self, batch: Batch | None) -> None:
        """Hand over a batch, None for the end; from any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._take, batch)

    async def next(self, timeout: float) -> list[Batch] | None:
        """The batches there are, an empty list when there was none for `timeout` seconds, None at the end."""
        try:
            await asyncio.wait_for(self._woken.wait(), timeout)
        except TimeoutError:
            return []
        self._woken.clear()
        if self._closed:
            return None
        batches, self._batches = self._batches, []
        return batches

    def _take(self, batch: Batch | None) -> None:
        if batch is None:
            self._closed = True
        elif len(self._batches) >= MOST_KEPT:
            self._batches = [Batch(batch.upto, None)]
        else:
            self._batches.append(batch)
        self._woken.set()


class WorkFeed:
    """Follows the work list while anybody listens: one look for all listeners, in a thread of its own."""

    def __init__(self, pool: Pool, every: float = EVERY) -> None:
        self._pool = pool
        self._every = every
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()
        self._positions: Positions = ()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def listen(self, loop: asyncio.AbstractEventLoop) -> Listener:
        """Hear of everything after `listener.behind`; raises psycopg's errors where that cannot be read."""
        with self._lock:
            idle = not self._listeners
        # nobody looked since the last listener left; not under the lock, which the event loop takes, too
        now = self._now() if idle else None
        with self._lock:
            if now is not None and not self._listeners:
                self._positions = now
            listener = Listener(loop, self._positions)
            self._listeners.add(listener)
            if self._stop.is_set():
                listener.tell(None)
            elif self._thread is None:
                self._thread = threading.Thread(target=self._follow, name="work-feed", daemon=True)
                self._thread.start()
        return listener

    def leave(self, listener: Listener) -> None:
        """Hear no more."""
        with self._lock:
            self._listeners.discard(listener)

    def missed(self, after: Positions, upto: Positions) -> Batch:
        """What changed between what somebody heard last and where they listen from."""
        return self._batch(after, upto)

    def close(self) -> None:
        """End every stream, now and later; from any thread, also out of a signal handler."""
        self._stop.set()
        for listener in tuple(self._listeners):
            listener.tell(None)

    def _follow(self) -> None:
        while not self._stop.wait(self._every):
            try:
                self._look()
            except _LOST as error:
                _log.error("work feed cannot look", error=type(error).__name__)

    def _look(self) -> None:
        with self._lock:
            before = self._positions
            if not self._listeners:
                return
        now = self._now()
        if now == before:
            return
        batch = self._batch(before, now)
        with self._lock:
            self._positions = now
            for listener in self._listeners:
                listener.tell(batch)

    def _now(self) -> Positions:
        with self._pool.connection() as connection:
            return work_positions(connection)

    def _batch(self, after: Positions, upto: Positions) -> Batch:
        behind = sum(max(0, there - here) for here, there in zip(after, upto, strict=True))
        if behind > MOST_BEHIND:
            return Batch(upto, None)
        with self._pool.connection() as connection:
            return Batch(upto, changes_between(connection, after, upto))


def token_of(positions: Positions) -> str:
    """Positions as an event's id; nothing else is needed to go on from there, in any process."""
    return base64.urlsafe_b64encode(b"".join(map(_varint, positions))).rstrip(b"=").decode()


def positions_of(token: str) -> Positions:
    """The positions an event's id stands for; raises `LastEventIdInvalid`."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        positions = tuple(_numbers(raw))
    except (ValueError, binascii.Error):
        raise LastEventIdInvalid from None
    if len(positions) != LANES:
        raise LastEventIdInvalid
    return positions


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def _numbers(raw: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in raw:
        number |= (byte & 0x7F) << shift
        shift += 7
        if shift > 63:
            raise ValueError("too long a number")
        if byte < 0x80:
            yield number
            number = shift = 0
    if shift:
        raise ValueError("half a number")
