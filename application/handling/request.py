"""What is asked of the desk, and what it answers (办理请求与答复)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from domain.household.command import Command
from domain.household.event import Event
from domain.values.person import HouseholdId
from domain.values.receipt import Actor


@dataclass(frozen=True, slots=True)
class Request:
    """One command as the caller said it: its id, for whom, by whom, and the version it was based on.

    `household` is left out by a command that begins a chain; of several it is the one addressed. `expected`
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


@dataclass(frozen=True, slots=True)
class Other:
    """What the same command did in another household: its version and position, and the facts, as in `Handled`."""

    household: HouseholdId
    version: int
    position: int
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Handled:
    """The answer: the household, its version, the facts that became true, and how far readers must have read.

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
