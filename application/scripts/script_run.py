"""Execution of scripts (执行脚本): step by step, with the system's own acts as the script's clock advances."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import ClassVar
from uuid import UUID, uuid5

from application.describing.commands import parse
from application.handling.command_handler import CommandHandler
from application.handling.loaded_household import LoadedHousehold
from application.handling.request import Handled, Request
from application.handling.system_acts import ACTOR, act_id
from application.scripts.script import OPENING, REGISTER, Occurrence, Script, ScriptFault, ScriptRefused, Step
from domain.clock.supervision import system_acts
from domain.household.command import Command
from domain.household.replay import follow
from domain.household.state import Household
from domain.members.arrival import MemberArrived
from domain.members.identification import PersonIdentified
from domain.members.member_changes import AddMember, MemberJoined
from domain.members.registration import MemberAdded, NewMember, RegisterHousehold
from domain.values.person import HouseholdId, PersonId
from domain.values.receipt import Actor
from domain.values.refusals import Refusal, code_of
from eventstore.errors import StoreError


class ScriptStopped(Exception):
    """A step did not go as the script says; what came before it is done. `step` counts from 1.

    `run` is what the script did up to there; the step stands last in its `refused` where it was refused.
    """

    run: ScriptRun

    def __init__(self, step: Step, on: date, do: str, code: str, sentence: str) -> None:
        self.step = step.number
        self.line = step.line
        self.on = on
        self.do = do
        self.code = code
        self.sentence = sentence
        super().__init__(f"第{step.number}步（第{step.line}行，{on}）{do}：{self.reason()} [{code}]")

    def reason(self) -> str:
        """Why the run stopped, in Chinese."""
        return self.sentence


class StepRefused(ScriptStopped):
    """The step was refused, and the script does not expect it; `code` and `sentence` are the refusal's."""


class RefusedOtherwise(StepRefused):
    """The step was refused for another reason than the script expects."""

    def __init__(self, step: Step, on: date, do: str, code: str, sentence: str) -> None:
        self.expected = step.refused
        super().__init__(step, on, do, code, sentence)

    def reason(self) -> str:
        return f"脚本预期退回代码 {self.expected}，实际因其他原因被退回：{self.sentence}"


class RefusalMissing(ScriptStopped):
    """The step was not carried out: it would be accepted although the script expects a refusal."""

    CODE: ClassVar[str] = "refusal-missing"

    def __init__(self, step: Step, on: date, do: str) -> None:
        self.expected = step.refused
        super().__init__(
            step, on, do, self.CODE, f"脚本预期退回代码 {step.refused}，但该步骤符合规定，可以办理。"
        )


@dataclass(frozen=True, slots=True)
class RefusedStep:
    """A step that was refused, as the script says it should be or, at the end of a stopped run, unexpectedly."""

    step: int
    on: date
    household: str
    do: str
    code: str
    sentence: str
    article: str


@dataclass(frozen=True, slots=True)
class ScriptRun:
    """What a run did: the households and persons by the script's keys, the refused steps, how many new facts.

    `households` are those the script has registered, then those it has split off. `subjects` finds the script's
    key of a person id. `reached` is what readers must have read, by lane.
    """

    script: Script
    households: dict[str, HouseholdId]
    subjects: dict[PersonId, str]
    refused: tuple[RefusedStep, ...]
    events: int
    reached: dict[int, int]


@dataclass(slots=True)
class _Thread:
    """One household as far as this run has come; in a second run, the store may hold more of its chain."""

    id: HouseholdId
    state: Household
    version: int = 0
    persons: dict[str, PersonId] = field(default_factory=dict)
    done: set[UUID] = field(default_factory=set)


Progress = Callable[[Occurrence, Handled | None], None]


def run_script(script: Script, handler: CommandHandler, *, progress: Progress | None = None) -> ScriptRun:
    """Carry out a script; the same script again returns the same and adds nothing.

    `progress` is called with every step, and with None where the step was refused as expected or was no news.
    Raises `ScriptRefused` for a region the register does not know, `ScriptStopped` when a step does not go as
    the script says.
    """
    _check_regions(script, handler)
    return _Run(script, handler, progress).run()


class _Run:
    def __init__(self, script: Script, handler: CommandHandler, progress: Progress | None) -> None:
        self._script = script
        self._handler = handler
        self._store = handler.households.store
        self._progress = progress
        self._threads: dict[str, _Thread] = {}
        self._persons: dict[str, PersonId] = {}
        self._refused: list[RefusedStep] = []
        self._events = 0
        self._reached: dict[int, int] = {}
        self._clock: datetime | None = None
        self._occurrence: Occurrence | None = None
        store = self._store.store_id
        self._ids = {each.tag: uuid5(store, f"{script.name}/{each.tag}") for each in script.occurrences()}
        for key in script.persons:
            # an id of nobody until the person is registered: the domain then refuses them as no member
            self._persons[key] = PersonId(uuid5(store, f"{script.name}/person/{key}"))
        for each in script.occurrences():
            if each.opens is not None and each.household not in self._threads:
                self._begin(each.household, each)
        for each in script.occurrences():
            if each.step.begins is not None and each.opens is None:
                self._begin(each.step.begins, each)

    def _begin(self, household: str, occurrence: Occurrence) -> None:
        begun = HouseholdId(uuid5(self._ids[occurrence.tag], "household/0"))
        self._threads[household] = _Thread(begun, Household(begun))

    def run(self) -> ScriptRun:
        try:
            for occurrence in self._script.occurrences():
                self._occurrence = occurrence
                self._act_until(occurrence.on)
                self._take(occurrence)
            self._act_until(self._script.last_day)
        except ScriptStopped as stop:
            stop.run = self._done()
            raise
        return self._done()

    def _done(self) -> ScriptRun:
        """What this run has done so far."""
        subjects = {person: key for key, person in self._persons.items()}
        for thread in self._threads.values():
            subjects.update((person, key) for key, person in thread.persons.items())
        split_off = [step.begins for step in self._script.steps if step.begins is not None]
        begun = [key for key in (*self._script.households, *split_off) if self._threads[key].version]
        households = {key: self._threads[key].id for key in begun}
        return ScriptRun(
            self._script, households, subjects, tuple(self._refused), self._events, dict(self._reached)
        )

    def _take(self, occurrence: Occurrence) -> None:
        step, thread = occurrence.step, self._threads[occurrence.household]
        do = REGISTER if occurrence.opens == "implied" else step.do
        stated = None if occurrence.opens == "implied" else step.at
        at = stated or datetime.combine(occurrence.on, OPENING)
        self._clock = at if self._clock is None else max(at, self._clock)
        command = self._command(occurrence, do, thread)
        request = Request(
            self._ids[occurrence.tag],
            command,
            self._actor(step, thread),
            None if isinstance(command, RegisterHousehold) else thread.id,
            at=self._clock,
        )
        expected = None if occurrence.opens == "implied" else step.refused
        handled = None
        if expected is not None:
            self._refuse(occurrence, do, request, expected)
        elif self._is_news(request):
            handled = self._handle(step, occurrence.on, occurrence.household, do, request)
            self._follow(thread, handled)
            self._note_members(occurrence, thread, command)
        if self._progress is not None:
            self._progress(occurrence, handled)

    def _command(self, occurrence: Occurrence, do: str, thread: _Thread) -> Command:
        step = occurrence.step
        fields: dict[str, object] = {"on": occurrence.on}
        if occurrence.opens != "implied":
            fields.update(step.fields)
        if do != REGISTER:
            households = {key: each.id for key, each in self._threads.items()}
            return parse(do, fields, {**self._persons, **thread.persons}, households)
        household = self._script.households[occurrence.household]
        command = parse(do, {"region": household.region, "members": [], **fields}, self._persons)
        assert isinstance(command, RegisterHousehold)
        return RegisterHousehold(
            command.on,
            command.region,
            command.members or self._members(occurrence.household),
            command.address or household.address,
            command.phone or household.phone,
            command.provisional,
        )

    def _members(self, household: str) -> tuple[NewMember, ...]:
        return tuple(
            NewMember(
                key,
                person.name,
                relation,
                person.id,
                person.birth,
                person.sex,
                person.student,
                person.disability,
                person.work_capacity,
            )
            for key, relation in self._script.households[household].members.items()
            for person in [self._script.persons[key]]
        )

    def _actor(self, step: Step, thread: _Thread) -> Actor:
        if step.by.person is not None:
            persons = {**self._persons, **thread.persons}
            return Actor(str(persons[step.by.person]))
        return Actor(step.by.officer, step.by.organ)

    def _handle(self, step: Step, on: date, household: str, do: str, request: Request) -> Handled:
        try:
            return self._handler.handle(request)
        except (Refusal, StoreError) as refusal:
            self._note_refusal(step, on, household, do, refusal)
            raise StepRefused(step, on, do, refusal.code, refusal.sentence) from refusal

    def _refuse(self, occurrence: Occurrence, do: str, request: Request, expected: str) -> None:
        """Check an expected refusal on the chain as this run knows it, so that a second run finds the same."""
        step = occurrence.step
        try:
            self._decided(request)
            if expected not in _store_codes(StoreError):
                raise RefusalMissing(step, occurrence.on, do)
            self._handler.handle(request)
        except (Refusal, StoreError) as refusal:
            self._note_refusal(step, occurrence.on, step.household, do, refusal)
            if refusal.code != expected:
                raise RefusedOtherwise(step, occurrence.on, do, refusal.code, refusal.sentence) from refusal
            return
        raise RefusalMissing(step, occurrence.on, do)

    def _note_refusal(
        self, step: Step, on: date, household: str, do: str, refusal: Refusal | StoreError
    ) -> None:
        article = refusal.article if isinstance(refusal, Refusal) else ""
        self._refused.append(
            RefusedStep(step.number, on, household, do, refusal.code, refusal.sentence, article)
        )

    def _is_news(self, request: Request) -> bool:
        """False when the step is no news on the chains as this run knows them; the store records no such command."""
        try:
            return bool(self._decided(request))
        except Refusal:
            return True

    def _decided(self, request: Request) -> Mapping[HouseholdId, object]:
        """What the request would make true of the households as far as this run has come."""
        known = {
            thread.id: LoadedHousehold(thread.state, thread.version) for thread in self._threads.values()
        }
        loaded = {each: known.get(each) or self._now(each) for each in request.households}
        return self._handler.preview(request, loaded)

    def _now(self, household: HouseholdId) -> LoadedHousehold:
        """The present chain of a household that the script does not name."""
        rows = self._store.load(household).rows
        state = Household(household)
        for row in rows:
            state = follow(state, row.event)
        return LoadedHousehold(state, len(rows))

    def _follow(self, thread: _Thread, handled: Handled) -> None:
        """Follow the chains to where this command left them, in this run or an earlier one."""
        if not handled.news:
            return
        self._catch_up(thread, handled.version)
        by_id = {each.id: each for each in self._threads.values()}
        for other in handled.others:
            if other.household in by_id:
                self._catch_up(by_id[other.household], other.version, since=thread)
        for lane, position in handled.reached.items():
            self._reached[lane] = max(position, self._reached.get(lane, 0))
        if not handled.repeated:
            self._events += len(handled.events) + sum(len(other.events) for other in handled.others)

    def _catch_up(self, thread: _Thread, version: int, since: _Thread | None = None) -> None:
        """Read a chain up to a version; persons who arrive from another household keep the key they have there."""
        for row in self._store.slice(thread.id, thread.version, upto=max(version, thread.version)):
            thread.state = follow(thread.state, row.event)
            event = row.event
            if since is not None and isinstance(event, MemberArrived):
                keys = [key for key, person in since.persons.items() if person == event.person]
                thread.persons.update(dict.fromkeys(keys, event.person))
            elif isinstance(event, PersonIdentified):
                for key, person in thread.persons.items():
                    if person == event.provisional:
                        thread.persons[key] = self._persons[key] = event.person
        thread.version = max(version, thread.version)

    def _note_members(self, occurrence: Occurrence, thread: _Thread, command: Command) -> None:
        """Note the ids of new members; at registration, in the order in which the script names them."""
        rows = self._store.slice(thread.id, 0, upto=thread.version)
        if isinstance(command, RegisterHousehold):
            added = [row.event.person for row in rows if isinstance(row.event, MemberAdded)]
            keys = self._script.households[occurrence.household].members
            thread.persons.update(zip(keys, added, strict=False))
            self._persons.update(thread.persons)
        elif isinstance(command, AddMember) and command.member.key in self._script.persons:
            joined = [row.event.person for row in rows if isinstance(row.event, MemberJoined)]
            thread.persons[command.member.key] = self._persons[command.member.key] = joined[-1]

    def _act_until(self, day: date) -> None:
        """Carry out what the system has to do for every household by the end of a day, in the order of the days."""
        while True:
            waiting = [
                (act.on, order, act)
                for order, thread in enumerate(self._threads.values())
                if thread.state.registered
                for act in system_acts(thread.state, day)
                if act.on <= day and act_id(thread.id, act) not in thread.done
            ]
            if not waiting:
                return
            on, order, act = min(waiting, key=lambda each: each[:2])
            key, thread = list(self._threads.items())[order]
            thread.done.add(act_id(thread.id, act))
            morning = datetime.combine(on, OPENING)
            at = morning if self._clock is None else max(morning, self._clock)
            request = Request(act_id(thread.id, act), act, ACTOR, thread.id, at=at)
            assert self._occurrence is not None
            handled = self._handle(self._occurrence.step, on, key, code_of(type(act)), request)
            self._follow(thread, handled)


def _check_regions(script: Script, handler: CommandHandler) -> None:
    first = min(occurrence.on for occurrence in script.occurrences())
    faults = []
    for n, code in enumerate(script.regions):
        try:
            handler.reference.regions.at(code, first)
        except Refusal as refusal:
            faults.append(ScriptFault(None, f"regions[{n}]", refusal.code, refusal.sentence, 1))
    if faults:
        raise ScriptRefused(tuple(faults))


def _store_codes(kind: type[StoreError]) -> frozenset[str]:
    below = kind.__subclasses__()
    return frozenset(map(code_of, below)).union(*map(_store_codes, below))
