"""Envelopes (事件封套): a plain event, where it stands, and who entered it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from domain.household.event import Event
from domain.values.private import Private
from eventstore.lanes import event_id_bytes


class Meta(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who entered the event and why; whoever the law names stands in the event itself."""

    actor: str | None = None
    organ: str | None = None
    region: str | None = None
    command: str | None = None
    correlation: str | None = None
    causation: str | None = None
    legal_basis: str | None = None
    stated_at: str | None = None


class Encoded(NamedTuple):
    """An event's stored name and bytes, and the private values its token numbers point at, in order."""

    name: str
    data: bytes
    privates: Sequence[Private[Any]]


class Envelope:
    """An event on its way into the store; satisfies `eventsourcing`'s `DomainEventProtocol[UUID]`.

    `position` and `recorded_at` are None until it is recorded; what the store loads is a `Recorded`,
    which has the same attributes and more. `encoded` is set by who encoded the event already.
    The event's id may be given as its 16 bytes.
    """

    __slots__ = (
        "encoded",
        "event",
        "id_bytes",
        "meta",
        "originator_id",
        "originator_version",
        "position",
        "recorded_at",
    )

    def __init__(
        self,
        originator_id: UUID,
        originator_version: int,
        event: Event,
        event_id: UUID | bytes,
        meta: Meta,
        position: int | None = None,
        recorded_at: datetime | None = None,
    ) -> None:
        self.originator_id = originator_id
        self.originator_version = originator_version
        self.event = event
        self.id_bytes = event_id if isinstance(event_id, bytes) else event_id.bytes
        self.meta = meta
        self.position = position
        self.recorded_at = recorded_at
        self.encoded: Encoded | None = None

    @property
    def event_id(self) -> UUID:
        """The event's own id."""
        return UUID(bytes=self.id_bytes)

    @property
    def effective_on(self) -> date:
        """The legal day of the act."""
        return self.event.on

    def __repr__(self) -> str:
        return f"<{type(self.event).__name__} {self.originator_id}@{self.originator_version}>"


def enclose(
    command: UUID,
    stream: UUID,
    expected: int,
    events: Iterable[Event],
    meta: Meta,
    *,
    first: int = 0,
) -> list[Envelope]:
    """The events of one command for one stream, numbered on from its version `expected`.

    `first` is the ordinal, within the command, of the first of them: 0 for the first stream, and for each
    further stream as many as were enclosed before.
    """
    envelopes = []
    version = expected
    for ordinal, event in enumerate(events, first):
        version += 1
        envelopes.append(Envelope(stream, version, event, event_id_bytes(command, ordinal), meta))
    return envelopes
