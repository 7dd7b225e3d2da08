"""The sample office (样例经办机构): a seeded township and county office with households at every step.

Every household goes through the real commands and the real command handler, each command under an id that follows
from the seed: the same seed and day give the same ids and the same facts, and telling it again adds nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from random import Random
from uuid import UUID, uuid5

from application.describing.commands import parse
from application.handling.command_handler import CommandHandler
from application.handling.request import Handled, Request
from application.handling.system_acts import ACTOR, act_id
from domain.clock.supervision import system_acts
from domain.household.command import Command
from domain.household.replay import follow
from domain.household.state import Household
from domain.members.member_changes import MemberJoined
from domain.members.registration import MemberAdded, RegisterHousehold
from domain.values.person import HouseholdId, PersonId
from domain.values.receipt import Actor
from domain.values.refusals import Refusal, code_of
from eventstore.errors import StoreError
from eventstore.lanes import lane_of
from samples.office_life import Kind, Step, told
from samples.office_lives import KINDS
from samples.office_people import COUNTY, Family, Registry

DAY = date(2026, 11, 20)
"""The day the office is looked at unless another one is wished."""
HOUSEHOLDS = 200

_OFFICE = UUID("7c1d2f54-3f0e-5b6c-9a41-0d7a6f1e2b90")
_OPENING = time(9, tzinfo=timezone(timedelta(hours=8)))


class OfficeStopped(Refusal):
    """样例“{kind}”的步骤 {do}（{on}）被退回：{reason}；样例与现行规定不符，请报告开发者。"""


@dataclass(frozen=True, slots=True)
class Standing:
    """One household of the office: its id, its kind of life, how many of its limits have passed undone."""

    household: HouseholdId
    kind: Kind
    missed: int
    events: int


@dataclass(frozen=True, slots=True)
class Planned:
    """A household to be: its kind, its people, its steps, and the namespace of its command ids."""

    number: int
    kind: Kind
    family: Family
    steps: tuple[Step, ...]
    ids: UUID

    @property
    def household(self) -> HouseholdId:
        """The id its first command gives it."""
        return HouseholdId(uuid5(self.command(0), "household/0"))

    def command(self, step: int) -> UUID:
        """The id of the command of a step, counted from 0."""
        return uuid5(self.ids, f"{self.number}/{step}")


Progress = Callable[[Standing], None]


def plan(
    handler: CommandHandler, households: int = HOUSEHOLDS, seed: int = 1, today: date = DAY
) -> Iterator[Planned]:
    """The households of an office as of `today`, all kinds of life among them when there are enough."""
    random = Random(f"office/{seed}/{today}")
    registry = Registry(random, today)
    calendar = handler.reference.ground(COUNTY, today).calendar
    ids = uuid5(_OFFICE, f"{seed}/{today}/{households}")
    for number, kind in enumerate(_kinds(random, households)):
        family = registry.family(kind.adults)
        steps = told(kind, family, registry, f"{seed}/{number}", calendar, today)
        yield Planned(number, kind, family, steps, ids)


def begun(handler: CommandHandler, planned: Planned) -> bool:
    """Whether the household was begun already."""
    return bool(handler.households.store.asked([(lane_of(planned.household), planned.command(0))]))


def make_office(
    handler: CommandHandler,
    households: int = HOUSEHOLDS,
    seed: int = 1,
    today: date = DAY,
    *,
    progress: Progress | None = None,
) -> list[Standing]:
    """Carry the office's lives out; what is there already is left as it is.

    The store must be a trial: every step is recorded on its own day. Raises `OfficeStopped`.
    """
    standings = []
    for planned in plan(handler, households, seed, today):
        standing = _Telling(handler, planned, today).tell()
        standings.append(standing)
        if progress is not None:
            progress(standing)
    return standings


def _kinds(random: Random, households: int) -> list[Kind]:
    """So many kinds by weight, each at least once when there is room, in an order of chance."""
    total = sum(kind.weight for kind in KINDS)
    kinds = [kind for kind in KINDS for _ in range(max(1, round(kind.weight * households / total)))]
    common = max(KINDS, key=lambda kind: kind.weight)
    kinds += [common] * (households - len(kinds))
    while len(kinds) > households:
        counts = {kind.key: kinds.count(kind) for kind in kinds}
        kinds.remove(max(kinds, key=lambda kind: counts[kind.key]))
    random.shuffle(kinds)
    return kinds


class _Telling:
    """One household being told, and the chain as far as it has been."""

    def __init__(self, handler: CommandHandler, planned: Planned, today: date) -> None:
        self._handler = handler
        self._store = handler.households.store
        self._planned = planned
        self._today = today
        self._household = planned.household
        self._state = Household(planned.household)
        self._version = 0
        self._events = 0
        self._persons: dict[str, PersonId] = {}
        self._clock: datetime | None = None
        self._done: set[UUID] = set()

    def tell(self) -> Standing:
        if self._all_there():
            self._state = self._handler.households.get(self._household)
        else:
            for n, step in enumerate(self._planned.steps):
                self._pass(step.on)
                self._take(n, step)
        self._pass(self._today)
        missed = sum(each.missed for each in self._state.limits.dues)
        return Standing(self._household, self._planned.kind, missed, self._events)

    def _all_there(self) -> bool:
        last = self._planned.command(len(self._planned.steps) - 1)
        return bool(self._store.asked([(lane_of(self._household), last)]))

    def _take(self, n: int, step: Step) -> None:
        command = parse(step.do, {"on": step.on, **step.fields}, self._persons)
        begins = isinstance(command, RegisterHousehold)
        self._handle(self._planned.command(n), command, step.by, None if begins else self._household)
        self._meet(step)

    def _meet(self, step: Step) -> None:
        """Learn the ids of people the step brought in, in the order it names them."""
        members = (
            step.fields.get("members") if step.do == "register-household" else [step.fields.get("member")]
        )
        assert isinstance(members, list)
        keys = [str(member["key"]) for member in members if isinstance(member, dict)]
        if not keys:
            return
        rows = self._store.slice(self._household, 0, upto=self._version)
        brought = [row.event.person for row in rows if isinstance(row.event, MemberAdded | MemberJoined)]
        self._persons.update(zip(keys, brought[-len(keys) :], strict=True))

    def _pass(self, day: date) -> None:
        """Do what the system has to do for the household by the end of a day, in the order of the days."""
        while self._state.registered:
            act = next(
                (
                    act
                    for act in system_acts(self._state, day)
                    if act.on <= day and act_id(self._household, act) not in self._done
                ),
                None,
            )
            if act is None:
                return
            self._done.add(act_id(self._household, act))
            self._handle(act_id(self._household, act), act, ACTOR, self._household)

    def _handle(self, id: UUID, command: Command, actor: Actor, household: HouseholdId | None) -> None:
        morning = datetime.combine(command.on, _OPENING)
        self._clock = morning if self._clock is None else max(morning, self._clock)
        try:
            handled = self._handler.handle(Request(id, command, actor, household, at=self._clock))
        except (Refusal, StoreError) as refused:
            do = code_of(type(command))
            kind = self._planned.kind.key
            raise OfficeStopped(kind=kind, do=do, on=command.on, reason=refused.sentence) from refused
        self._follow(handled)

    def _follow(self, handled: Handled) -> None:
        if not handled.news or handled.version <= self._version:
            return
        rows = self._store.slice(self._household, self._version, upto=handled.version)
        for row in rows:
            self._state = follow(self._state, row.event)
        self._version = handled.version
        if not handled.repeated:
            self._events += len(handled.events)
