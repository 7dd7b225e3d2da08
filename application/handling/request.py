"""What the command handler is asked, and what it answers (办理请求与答复)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

import msgspec

from domain.household.command import Command, JointCommand
from domain.household.event import Event
from domain.values.month import Month
from domain.values.person import HouseholdId
from domain.values.receipt import Actor
from domain.values.refusals import code_of
from eventstore.appending.append_types import Appended

NewEvents = Mapping[HouseholdId, tuple[Event, ...]]
"""What became true, by household, the one addressed first."""


@dataclass(frozen=True, slots=True)
class Request:
    """One command as the caller said it: its id, for whom, by whom, and the version it was based on.

    `household` is left out by a command that begins a stream; of several it is the one addressed. `expected`
    is the version the caller saw of it (If-Match): with it a conflict is the caller's, without it the command
    is decided again. `at` is the time told by a script: recorded in a trial store, only stated elsewhere.
    """

    id: UUID
    command: Command
    actor: Actor
    household: HouseholdId | None = None
    expected: int | None = None
    at: datetime | None = None
    correlation: str | None = None
    causation: str | None = None

    @property
    def stream(self) -> HouseholdId:
        """The household's stream: the one named, or the one this command begins."""
        return self.household or HouseholdId(uuid5(self.id, "household/0"))

    @property
    def households(self) -> tuple[HouseholdId, ...]:
        """The households it reads: the one addressed, then the others a joint command names."""
        command = self.command
        others = command.households() if isinstance(command, JointCommand) else ()
        return tuple(dict.fromkeys((self.stream, *others)))

    def content(self) -> bytes:
        """What the caller said, in a fixed order: the input of the request hash."""
        command, actor = self.command, self.actor
        return _encoder.encode((code_of(type(command)), command, self.household, actor.officer, actor.organ))


@dataclass(frozen=True, slots=True)
class Other:
    """What the same command did in another household: its version and position, and the events, as in `Handled`."""

    household: HouseholdId
    version: int
    position: int
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Handled:
    """The answer: the household, its version, the events that became true, and how far readers must have read.

    `repeated` is True when the same command was carried out before and this is its first answer; then
    `events` are not given again. `news` is False when nothing became true. `others` are the further
    households of a joint command.
    """

    household: HouseholdId
    version: int
    events: tuple[Event, ...]
    reached: Mapping[int, int]
    recorded_at: datetime | None
    repeated: bool = False
    news: bool = True
    others: tuple[Other, ...] = ()

    @classmethod
    def of(cls, stream: HouseholdId, appended: Appended, events: NewEvents) -> Handled:
        """The answer about one household: its own part of an append, and the parts of the others beside it."""
        if appended.repeated:
            events = {}
        by_household = {
            HouseholdId(household): (version, position)
            for household, version, position in zip(
                appended.streams, appended.versions, appended.positions, strict=False
            )
        }
        version, _ = by_household.get(stream, (0, 0))
        return cls(
            stream,
            version,
            events.get(stream, ()),
            appended.reached,
            appended.recorded_at,
            appended.repeated,
            appended.news,
            tuple(
                Other(household, *place, events.get(household, ()))
                for household, place in by_household.items()
                if household != stream
            ),
        )


def _plain(value: object) -> object:
    if isinstance(value, Month):
        return str(value)
    raise NotImplementedError(type(value).__name__)


_encoder = msgspec.json.Encoder(enc_hook=_plain, order="deterministic")
