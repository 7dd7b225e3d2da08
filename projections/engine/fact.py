"""Facts (事实): a recorded event of a household as it is handed to projections, decoded once for all of them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from domain.household.event import Event
from domain.values.deadline import Due
from eventstore.events.envelope import Meta

_OPENS, _CLOSES = Event.opens, Event.closes


class Fact(msgspec.Struct, gc=False):
    """One recorded event of a household, decoded once for all projections of a page; `fact_of` makes it.

    `meta` is who entered it; `opened` and `closed` are what the event itself says of deadlines. Sealed values carry
    tokens only.
    """

    lane: int
    position: int
    household: UUID
    version: int
    name: str
    recorded_at: datetime
    meta: Meta
    event: Event
    kind: type[Event]
    opened: tuple[Due, ...]
    closed: tuple[tuple[str, UUID | None], ...]


def fact_of(
    lane: int,
    position: int,
    household: UUID,
    version: int,
    name: str,
    recorded_at: datetime,
    meta: Meta,
    event: Event,
) -> Fact:
    """The fact that an event is, recorded there and then."""
    kind = type(event)
    return Fact(
        lane,
        position,
        household,
        version,
        name,
        recorded_at,
        meta,
        event,
        kind,
        event.opens() if kind.opens is not _OPENS else (),
        event.closes() if kind.closes is not _CLOSES else (),
    )
