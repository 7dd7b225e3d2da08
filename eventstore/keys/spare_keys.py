"""Calls in turn (依次): one at a time is carried out, and while the server is at it the next is made ready."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import psycopg

from eventstore.errors import told
from eventstore.postgres.libpq_client import Flight, Parameter, Row, Statement, Wire

Call = TypeVar("Call")


def in_turn(
    wire: Wire,
    statement: Statement,
    calls: Iterable[tuple[Call, Sequence[Parameter] | None]],
    retried: Callable[[Statement, Sequence[Parameter]], Row],
) -> Iterator[tuple[Call, Row | None]]:
    """Each call with the row it is answered, in order; None when it has no parameters and nothing is to be sent.

    The statement must be one that may run twice; `retried` runs it when it met a deadlock. Who leaves early
    waits for what is on its way. What is wrong with a call is raised after the answer to the one before.
    """
    coming = iter(calls)
    asked: tuple[Call, Flight | None] | None = None
    try:
        while True:
            late: Exception | None = None
            try:
                with uncollected():
                    following = next(coming, None)
            except Exception as error:
                following, late = None, error
            answered: tuple[Call, Row | None] | None = None
            if asked is not None:
                (call, flight), asked = asked, None
                answered = call, None if flight is None else _landed(flight, retried)
            if following is not None:
                call, parameters = following
                asked = call, None if parameters is None else wire.send(statement, parameters)
            if answered is not None:
                yield answered
            if late is not None:
                raise late
            if asked is None:
                return
    finally:
        if asked is not None and asked[1] is not None:
            asked[1].close()


@contextmanager
def uncollected() -> Iterator[None]:
    """Leave cyclic garbage alone meanwhile: a call makes objects by the thousand, none of them in a cycle.

    Each few thousand of them would have the collector walk through all that the process holds.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _landed(flight: Flight, retried: Callable[[Statement, Sequence[Parameter]], Row]) -> Row:
    try:
        return flight.rows()[0]
    except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure):
        return retried(flight.statement, flight.parameters)
    except psycopg.Error as error:
        refusal = told(error)
        if refusal is None:
            raise
        raise refusal from None
