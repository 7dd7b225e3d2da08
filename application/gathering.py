"""Where requests meet that come at the same time (汇集): one thread carries out what waits, for all who wait.

Threads of one process take turns at Python anyway, and each turn begins with cold caches; and every command of its
own is a commit of its own. So while one thread is at work, whoever comes waits, and the next thread takes all that
have come together: one read, one after the other decided, one append. Who comes alone is kept by nobody.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

MOST: Final = 16
"""The most requests carried out together."""
PATIENCE: Final = 0.05
"""How many seconds at most one waits for another who is at work, before it goes alone all the same."""


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

    def carry_out(self, asked: Asked) -> Answer:
        """The answer to a request; raises what `alone` raises."""
        with self._lock:
            seat = _Seat[Asked, Answer](asked) if self._at_work else None
            if seat is None:
                self._at_work = True
            else:
                self._waiting.append(seat)
        if seat is None:
            try:
                return self._alone(asked)
            finally:
                self._hand_on()
        if not seat.called.acquire(timeout=PATIENCE) and not self._leave(seat):
            seat.called.acquire()
        if seat.leads:
            try:
                self._serve(self._come_together())
            finally:
                self._hand_on()
        return self._alone(asked) if seat.answer is None else seat.answer

    def _leave(self, seat: _Seat[Asked, Answer]) -> bool:
        """Whether one who has waited too long goes alone; not when it was taken along or called in between."""
        with self._lock:
            if seat.leads or seat not in self._waiting:
                return False
            self._waiting.remove(seat)
            return True

    def _come_together(self) -> list[_Seat[Asked, Answer]]:
        """Those who wait now, the caller among them: more than when it was called."""
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

    def _hand_on(self) -> None:
        with self._lock:
            leader = self._waiting[0] if self._waiting else None
            if leader is None:
                self._at_work = False
            else:
                leader.leads = True
        if leader is not None:
            leader.called.release()
