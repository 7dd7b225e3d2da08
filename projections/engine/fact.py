"""Facts (事实): a recorded event of a household as it is handed to projections, decoded once for all of them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from domain.household.event import Event
from domain.household.notions import Limit, MoneyMove
from domain.values.deadline import Due
from eventstore.events.envelope import Meta


class Fact(msgspec.Struct, gc=False):
    """One recorded event of a household, decoded once for all projections of a page; `fact_of` makes it.

    `meta` is who entered it; `opened`, `met`, `closed` and `missed` are what the event itself says of deadlines,
    `money` what it says of money. Sealed values carry tokens only.
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
    met: tuple[Limit, ...]
    closed: tuple[Limit, ...]
    missed: Limit | None
    money: MoneyMove | None

    @property
    def touches_limits(self) -> bool:
        """Whether it starts, ends or misses a deadline."""
        return bool(self.opened or self.met or self.closed or self.missed)


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
    # an event is asked only where its kind has an answer of its own: most have none
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
        event.opens() if kind.opens is not Event.opens else (),
        event.meets() if kind.meets is not Event.meets else (),
        event.closes() if kind.closes is not Event.closes else (),
        event.misses() if kind.misses is not Event.misses else None,
        event.moves_money() if kind.moves_money is not Event.moves_money else None,
    )
