"""What was once stored is read for ever: one line of JSON for every stored name, as it was first written.

A line is never changed. A new event adds one: `python -m tests.eventstore.test_stored_for_ever` appends those
that are missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, Literal, NewType, Union, get_args, get_origin, get_type_hints
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest

from domain.catalogue import EVENTS, UPCASTERS
from domain.household.event import Event
from domain.values.month import Month, Months
from domain.values.private import Private
from eventstore.events.codec import Codec
from eventstore.events.tokens import pack

CODEC = Codec(EVENTS, UPCASTERS)
STORED = Path(__file__).with_name("stored_for_ever.jsonl")


def lines() -> Iterator[tuple[str, str, int]]:
    """Stored name, exact JSON, and how many sealed values go with it."""
    for line in STORED.read_text("utf-8").splitlines():
        name, tokens, data = line.split(" ", 2)
        yield name, data, int(tokens)


def read(name: str, data: str, tokens: int) -> Event:
    private = pack([f"token {n}".encode() for n in range(tokens)]) if tokens else None
    return CODEC.decode(name, data.encode(), private)


def test_every_stored_name_has_its_line() -> None:
    missing = set(EVENTS) - {name for name, _, _ in lines()}
    assert not missing, "python -m tests.eventstore.test_stored_for_ever writes them"


@pytest.mark.parametrize(("name", "data", "tokens"), list(lines()), ids=[name for name, _, _ in lines()])
def test_what_was_stored_once_is_read_today(name: str, data: str, tokens: int) -> None:
    event = read(name, data, tokens)
    if name in EVENTS:
        assert type(event) is EVENTS[name]
        assert CODEC.encode(event).data.decode() == data
    else:  # an older number: its upcasters lead to the event of today
        stem = name.rpartition(".")[0]
        assert any(known.rpartition(".")[0] == stem and type(event) is kind for known, kind in EVENTS.items())


def test_no_line_stands_twice() -> None:
    names = [name for name, _, _ in lines()]
    assert len(names) == len(set(names))


def example(kind: Any, where: str) -> Any:
    """One value of a type, the same for the same place; every optional field is there."""
    origin, arguments = get_origin(kind), get_args(kind)
    if isinstance(kind, NewType):
        return example(kind.__supertype__, where)
    if origin is Private or kind is Private:
        return Private(uuid5(NAMESPACE_URL, where), "name", where)
    if origin is Literal:
        return arguments[0]
    if origin in (Union, UnionType):
        return example(next(each for each in arguments if each is not type(None)), where)
    if origin is tuple:
        parts = arguments[:1] * 2 if arguments[-1] is Ellipsis else arguments
        return tuple(example(part, f"{where}/{n}") for n, part in enumerate(parts))
    if origin is frozenset:
        return frozenset({example(arguments[0], where)})
    if origin in (dict, Mapping):
        return {"key": example(arguments[1], where)}
    if kind is Months:
        return Months(Month(2026, 1), Month(2026, 6))
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        make: Any = kind
        return make(**{each.name: example(hints[each.name], f"{where}.{each.name}") for each in fields(kind)})
    return _plain(kind, where)


def _plain(kind: Any, where: str) -> Any:
    number = uuid5(NAMESPACE_URL, where).int
    known: dict[Any, Any] = {
        UUID: uuid5(NAMESPACE_URL, where),
        date: date(2026, 1 + number % 12, 1 + number % 28),
        datetime: datetime(2026, 7, 1, 9, 30, tzinfo=UTC),
        bool: True,
        int: number % 1_000_000,
        str: where.rpartition(".")[2],
        bytes: b"bytes",
        Month: Month(2026, 1 + number % 12),
    }
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind))
    return known[kind]


def write() -> None:
    """Append a line for every stored name that has none."""
    there = {name for name, _, _ in lines()} if STORED.exists() else set()
    with STORED.open("a", encoding="utf-8") as file:
        for name, kind in EVENTS.items():
            if name not in there:
                encoded = CODEC.encode(example(kind, name))
                assert json.loads(encoded.data)
                file.write(f"{name} {len(encoded.privates)} {encoded.data.decode()}\n")


if __name__ == "__main__":
    write()
