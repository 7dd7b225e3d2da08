"""Several households at once, and what a store would keep of their claims: for joint commands and their laws."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from uuid import uuid5

from application.handling.envelope_factory import claim_changes, merged
from domain.household.command import Command, JointCommand
from domain.household.context import Recalled
from domain.household.event import Event
from domain.household.replay import follow
from domain.household.state import Household
from domain.values.person import HouseholdId, PersonId
from domain.values.receipt import Actor
from domain.values.refusals import Refusal
from tests.scenario import SEED, Life, recalled, reference

TOWNSHIP, COUNTY = Actor("w1", "990301100/township"), Actor("c1", "990301/civil-affairs")


class Held(Exception):
    """Another household holds a person at the same time: what a store answers with a claim conflict."""


@dataclass
class Families:
    """Households of one county by id, their facts, and the claim table as the appends keep it."""

    chains: dict[HouseholdId, list[Event]] = field(default_factory=dict)
    claims: dict[PersonId, tuple[HouseholdId, date, date | None]] = field(default_factory=dict)
    asked: int = 0

    @classmethod
    def of(cls, *lives: Life, ids: tuple[HouseholdId, ...] = ()) -> Families:
        """Families out of lives told elsewhere, each under an id of its own."""
        families = cls()
        for n, life in enumerate(lives):
            id = ids[n] if ids else HouseholdId(uuid5(SEED, f"family/{n}"))
            families.tell({id: list(life.events)})
        return families

    def household(self, id: HouseholdId, steps: int | None = None) -> Household:
        """A household after its first so many steps, by default all."""
        household = Household(id)
        for event in self.chains.get(id, [])[:steps]:
            household = follow(household, event)
        return household

    def ask(
        self,
        id: HouseholdId,
        command: Command,
        actor: Actor = TOWNSHIP,
        persons: dict[str, PersonId] | None = None,
    ) -> dict[HouseholdId, list[Event]]:
        """The facts a command makes true, told; raises its refusal, or `Held`."""
        self.asked += 1
        before = self.household(id)
        others = command.households() if isinstance(command, JointCommand) else ()
        loaded = {each: self.household(each) for each in (id, *others)}
        seed = uuid5(SEED, f"families/{self.asked}")
        context = reference().context(
            before.region(command.on),
            command.on,
            actor,
            seed,
            persons,
            self._recalled(id, command),
            {each: len(self.chains.get(each, ())) for each in loaded},
        )
        facts: dict[HouseholdId, list[Event]] = {}
        if isinstance(command, JointCommand):
            for household, event in command.decide(loaded, context):
                facts.setdefault(household, []).append(event)
        else:
            facts = {id: list(command.decide(before, context))}
        self.tell(facts)
        return facts

    def refused(self, id: HouseholdId, command: Command, actor: Actor = TOWNSHIP) -> Refusal:
        """The refusal a command gets; fails when it is not refused."""
        try:
            facts = self.ask(id, command, actor)
        except Refusal as refusal:
            return refusal
        raise AssertionError(f"not refused: {facts}")

    def tell(self, facts: dict[HouseholdId, list[Event]]) -> None:
        """Append facts to their chains, claims taken and released as a store does it, or nothing of it."""
        changes = []
        for id, events in facts.items():
            before = after = self.household(id)
            for event in events:
                after = follow(after, event)
            changes.append(claim_changes(id, before, after, events[-1].on if events else date.min))
        table = dict(self.claims)
        change = merged(changes)
        for release in change.release:
            holder = table.get(PersonId(release.key))
            if holder is not None and holder[0] == release.holder:
                if release.valid_to is None:
                    del table[PersonId(release.key)]
                else:
                    table[PersonId(release.key)] = (holder[0], holder[1], release.valid_to)
        for take in change.take:
            holder = table.get(PersonId(take.key))
            foreign = holder is not None and holder[0] != take.holder
            if holder is not None and foreign and (holder[2] is None or holder[2] > take.valid_from):
                raise Held(take.key)
            table[PersonId(take.key)] = (HouseholdId(take.holder), take.valid_from, take.valid_to)
        self.claims = table
        for id, events in facts.items():
            self.chains.setdefault(id, []).extend(events)

    def _recalled(self, id: HouseholdId, command: Command) -> Recalled | None:
        return recalled(self.chains.get(id, []), command)
