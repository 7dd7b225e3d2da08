"""Facts for display (摘要): the few plain values of an event that a chain shows, never a sealed one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import date
from enum import Enum
from operator import attrgetter
from types import UnionType
from typing import Any, Final, Literal, NewType, Union, get_args, get_origin, get_type_hints

import msgspec

from domain.household.event import Event
from domain.values.money import Fen
from domain.values.month import Month, Months
from projections.months import text_of

Say = Callable[[Event], str | None]

# of the words: codes out of closed lists and registers, and numbers of documents; never free text
_WORDS = frozenset({"code", "cause", "what", "notice", "region", "from_region", "number"})
_LISTS = frozenset({"eligible_for"})
# plain in the event because rules read them, and yet about a person
_PERSONAL = frozenset({"on", "birth", "sex", "student", "disability", "work_capacity"})
_KNOWN: Final = 4_096
"""So many different values of a field are kept written out."""


def sayers(kinds: Mapping[type[Event], str]) -> dict[type[Event], Say | None]:
    """By kind of event, what says its facts as JSON text; None for a kind that has none."""
    return {kind: _sayer(kind) for kind in kinds}


def _sayer(kind: type[Event]) -> Say | None:
    hints = get_type_hints(kind)
    shown = tuple(
        field.name
        for field in fields(kind)  # type: ignore[arg-type]
        if field.name not in _PERSONAL and _is_shown(field.name, hints[field.name])
    )
    if not shown:
        return None
    values_of = attrgetter(*shown) if len(shown) > 1 else _alone(shown[0])
    pieces = [_piece(name, hints[name]) for name in shown]

    def say(event: Event) -> str | None:
        said = [
            piece(value) for piece, value in zip(pieces, values_of(event), strict=False) if value is not None
        ]
        return "{" + ",".join(said) + "}" if said else None

    return say


class _Known(dict[Any, str]):
    """The pieces of one field: days, months and codes are few, and each is written out once."""

    __slots__ = ("_head",)

    def __init__(self, head: str) -> None:
        self._head = head

    def __missing__(self, value: Any) -> str:
        if len(self) >= _KNOWN:
            self.clear()
        said = self[value] = self._head + _encode(value).decode()
        return said


def _piece(name: str, kind: Any) -> Callable[[Any], str]:
    """What writes one field: `"name":value`."""
    head = f'"{name}":'
    if kind is Fen or kind is int:
        return (head + "%d").__mod__
    if isinstance(kind, type) and issubclass(kind, Months):
        return lambda value: head + _encode(value).decode()
    return _Known(head).__getitem__


def _alone(name: str) -> Callable[[Event], tuple[Any, ...]]:
    value_of = attrgetter(name)
    return lambda event: (value_of(event),)


def _is_shown(name: str, kind: Any) -> bool:
    if isinstance(kind, NewType):
        return kind is Fen
    if get_origin(kind) is Literal:
        return True
    if get_origin(kind) in (Union, UnionType):
        return all(_is_shown(name, choice) for choice in get_args(kind) if choice is not type(None))
    if kind is str:
        return name in _WORDS
    if get_origin(kind) is tuple:
        return name in _LISTS
    return isinstance(kind, type) and issubclass(kind, int | date | Month | Months | Enum)


def _plain(value: object) -> object:
    if isinstance(value, Month):
        return text_of(value)
    raise NotImplementedError(f"{type(value)!r} is not shown")


_encode = msgspec.json.Encoder(enc_hook=_plain).encode
