"""A queue served in batches (合并排队): one thread carries out what waits, for all who wait.

The threads of one process take turns at Python, and each turn begins with cold caches; and a request carried out by
itself is a commit by itself. So while one thread is at work, whoever comes waits, and the next thread takes all
requests that have come: they are carried out together. Those who were served together mostly come back together. So
after a batch, the next thread waits a moment until as many have come as there were lately. Nobody waits for others
when requests come one by one.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic
from typing import Final, Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

MOST: Final = 16
"""The most requests carried out together."""
PATIENCE: Final = 0.05
"""How many seconds at most one waits for another who is at work, before it goes alone all the same."""
LINGER: Final = 0.0025
"""How many seconds at most after a batch the next waits for as many to come as there were lately."""
LATELY: Final = 4
"""The largest of so many batches is what there was lately."""


class _Waiting(Generic[Asked, Answer]):
    """A request that waits: to be answered, to be told to carry out a batch, or to go alone."""

    __slots__ = ("answer", "asked", "called", "leads")

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.answer: Answer | None = None
        self.leads = False
        self.called = threading.Lock()
        self.called.acquire()


class BatchQueue(Generic[Asked, Answer]):
    """Carries out requests, alone or together; safe between threads.

    `alone` answers one request or raises; `together` answers several that wait, None for each that is to go alone.
    """

    def __init__(
        self, alone: Callable[[Asked], Answer], together: Callable[[Sequence[Asked]], Sequence[Answer | None]]
    ) -> None:
        self._alone = alone
        self._together = together
        self._lock = threading.Lock()
        self._at_work = False
        self._queue: list[_Waiting[Asked, Answer]] = []
        self._sizes = deque([1], maxlen=LATELY)
        self._ended = 0.0
        self._complete: threading.Lock | None = None

    def answer(self, asked: Asked) -> Answer:
        """The answer to a request; raises what `alone` raises."""
        waiting = _Waiting[Asked, Answer](asked)
        with self._lock:
            waiting.leads, self._at_work = not self._at_work, True
            self._queue.append(waiting)
            if self._complete is not None and len(self._queue) >= max(self._sizes):
                self._complete.release()
                self._complete = None
        if not waiting.leads and not waiting.called.acquire(timeout=PATIENCE) and not self._leave(waiting):
            waiting.called.acquire()
        if waiting.leads:
            try:
                self._linger()
                self._serve(self._take_batch())
            finally:
                self._hand_on(waiting)
        return self._alone(asked) if waiting.answer is None else waiting.answer

    def _linger(self) -> None:
        """Wait until as many have come as there were lately, but only so long after the last batch."""
        if max(self._sizes) == 1 or (patience := self._ended + LINGER - monotonic()) <= 0:
            return
        with self._lock:
            if len(self._queue) >= max(self._sizes):
                return
            complete = self._complete = threading.Lock()
            complete.acquire()
        complete.acquire(timeout=patience)
        with self._lock:
            self._complete = None

    def _leave(self, waiting: _Waiting[Asked, Answer]) -> bool:
        """Whether one who has waited too long goes alone; not when it was taken along or called in between."""
        with self._lock:
            if waiting.leads or waiting not in self._queue:
                return False
            self._queue.remove(waiting)
            return True

    def _take_batch(self) -> list[_Waiting[Asked, Answer]]:
        """Those who wait now, the caller first: more than when it was called."""
        with self._lock:
            batch, self._queue = self._queue[:MOST], self._queue[MOST:]
        return batch

    def _serve(self, batch: list[_Waiting[Asked, Answer]]) -> None:
        leader = batch[0]
        try:
            if len(batch) > 1:
                with suppress(Exception):  # then each goes alone, and is told what is wrong
                    answers = self._together([waiting.asked for waiting in batch])
                    for waiting, answer in zip(batch, answers, strict=True):
                        waiting.answer = answer
            else:
                leader.answer = self._alone(leader.asked)
        finally:
            for waiting in batch:
                if waiting is not leader:
                    waiting.called.release()
            self._sizes.append(len(batch))
            self._ended = monotonic()

    def _hand_on(self, done: _Waiting[Asked, Answer]) -> None:
        with self._lock:
            if done in self._queue:  # interrupted before it came to serve
                self._queue.remove(done)
            leader = self._queue[0] if self._queue else None
            if leader is None:
                self._at_work = False
            else:
                leader.leads = True
        if leader is not None:
            leader.called.release()
