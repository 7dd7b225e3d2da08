"""Small events of the store's own tests, one of each sort of field."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from uuid import UUID

from domain.household.event import Event
from domain.values.money import Fen
from domain.values.month import Month, Months
from domain.values.private import Private


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True)
class Opened(Event):
    on: date
    region: str


@dataclass(frozen=True, slots=True)
class Paid(Event):
    on: date
    month: Month
    fen: Fen
    months: Months | None = None
    colour: Colour = Colour.RED
    parts: tuple[Fen, ...] = ()
    by: UUID | None = None
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Person:
    id: UUID
    name: Private[str]
    number: Private[str] | None = None


@dataclass(frozen=True, slots=True)
class Joined(Event):
    on: date
    members: tuple[Person, ...]
    phone: Private[str] | None = None


CATALOGUE: dict[str, type[Event]] = {
    "sample.opened.1": Opened,
    "sample.paid.1": Paid,
    "sample.joined.1": Joined,
}
