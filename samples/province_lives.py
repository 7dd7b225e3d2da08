"""Lives of the sample province (样例省的人生): decided by the real commands, in memory, ready to be copied.

A life goes through the domain's own deciders by the rules shipped for the model county; what it becomes is cut into
a template (`samples.province_templates`) of which every household is a copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from random import Random
from uuid import UUID, uuid5

from application.describing.commands import parse
from application.handling.envelope_factory import claim_changes, envelopes_of, index_entries
from application.handling.request import Request
from application.handling.system_acts import ACTOR, act_id
from application.reference.reference import Reference
from domain.clock.supervision import system_acts
from domain.household.command import Command
from domain.household.event import Event
from domain.household.replay import follow
from domain.household.state import Household
from domain.members.member_changes import MemberJoined
from domain.members.registration import MemberAdded, RegisterHousehold
from domain.values.person import HouseholdId, PersonId
from domain.values.receipt import Actor
from eventstore.appending.append_types import Claim, IndexEntry
from eventstore.events.envelope import Envelope
from samples import office_aided as aided
from samples.office_life import Kind, Step, told
from samples.office_lives import KINDS as OFFICE_KINDS
from samples.office_people import COUNTY, Family, Registry

MODEL_COUNTY = COUNTY
RURAL, URBAN = "990801100201", "990801101001"
"""Where the lives are decided: in a village and in a town of the model county."""

_LEFT_OUT = frozenset({"notice-issued", "split-off", "corrected", "drawn"})
# documents are rendered one by one; a split begins a second household; a correction names an event of the store;
# whether a case is drawn follows from its id, so that a copy would have been decided otherwise

_YEARS = (
    Kind("aided-years", "低保发放多年", 22, aided.aided, months=(24, 58)),
    Kind("helped-aided-years", "低保发放多年（曾临时救助）", 4, aided.helped_and_aided, months=(18, 40)),
    Kind("exited-long-ago", "渐退期满退出已久", 6, aided.exited, ago=(150, 900)),
    Kind("gone-long-ago", "主动退出已久", 3, aided.gone_by_own_wish, ago=(150, 900)),
)
KINDS: tuple[Kind, ...] = (*(kind for kind in OFFICE_KINDS if kind.key not in _LEFT_OUT), *_YEARS)
"""The kinds of the sample office, but those that cannot be copied, and some that go on for years."""

VARIANTS = 3
"""How many lives are told of a kind for each unit of its weight; in a small province only one."""
SMALL = 5_000

_MODELS = UUID("a3b0c9de-3d5c-5d4e-9b11-0c7f55a2d901")


@dataclass(frozen=True, slots=True)
class Lived:
    """One life as it was decided: its family, its envelopes from version 1, what it claims and is found by."""

    kind: Kind
    urban: bool
    family: Family
    household: HouseholdId
    envelopes: Sequence[Envelope]
    claims: Sequence[Claim]
    index: Sequence[IndexEntry]
    after: Household


def lived(reference: Reference, seed: int, today: date, households: int) -> Iterator[Lived]:
    """All lives a province of so many households is made of, as of `today`; the same for the same seed."""
    number = 0
    variants = VARIANTS if households > SMALL else 1
    for kind in KINDS:
        for variant in range(max(2, kind.weight * variants)):
            yield _Telling(reference, kind, f"{seed}/{kind.key}/{variant}", number, today).tell()
            number += 1


@dataclass(slots=True)
class _Telling:
    reference: Reference
    kind: Kind
    seed: str
    number: int
    today: date
    state: Household = field(init=False)
    events: list[Event] = field(init=False, default_factory=list)
    envelopes: list[Envelope] = field(init=False, default_factory=list)
    persons: dict[str, PersonId] = field(init=False, default_factory=dict)
    done: set[UUID] = field(init=False, default_factory=set)

    def tell(self) -> Lived:
        ids = uuid5(_MODELS, self.seed)
        household = HouseholdId(uuid5(ids, "household/0"))
        self.state = Household(household)
        registry = Registry(Random(self.seed), self.today)
        family = registry.family(self.kind.adults)
        # an own choice of place: the sample office's other villages did not exist years ago
        family.region = URBAN if self.number % 4 == 0 and self.kind.key != "moved" else RURAL
        calendar = self.reference.ground(MODEL_COUNTY, self.today).calendar
        for n, step in enumerate(told(self.kind, family, registry, self.seed, calendar, self.today)):
            self._pass(step.on)
            command = parse(step.do, {"on": step.on, **step.fields}, self.persons)
            self._meet(step, self._carry_out(uuid5(ids, str(n)), command, step.by))
        self._pass(self.today)
        claims = claim_changes(household, Household(household), self.state, self.today)
        return Lived(
            self.kind,
            family.region == URBAN,
            family,
            household,
            self.envelopes,
            claims.take,
            list(index_entries(self.events)),
            self.state,
        )

    def _carry_out(self, id: UUID, command: Command, actor: Actor) -> tuple[Event, ...]:
        begins = isinstance(command, RegisterHousehold)
        region = command.region if isinstance(command, RegisterHousehold) else self.state.region(command.on)
        context = self.reference.context(region, command.on, actor, id)
        events = tuple(command.decide(self.state, context))
        version = len(self.events)
        for event in events:
            self.state = follow(self.state, event)
        request = Request(id, command, actor, None if begins else self.state.id)
        self.envelopes += envelopes_of(request, context, version, events, self.state)
        self.events += events
        return events

    def _meet(self, step: Step, events: Sequence[Event]) -> None:
        """Learn the ids of people the step brought in, in the order it names them."""
        told_of = (
            step.fields.get("members") if step.do == "register-household" else [step.fields.get("member")]
        )
        assert isinstance(told_of, list)
        keys = [str(member["key"]) for member in told_of if isinstance(member, dict)]
        brought = [event.person for event in events if isinstance(event, MemberAdded | MemberJoined)]
        if keys:
            self.persons.update(zip(keys, brought[-len(keys) :], strict=True))

    def _pass(self, day: date) -> None:
        """Do what the system has to do for the household by the end of a day, in the order of the days."""
        while self.state.registered:
            act = next(
                (
                    act
                    for act in system_acts(self.state, day)
                    if act.on <= day and act_id(self.state.id, act) not in self.done
                ),
                None,
            )
            if act is None:
                return
            id = act_id(self.state.id, act)
            self.done.add(id)
            self._carry_out(id, act, ACTOR)
