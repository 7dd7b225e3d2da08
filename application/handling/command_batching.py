"""Where requests meet that come at the same time (汇集): one thread carries out what waits, for all who wait.

Threads of one process take turns at Python anyway, and each turn begins with cold caches; and every command of its
own is a commit of its own. So while one thread is at work, whoever comes waits, and the next thread takes all that
have come together: one read, one after the other decided, one append. Those who were served together mostly come back
together: so after a group, as many as there were lately are waited for, a moment. Who comes alone is kept by nobody.
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
"""How many seconds at most after a group the next waits for as many to come as there were lately."""
LATELY: Final = 4
"""The largest of so many groups is what there was lately."""


class _Seat(Generic[Asked, Answer]):
    """A request that waits: to be answered, or to be told to carry out a group, or to go alone."""

    __slots__ = ("answer", "asked", "called", "leads")

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.answer: Answer | None = None
        self.leads = False
        self.called = threading.Lock()
        self.called.acquire()


class Gathering(Generic[Asked, Answer]):
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
        self._waiting: list[_Seat[Asked, Answer]] = []
        self._sizes = deque([1], maxlen=LATELY)
        self._ended = 0.0
        self._complete: threading.Lock | None = None

    def carry_out(self, asked: Asked) -> Answer:
        """The answer to a request; raises what `alone` raises."""
        seat = _Seat[Asked, Answer](asked)
        with self._lock:
            seat.leads, self._at_work = not self._at_work, True
            self._waiting.append(seat)
            if self._complete is not None and len(self._waiting) >= max(self._sizes):
                self._complete.release()
                self._complete = None
        if not seat.leads and not seat.called.acquire(timeout=PATIENCE) and not self._leave(seat):
            seat.called.acquire()
        if seat.leads:
            try:
                self._linger()
                self._serve(self._come_together())
            finally:
                self._hand_on(seat)
        return self._alone(asked) if seat.answer is None else seat.answer

    def _linger(self) -> None:
        """Wait until as many have come as there were lately, but only so long after the last group."""
        if max(self._sizes) == 1 or (patience := self._ended + LINGER - monotonic()) <= 0:
            return
        with self._lock:
            if len(self._waiting) >= max(self._sizes):
                return
            complete = self._complete = threading.Lock()
            complete.acquire()
        complete.acquire(timeout=patience)
        with self._lock:
            self._complete = None

    def _leave(self, seat: _Seat[Asked, Answer]) -> bool:
        """Whether one who has waited too long goes alone; not when it was taken along or called in between."""
        with self._lock:
            if seat.leads or seat not in self._waiting:
                return False
            self._waiting.remove(seat)
            return True

    def _come_together(self) -> list[_Seat[Asked, Answer]]:
        """Those who wait now, the caller first: more than when it was called."""
        with self._lock:
            group, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        return group

    def _serve(self, group: list[_Seat[Asked, Answer]]) -> None:
        leader = group[0]
        try:
            if len(group) > 1:
                with suppress(Exception):  # then each goes alone, and is told what is wrong
                    answers = self._together([seat.asked for seat in group])
                    for seat, answer in zip(group, answers, strict=True):
                        seat.answer = answer
            else:
                leader.answer = self._alone(leader.asked)
        finally:
            for seat in group:
                if seat is not leader:
                    seat.called.release()
            self._sizes.append(len(group))
            self._ended = monotonic()

    def _hand_on(self, done: _Seat[Asked, Answer]) -> None:
        with self._lock:
            if done in self._waiting:  # interrupted before it came to serve
                self._waiting.remove(done)
            leader = self._waiting[0] if self._waiting else None
            if leader is None:
                self._at_work = False
            else:
                leader.leads = True
        if leader is not None:
            leader.called.release()
