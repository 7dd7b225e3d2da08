"""Deadlines still running (在办期限), kept as text in a projection's own row so that the next step can meet them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from uuid import UUID

import msgspec

from domain.clock.supervision import DeadlineMissed
from domain.household.event import Event
from domain.values.deadline import Due, DueKind

Closed = tuple[tuple[str, UUID | None], ...]
"""What an event says it closes: code and subject; `*` is every code, None every subject."""


class Running(msgspec.Struct, array_like=True):
    """One running deadline; `missed` once its passing was noted."""

    what: str
    day: date
    subject: UUID
    kind: DueKind
    missed: bool = False


NONE = "[]"
_read = msgspec.json.Decoder(list[Running]).decode
_write = msgspec.json.Encoder().encode


def running_of(text: str) -> list[Running]:
    """The deadlines kept in a text."""
    return _read(text) if text != NONE else []


def text_of(running: Iterable[Running]) -> str:
    """The text that keeps deadlines."""
    return _write(list(running)).decode()


def is_met(what: str, subject: UUID, closed: Closed) -> bool:
    """Whether an event that closes these met a deadline."""
    for code, about in closed:  # noqa: SIM110  # asked of every deadline at every step: no generator
        # numbers, not ids: these are compared by a function of Python's
        if code in (what, "*") and (about is None or about.int == subject.int):
            return True
    return False


def part(running: list[Running], closed: Closed) -> tuple[list[Running], list[Running]]:
    """The deadlines an event met, and those that go on running."""
    if not closed:
        return [], running
    met: list[Running] = []
    rest: list[Running] = []
    for each in running:
        (met if is_met(each.what, each.subject, closed) else rest).append(each)
    return met, rest


def started(due: Due) -> Running:
    """A deadline as it begins to run."""
    return Running(due.what, due.day, due.subject, due.kind)


def meets(kinds: Iterable[type[Event]]) -> frozenset[type[Event]]:
    """Those kinds of events that meet or miss a deadline."""
    return frozenset(kind for kind in kinds if kind.closes is not Event.closes or kind is DeadlineMissed)


def touches(kinds: Iterable[type[Event]]) -> frozenset[type[Event]]:
    """Those kinds of events that start, meet or miss a deadline."""
    every = frozenset(kinds)
    return meets(every) | {kind for kind in every if kind.opens is not Event.opens}
