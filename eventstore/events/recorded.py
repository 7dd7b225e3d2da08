"""What the store hands out: recorded events, decoded when they are asked for, and streams as loaded."""

from __future__ import annotations

from datetime import date, datetime
from enum import IntEnum
from typing import Any, Final
from uuid import UUID

import msgspec

from domain.household.event import Event
from eventstore.events.codec import Codec
from eventstore.events.envelope import Meta
from eventstore.postgres.binary import instant

COLUMNS: Final = (
    "e.position, e.version, e.name, e.data, e.private, e.recorded_at, e.event_id, e.effective_on, e.meta, "
    "e.digest, e.stream_id, e.lane"
)
"""The columns a `Recorded` is made of, in its order; ids and instants as raw bytes."""

_meta = msgspec.json.Decoder(Meta).decode


class Recorded:
    """An event as it stands in the store; has what an `Envelope` has, each decoded when first asked for.

    Satisfies `eventsourcing`'s `DomainEventProtocol[UUID]`. `event` raises `UnknownEvent` for a name this
    program does not know.
    """

    __slots__ = ("_codec", "_event", "_row")

    def __init__(self, row: tuple[Any, ...], codec: Codec) -> None:
        self._row = row
        self._codec = codec
        self._event: Event | None = None

    @property
    def event(self) -> Event:
        """The domain's event; private values carry their tokens."""
        event = self._event
        if event is None:
            row = self._row
            event = self._event = self._codec.decode(row[2], row[3], row[4])
        return event

    @property
    def position(self) -> int:
        return self._row[0]  # type: ignore[no-any-return]

    @property
    def lane(self) -> int:
        return self._row[11]  # type: ignore[no-any-return]

    @property
    def originator_id(self) -> UUID:
        return UUID(bytes=self._row[10])

    @property
    def originator_version(self) -> int:
        return self._row[1]  # type: ignore[no-any-return]

    @property
    def name(self) -> str:
        """The stored name."""
        return self._row[2]  # type: ignore[no-any-return]

    @property
    def data(self) -> bytes:
        """The exact bytes that were digested."""
        return self._row[3]  # type: ignore[no-any-return]

    @property
    def private(self) -> bytes | None:
        """The sealed tokens, packed."""
        return self._row[4]  # type: ignore[no-any-return]

    @property
    def recorded_at(self) -> datetime:
        """When it was recorded, in UTC."""
        return instant(self._row[5])

    @property
    def event_id(self) -> UUID:
        return UUID(bytes=self._row[6])

    @property
    def effective_on(self) -> date | None:
        """The legal day; None only for an event of the library's own aggregates."""
        return self._row[7]  # type: ignore[no-any-return]

    @property
    def meta_bytes(self) -> bytes:
        return self._row[8]  # type: ignore[no-any-return]

    @property
    def meta(self) -> Meta:
        """Who entered it."""
        return _meta(self._row[8]) if self._row[8] else Meta()

    @property
    def digest(self) -> bytes:
        return self._row[9]  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"<{self.name} {self.originator_id}@{self.originator_version}>"


class Brief(msgspec.Struct, frozen=True, gc=False):
    """An event as a fold needs it: its name, data and private values, of a stream at a version; nothing else read.

    Satisfies `eventsourcing`'s `DomainEventProtocol[UUID]`; stands for a stored event of ours on its way out.
    """

    originator_id: UUID
    _row: tuple[Any, ...]
    _codec: Codec

    @property
    def event(self) -> Event:
        """The domain's event, decoded anew at every asking; raises `UnknownEvent`."""
        row = self._row
        return self._codec.decode(row[1], row[2], row[3])

    @property
    def originator_version(self) -> int:
        return self._row[0]  # type: ignore[no-any-return]

    @property
    def topic(self) -> str:
        """The stored name."""
        return self._row[1]  # type: ignore[no-any-return]

    @property
    def state(self) -> bytes:
        """The exact bytes of the data; private values are not in them."""
        return self._row[2]  # type: ignore[no-any-return]

    @property
    def ours(self) -> bool:
        """Whether it is an event of ours, not one of the library's own aggregates."""
        return self._row[4]  # type: ignore[no-any-return]


class StreamState(IntEnum):
    """Whether a stream takes events."""

    OPEN = 0
    CLOSED = 1
    ERASED = 2


class Loaded:
    """A stream as read in one statement: `rows` in order, its version, its state.

    `version` is that of the last row given, or `after` when there is none; `current` is the stream's version
    now, which is higher when the stream was loaded as known at an earlier time; 0 and OPEN when there is no
    such stream.
    """

    __slots__ = ("current", "rows", "state", "stream", "version")

    def __init__(
        self, stream: UUID, version: int, current: int, state: StreamState, rows: list[Recorded]
    ) -> None:
        self.stream = stream
        self.version = version
        self.current = current
        self.state = state
        self.rows = rows

    @property
    def events(self) -> list[Event]:
        """The domain's events, to be folded."""
        return [row.event for row in self.rows]
