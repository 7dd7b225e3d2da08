"""Given these facts, when this is asked, then that becomes true: the words domain tests are written in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from importlib.resources import files
from uuid import UUID, uuid5

from application.reference.reference import Reference, shipped
from domain.clock.supervision import system_acts
from domain.correction.fact_correction import CorrectionCommand
from domain.household.command import Command
from domain.household.context import Recalled
from domain.household.event import Event
from domain.household.replay import follow
from domain.household.state import Household
from domain.values.pack import Pack, Parameter
from domain.values.person import HouseholdId, PersonId
from domain.values.policy import Adoption
from domain.values.receipt import Actor
from domain.values.refusals import Refusal

SEED = UUID("00000000-0000-5000-8000-0000000000aa")
HOUSEHOLD = HouseholdId(uuid5(SEED, "household"))


@cache
def reference() -> Reference:
    """The shipped packs, all adopted from 2020 on."""
    bodies = shipped(files("policy"))
    adoptions = [Adoption(pack, date(2020, 1, 1)) for pack in bodies.packs]
    return Reference(adoptions, bodies.editions, bodies.regions)


@dataclass(frozen=True)
class Life:
    """A household's life so far: its events, and who acts next from where."""

    region: str
    actor: Actor
    events: tuple[Event, ...] = ()
    persons: tuple[tuple[str, PersonId], ...] = ()
    steps: int = 0
    ground: Callable[[], Reference] = reference

    @property
    def household(self) -> Household:
        household = Household(HOUSEHOLD)
        for event in self.events:
            household = follow(household, event)
        return household

    def by(self, organ: str, officer: str = "w1") -> Life:
        """The same life, the next commands given by this officer."""
        return replace(self, actor=Actor(officer, organ))

    def asked(self, command: Command) -> list[Event]:
        """What a command would make true; raises its refusal."""
        seed = uuid5(SEED, f"command/{self.steps}/{command.on}")
        context = self.ground().context(
            self.region, command.on, self.actor, seed, dict(self.persons), recalled(self.events, command)
        )
        return list(command.decide(self.household, context))

    def when(self, *commands: Command) -> Life:
        """The life after these commands; the system's own acts happen as their days pass."""
        life = self
        for command in commands:
            life = life.passed(command.on)
            life = replace(life, events=(*life.events, *life.asked(command)), steps=life.steps + 1)
        return life

    def passed(self, day: date) -> Life:
        """The life with every act of the system due by the day before `day` done."""
        life = self
        while True:
            act = next((a for a in system_acts(life.household, day) if a.on <= day), None)
            if act is None:
                return life
            system = replace(life, actor=Actor("system:deadlines"))
            life = replace(life, events=(*life.events, *system.asked(act)), steps=life.steps + 1)

    def then(self, *kinds: type[Event]) -> Life:
        """Assert that the last facts are of exactly these kinds, in order."""
        assert tuple(type(event) for event in self.events[-len(kinds) :]) == kinds
        return self

    def refused(self, command: Command) -> Refusal:
        """The refusal a command gets; fails when it is not refused."""
        try:
            events = self.asked(command)
        except Refusal as refusal:
            return refusal
        raise AssertionError(f"not refused: {events}")

    def no_news(self, command: Command) -> None:
        """Assert that a command tells nothing new."""
        assert self.asked(command) == []


def recalled(events: Sequence[Event], command: Command) -> Recalled | None:
    """The step of a chain that a correction names, as the command handler would look it up."""
    if not isinstance(command, CorrectionCommand) or not 0 < command.step <= len(events):
        return None
    return Recalled(command.step, uuid5(SEED, f"event/{command.step}"), events[command.step - 1])


def life(region: str, organ: str, officer: str = "w1", persons: Mapping[str, PersonId] | None = None) -> Life:
    """An empty life in a village, acted upon by an officer of an organ."""
    return Life(region, Actor(officer, organ), persons=tuple((persons or {}).items()))


def altered(region: str, key: str, value: object, unit: str) -> Pack:
    """A shipped pack with one value set anew for all time."""
    (pack,) = [each for each in shipped(files("policy")).packs if each.region == region]
    body = {"from": "2020-01-01", "value": value, "unit": unit, "source": "试验值"}
    entry = Parameter.from_json(key, body, pack.hash)
    return replace(pack, chapters={**pack.chapters, "altered": {key: (entry,)}})


def with_pack(story: Life, pack: Pack) -> Life:
    """The same life where a place has adopted another pack since 2020."""
    bodies = shipped(files("policy"))
    packs = [each for each in bodies.packs if each.region != pack.region]
    adoptions = [Adoption(each, date(2020, 1, 1)) for each in (*packs, pack)]
    other = Reference(adoptions, bodies.editions, bodies.regions)
    return replace(story, ground=lambda: other)
