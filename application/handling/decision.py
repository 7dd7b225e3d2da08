"""From loaded households to new events (决定): the context a command is decided in, and what it makes true."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from application.handling.household_repository import HouseholdRepository
from application.handling.loaded_household import LoadedHouseholds
from application.handling.request import NewEvents, Request
from application.reference.reference import Reference
from domain.correction.fact_correction import CorrectionCommand
from domain.guards.registered import HouseholdUnknown
from domain.household.command import Command, JointCommand
from domain.household.context import Context, Recalled
from domain.household.event import Event
from domain.intake.register_entry import EnterFromRegister
from domain.members.arrival import require_apart
from domain.members.registration import RegisterHousehold
from domain.values.citizen_id import CitizenIdRefused
from domain.values.citizen_id import parse as parse_citizen_id
from domain.values.person import HouseholdId, PersonId


def decide(request: Request, loaded: LoadedHouseholds, context: Context) -> NewEvents:
    """What a command makes true of the households it reads; nothing when that is no news. Raises a `Refusal`."""
    command, stream = request.command, request.stream
    if not isinstance(command, JointCommand):
        new = tuple(command.decide(loaded[stream].household, context))
        return {stream: new} if new else {}
    events: dict[HouseholdId, tuple[Event, ...]] = {stream: ()}
    households = {household: each.household for household, each in loaded.items()}
    for household, event in command.decide(households, context):
        events[household] = (*events.get(household, ()), event)
    return {household: new for household, new in events.items() if new}


class DecisionContexts:
    """Makes the contexts commands are decided in: what is in force where and when, and what has to be looked up."""

    def __init__(self, reference: Reference, households: HouseholdRepository) -> None:
        self._reference = reference
        self._households = households

    def of(
        self,
        request: Request,
        loaded: LoadedHouseholds,
        persons: Mapping[str, PersonId] | None = None,
    ) -> Context:
        """The context of a command about the households it reads; raises `HouseholdUnknown`.

        `persons` are the people who have a person id, by normalised ID number, when they were looked up already.
        """
        command = request.command
        before, version = loaded[request.stream]
        opening = command.registration if isinstance(command, EnterFromRegister) else command
        begins = isinstance(opening, RegisterHousehold)
        if not begins and not before.registered:
            raise HouseholdUnknown
        if not begins and not isinstance(command, JointCommand):
            require_apart(before)
        if persons is None:
            # a household that is registered again is no news, whoever its members are
            persons = {} if begins and before.registered else self._persons_named(command)
        return self._reference.context(
            opening.region if isinstance(opening, RegisterHousehold) else before.region(command.on),
            command.on,
            request.actor,
            request.id,
            persons,
            self._recalled(command, request.stream, version),
            {household: each.version for household, each in loaded.items()},
        )

    def _recalled(self, command: Command, stream: HouseholdId, version: int) -> Recalled | None:
        """The recorded step a correction names; other commands name none."""
        if not isinstance(command, CorrectionCommand) or not 0 < command.step <= version:
            return None
        return self._households.recorded_step(stream, command.step)

    def _persons_named(self, command: Command) -> dict[str, PersonId]:
        numbers = command.numbers()
        return self._households.persons_of(_normalised(numbers)) if numbers else {}


def _normalised(numbers: tuple[str, ...]) -> Iterator[str]:
    """The numbers that are ID numbers; those that are none are nobody's."""
    for number in numbers:
        try:
            yield parse_citizen_id(number).number
        except CitizenIdRefused:
            continue
