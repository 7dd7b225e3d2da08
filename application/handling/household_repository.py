"""Households out of the event store and back (户的存取): loaded by replay, appended to; every call a command makes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from application.handling.envelope_factory import EnclosedEvents
from application.handling.loaded_household import LoadedHousehold, replayed
from application.handling.request import Handled, Request
from domain.guards.registered import HouseholdUnknown
from domain.household.as_of import ValidOn, valid_on
from domain.household.context import Recalled
from domain.household.state import Household
from domain.values.person import HouseholdId, PersonId
from eventstore.adapter import Chains
from eventstore.appending.append_types import Appended, CommandKey, OneAppend, StreamAppend
from eventstore.errors import StoreError
from eventstore.lanes import lane_of
from eventstore.store import LaneStore


class EnclosedCommand(NamedTuple):
    """A command by its key, and what it appends to the stream of one household."""

    key: CommandKey
    enclosed: EnclosedEvents


class HouseholdRepository:
    """The households of one store; safe between threads."""

    def __init__(self, chains: Chains) -> None:
        self._chains = chains
        self.store: LaneStore = chains.store

    def get(self, household: HouseholdId, known_at: datetime | None = None) -> Household:
        """The household replayed, as known at an instant; raises `HouseholdUnknown`.

        One that went on in another says so: `joined_into`.
        """
        loaded = replayed(None, self.store.load(household, known_at=known_at).rows)
        if loaded is None or not loaded.household.registered:
            raise HouseholdUnknown
        return loaded.household

    def on_day(self, household: HouseholdId, day: date, known_at: datetime | None = None) -> ValidOn:
        """What the household was on a day, as known at an instant, by default now; raises `HouseholdUnknown`."""
        return valid_on(self.get(household, known_at), day)

    def load(self, household: HouseholdId) -> LoadedHousehold:
        """The household as far as it is recorded; at version 0 when nothing is."""
        return self._chains.replay(household, replayed) or LoadedHousehold(Household(household), 0)

    def load_many(self, households: Sequence[HouseholdId]) -> dict[HouseholdId, LoadedHousehold]:
        """Those of these households that are recorded, read in one statement."""
        found = ((id, replayed(None, rows)) for id, rows in self.store.briefs(households).items())
        return {HouseholdId(id): loaded for id, loaded in found if loaded is not None}

    def recorded_step(self, household: HouseholdId, step: int) -> Recalled | None:
        """A step of the household as it is recorded, None when there is no such step."""
        rows = self.store.slice(household, step - 1, upto=step)
        return Recalled(step, rows[0].event_id, rows[0].event) if rows else None

    def persons_of(self, numbers: Iterable[str]) -> dict[str, PersonId]:
        """Who of these has a person id, nationwide, by normalised ID number; one statement."""
        found = self.store.find_each("id-number", sorted(set(numbers)))
        return {number: PersonId(person) for number, person in found.items()}

    def key_of(self, request: Request) -> CommandKey:
        """The command's id and the keyed hash of what is asked."""
        return CommandKey(request.id, self.store.keys.request_hash(request.content()))

    def first_answer(self, key: CommandKey, stream: HouseholdId) -> Handled | None:
        """What the command was answered when it was carried out, None when it was not; raises `ChangedCommand`."""
        appended = self.store.command(key.id, lane_of(stream), key.hash)
        return None if appended is None else Handled.of(stream, appended, {})

    def asked_before(self, keys: Mapping[CommandKey, Request]) -> dict[CommandKey, bool]:
        """Which of these commands were carried out: True when it was the same request, False for another content."""
        done = self.store.asked([(lane_of(request.stream), key.id) for key, request in keys.items()])
        return {key: done[key.id] == key.hash for key in keys if key.id in done}

    def append(self, key: CommandKey, enclosed: EnclosedEvents, at: datetime | None) -> Appended:
        """Append what one command makes true of any households, all or nothing; raises as the store's `append`."""
        return self._chains.append(
            *enclosed.envelopes,
            command=key,
            claims=enclosed.claims,
            index=enclosed.found_by,
            closes=enclosed.closes,
            at=at,
        )

    def append_together(self, commands: Sequence[EnclosedCommand]) -> dict[UUID, Appended]:
        """Append several commands, each of a household of its own, in one commit: the answers by command id.

        A command that would be answered otherwise than with news is left out.
        """
        ones = [_one(*each) for each in commands]
        return {
            one.command.id: answer
            for one, answer in zip(ones, self.store.append_many(ones), strict=True)
            if isinstance(answer, Appended) and not answer.repeated
        }

    def append_lane(
        self, commands: Sequence[EnclosedCommand], at: datetime | None
    ) -> list[Appended | StoreError]:
        """Append several commands of one lane, each of a household of its own, in one statement; each answered."""
        return self.store.append_many([_one(*each) for each in commands], at)


def _one(key: CommandKey, enclosed: EnclosedEvents) -> OneAppend:
    first = enclosed.envelopes[0]
    stream = StreamAppend(first.originator_id, "household", first.originator_version - 1, enclosed.envelopes)
    return OneAppend(key, stream, enclosed.claims, enclosed.found_by)
