"""Walks (经办): the families clients take through the procedures, one command after another, by any door."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from threading import Event
from typing import Any
from uuid import UUID

from application.reference.reference import Reference
from domain.values.month import Month
from domain.values.receipt import Actor
from samples.office_life import CHECKER, Life, Step
from samples.office_people import COUNTY, Family, Registry
from tests.crash.entrances import STALE, Answer, Door, Stopped, Unseen

STALE_AGAIN = 4
"""How often a step is tried anew when somebody else was quicker."""


@dataclass
class Home:
    """A household as its client knows it: version and position of its last answer, and its people by key."""

    id: UUID
    version: int
    position: str | None
    persons: Mapping[str, UUID]
    family: Family
    clerk: Actor


class Refused(Exception):
    """A step was refused or given up: the walk ends here."""


class Walker:
    """One client: walks family after family until told to stop; the same seed walks the same."""

    def __init__(
        self, door: Door, reference: Reference, seed: str, today: date, stop: Event, pause: float
    ) -> None:
        """`pause`: how many seconds it takes between two commands on average, so that others work, too."""
        self.door = door
        self._pause = pause
        self.random = Random(seed)
        self.registry = Registry(self.random, today)
        self.homes: list[Home] = []
        self._today = today
        self._calendar = reference.ground(COUNTY, today).calendar
        self._seed = seed
        self._stop = stop
        self._walks = itertools.count(1)
        self._walk = 0
        self._steps = itertools.count(1)

    def walk(self) -> None:
        """One more walk of some kind. Raises `Stopped`."""
        self._walk, self._steps = next(self._walks), itertools.count(1)
        kinds: Sequence[Callable[[], None]] = (self._aided, self._joined, self._moved, self._alerted)
        try:
            self.random.choices(kinds, (5, 2, 2, 2))[0]()
        except (Refused, Unseen):
            return

    def _aided(self) -> None:
        """Registered, applied, investigated, confirmed, paid; now and then the family splits."""
        life, home = self._begun(adults=2)
        life.through("published")
        # who is confirmed in the middle of a procedure that stops here stands in no category yet
        stops = self.random.randint(6, 40)
        for step in itertools.islice(self._paid(life), 1, stops):
            self._step(home, step)
        if stops >= 16 and self.random.random() < 0.4:
            leaver = home.family.adults[-1]
            self._do(
                home, home.clerk, "split-household", life.on,
                members=[{"person": leaver, "relation": "head"}],
            )  # fmt: skip

    def _paid(self, life: Life) -> Iterator[Step]:
        life.pay(Month.of(life.on) + 3)
        return (step for step in life.steps if step.on <= self._today)

    def _joined(self) -> None:
        """Two families of a county become one, all or nothing."""
        (_, first), (_, second) = self._begun(), self._begun()
        members = [{"person": key, "relation": "other"} for key in second.persons]
        self._do(second, CHECKER, "join-household", self._today, into=str(first.id), members=members)
        # the one that went on writes on, the one that ended says so
        self._alert(first, CHECKER)
        self._alert(second, CHECKER)

    def _moved(self) -> None:
        """A member goes over to another family."""
        (life, first), (_, second) = self._begun(adults=2), self._begun()
        key = [key for key in first.persons if key != "A1"][-1]
        self._do(
            first, CHECKER, "move-member", self._today,
            into=str(second.id), person=key, relation="other",
        )  # fmt: skip
        self._alert(second, life.clerk)

    def _alerted(self) -> None:
        """An alert on a family of this client that may be anywhere by now."""
        if not self.homes:
            return
        self._alert(self.random.choice(self.homes), CHECKER)

    def _alert(self, home: Home, by: Actor) -> None:
        code = self.random.choice(("EN-01", "EN-02", "E-EXP-01"))
        self._do(home, by, "raise-alert", self._today, code=code, level="YELLOW")

    def _begun(self, adults: int = 1) -> tuple[Life, Home]:
        family = self.registry.family(adults)
        start = self._today - timedelta(days=self.random.randint(150, 240))
        life = Life(family, self.registry, self.random, self._calendar, start, self._today)
        step = life.steps[0]
        answer = self._ask(None, step.by, step.do, _said(step.on, step.fields, {}))
        told = answer.told
        if told is None:
            raise Refused
        id, position = UUID(told["household"]), told["position"]
        version, people = self.door.look(id, position)
        keys = [str(member["key"]) for member in family.members]
        home = Home(id, version, position, dict(zip(keys, people, strict=True)), family, life.clerk)
        self.homes.append(home)
        return life, home

    def _step(self, home: Home, step: Step) -> None:
        self._do(home, step.by, step.do, step.on, **step.fields)

    def _do(self, home: Home, by: Actor, do: str, on: date, /, **fields: object) -> None:
        said = _said(on, fields, home.persons)
        for _ in range(STALE_AGAIN):
            answer = self._ask(home, by, do, said)
            if answer.told is not None:
                home.version, home.position = answer.told["version"], answer.told["position"] or home.position
                return
            if answer.code != STALE:
                raise Refused
            home.version, _ = self.door.look(home.id, None)
        raise Refused

    def _ask(self, home: Home | None, by: Actor, do: str, said: Mapping[str, Any]) -> Answer:
        if self._stop.wait(self.random.uniform(0, 2 * self._pause)):
            raise Stopped
        name = f"{self._walk}/{next(self._steps)}"
        household, base = (None, None) if home is None else (home.id, home.version)
        asked = self.door.asked(name, do, said, by, household, base)
        if self.random.random() < 0.03:  # a caller who goes away at the first trouble
            return self.door.carry_out(asked, patience=0)
        return self.door.carry_out(asked)


def _said(on: date, fields: Mapping[str, object], persons: Mapping[str, UUID]) -> dict[str, Any]:
    """The fields as they are sent: people by id instead of by the caller's own key."""
    return {"on": on.isoformat(), **{name: _resolved(value, persons) for name, value in fields.items()}}


def _resolved(value: Any, persons: Mapping[str, UUID]) -> Any:
    if isinstance(value, str):
        return str(persons.get(value, value))
    if isinstance(value, Mapping):
        return {name: _resolved(each, persons) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_resolved(each, persons) for each in value]
    return value
