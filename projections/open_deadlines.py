"""Deadlines still running (在办期限), kept as text in a projection's own row so that the next step can meet them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple
from uuid import UUID

import msgspec

from domain.household.notions import is_named
from domain.values.deadline import Due, DueKind
from projections.engine.fact import Fact


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


class Ended(NamedTuple):
    """What a fact made of running deadlines: those it met, those it closed, and those that go on running."""

    met: list[Running]
    closed: list[Running]
    rest: list[Running]


def ended(running: list[Running], fact: Fact) -> Ended:
    """The deadlines a fact met or closed, and those that go on running, noted as missed where it says so."""
    if fact.missed is not None:
        for each in running:
            each.missed = each.missed or (each.what, each.subject) == fact.missed
    if not fact.met and not fact.closed:
        return Ended([], [], running)
    found = Ended([], [], [])
    for each in running:
        if is_named(each.what, each.subject, fact.met):
            found.met.append(each)
        elif is_named(each.what, each.subject, fact.closed):
            found.closed.append(each)
        else:
            found.rest.append(each)
    return found


def started(due: Due) -> Running:
    """A deadline as it begins to run."""
    return Running(due.what, due.day, due.subject, due.kind)
