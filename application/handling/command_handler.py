"""Handling a command (办理): find the streams, load, decide by the rules of the day, derive claims, append."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from application.handling.command_batching import Gathering
from application.handling.deciding import Chain, Facts, decided, intent, replayed
from application.handling.envelope_factory import CATEGORY, said
from application.handling.request import Handled, Other, Request
from application.reference.reference import Reference
from domain.correction.fact_correction import CorrectionCommand
from domain.guards.registered import HouseholdUnknown
from domain.household.as_of import ValidOn, valid_on
from domain.household.command import Command, JointCommand
from domain.household.context import Context, Recalled
from domain.household.state import Household
from domain.intake.register_entry import EnterFromRegister
from domain.members.arrival import require_apart
from domain.members.registration import RegisterHousehold
from domain.values.citizen_id import CitizenIdRefused
from domain.values.citizen_id import parse as parse_citizen_id
from domain.values.person import HouseholdId, PersonId
from eventstore.adapter import Chains
from eventstore.appending.append_types import Appended, CommandKey, OneAppend, StreamAppend
from eventstore.errors import ClaimConflict, StreamClosed, VersionConflict
from eventstore.lanes import lane_of
from eventstore.store import LaneStore

__all__ = [
    "ATTEMPTS",
    "CATEGORY",
    "Chain",
    "Desk",
    "Handled",
    "Other",
    "Preparation",
    "Request",
    "households_of",
]

ATTEMPTS = 5
"""How often a command is decided again when somebody else was quicker."""

Preparation = Callable[[Request, Household, int, Context], Context]
"""What has to exist before a command is decided (a numbered and rendered document): the request, the household
and its version, and the context, which is given back with what was prepared."""


@dataclass(slots=True)
class _Plan:
    """A command of a group on its way: the chain it rests on, and what it makes true."""

    request: Request
    chains: dict[HouseholdId, Chain]
    context: Context | None = None
    facts: Facts = field(default_factory=dict)


class Desk:
    """Where commands are handled (经办台): one store, one set of reference data; safe between threads."""

    def __init__(self, chains: Chains, reference: Reference) -> None:
        self._chains = chains
        self.store: LaneStore = chains.store
        self.reference = reference
        self._preparations: dict[type[Command], Preparation] = {}
        self._gathering = Gathering(self._alone, self._together)
        self.gathers = True
        """Whether commands that come at the same time are carried out together; their lanes are written at once."""

    def prepare(self, kind: type[Command], preparation: Preparation) -> None:
        """Have every command of a kind prepared before it is decided; said once, when things are wired."""
        self._preparations[kind] = preparation

    def household(self, household: HouseholdId, known_at: datetime | None = None) -> Household:
        """The household replayed, as known at an instant; raises `HouseholdUnknown`.

        One that went on in another says so: `joined_into`.
        """
        rows = self.store.load(household, known_at=known_at).rows
        chain = replayed(None, rows)
        if chain is None or not chain.household.registered:
            raise HouseholdUnknown
        return chain.household

    def state(self, household: HouseholdId, day: date, known_at: datetime | None = None) -> ValidOn:
        """What the household was on a day, as known at an instant, by default now; raises `HouseholdUnknown`."""
        return valid_on(self.household(household, known_at), day)

    def handle(self, request: Request) -> Handled:
        """Carry out one command, of one household or of several, all or nothing.

        The same request again gets the first answer. Raises the domain's `Refusal`, and of the store
        `VersionConflict` (only with `expected`), `ChangedCommand`, `ClaimConflict`, `StreamClosed`,
        `StreamErased`, `OwnerErased`.
        """
        if self._may_wait(request):
            return self._gathering.carry_out(request)
        return self._alone(request)

    def _alone(self, request: Request) -> Handled:
        for attempt in range(ATTEMPTS):
            last = attempt == ATTEMPTS - 1
            try:
                return self._attempt(request)
            except VersionConflict as conflict:
                if last or (request.expected is not None and _is_about(conflict, request.stream)):
                    raise
            except StreamClosed:
                # Joined to another household a moment ago: what is loaded now says so.
                if last:
                    raise
            except ClaimConflict as conflict:
                # Somebody gave the same ID number a person at the same moment: look it up again.
                if conflict.kind != "identity" or last:
                    raise
        raise AssertionError("unreachable")

    def _may_wait(self, request: Request) -> bool:
        """Whether a request may be carried out together with others: it reads one household and nothing else."""
        command = request.command
        return (
            self.gathers
            and request.household is not None
            and request.at is None
            and not isinstance(command, (JointCommand, CorrectionCommand))
            and type(command) not in self._preparations
            and not command.numbers()
        )

    def _together(self, requests: Sequence[Request]) -> list[Handled | None]:
        """Carry out requests of several households with one read and one append.

        None for each that is not plainly news: refused, asked before, overtaken, with claims. It goes alone.
        """
        found = self.store.briefs([request.stream for request in requests])
        plans: dict[int, _Plan] = {}
        ids: set[UUID] = set()
        # Step by step for all of them: each step finds in the caches what it needed for the one before.
        for n, request in enumerate(requests):
            with suppress(Exception):  # alone it is told why
                chain = replayed(None, found.pop(request.stream, ()))
                if chain is None or request.id in ids or request.expected not in (None, chain.version):
                    continue
                ids.add(request.id)
                plans[n] = _Plan(request, {request.stream: chain})
        for plan in plans.values():
            with suppress(Exception):
                request = plan.request
                plan.context = self._context(request, plan.chains)
                plan.facts = decided(request.command, request.stream, plan.chains, plan.context)
        ones = [one for plan in plans.values() if plan.facts and (one := self._one(plan)) is not None]
        told = zip(ones, self.store.append_many(ones), strict=True) if len(ones) > 1 else ()
        answers = {
            one.command.id: each for one, each in told if isinstance(each, Appended) and not each.repeated
        }
        return [
            handled(request.stream, answers[request.id], plans[n].facts)
            if n in plans and request.id in answers
            else None
            for n, request in enumerate(requests)
        ]

    def _one(self, plan: _Plan) -> OneAppend | None:
        """What a command of a group appends; None when it is more than events of its household."""
        request = plan.request
        assert plan.context is not None
        wanted = intent(request, plan.chains, plan.facts, plan.context)
        if wanted.claims or wanted.found_by or wanted.closes:
            return None
        version = plan.chains[request.stream].version
        return OneAppend(
            self._key(request), StreamAppend(request.stream, "household", version, wanted.envelopes)
        )

    def _key(self, request: Request) -> CommandKey:
        return CommandKey(request.id, self.store.keys.request_hash(said(request)))

    def _attempt(self, request: Request) -> Handled:
        stream, command = request.stream, request.command
        key = self._key(request)
        preparation = self._preparations.get(type(command))
        if preparation is not None:
            # What is prepared lies outside the append: not again for what was answered already.
            answer = self._first_answer(key, stream)
            if answer is not None:
                return answer
        chains = {each: self._load(each) for each in households_of(request)}
        before, version = chains[stream]
        if request.expected is not None and request.expected != version:
            return self._first_answer(key, stream) or _conflict(version, request.expected)
        try:
            context = self._context(request, chains)
            if preparation is not None:
                context = preparation(request, before, version, context)
            facts = decided(command, stream, chains, context)
        except Exception:
            answer = self._first_answer(key, stream)
            if answer is not None:
                return answer
            raise
        if not facts:
            unchanged = Handled(stream, version, (), {}, None, news=False)
            return self._first_answer(key, stream) or unchanged
        return self._append(request, key, chains, facts, context)

    def decided(self, request: Request, chains: Mapping[HouseholdId, Chain]) -> Facts:
        """What a command would make true of households as far as `chains` tell them; nothing is written.

        `chains` are those of `households_of(request)`, in that order. Raises the domain's `Refusal`.
        """
        return decided(request.command, request.stream, chains, self._context(request, chains))

    def _append(
        self,
        request: Request,
        key: CommandKey,
        chains: Mapping[HouseholdId, Chain],
        facts: Facts,
        context: Context,
    ) -> Handled:
        wanted = intent(request, chains, facts, context)
        appended = self._chains.append(
            *wanted.envelopes,
            command=key,
            claims=wanted.claims,
            index=wanted.found_by,
            closes=wanted.closes,
            at=request.at,
        )
        return handled(request.stream, appended, {} if appended.repeated else facts)

    def _load(self, stream: HouseholdId) -> Chain:
        return self._chains.replay(stream, replayed) or Chain(Household(stream), 0)

    def _first_answer(self, key: CommandKey, stream: HouseholdId) -> Handled | None:
        answer = self.store.command(key.id, lane_of(stream), key.hash)
        return None if answer is None else handled(stream, answer, {})

    def _context(self, request: Request, chains: Mapping[HouseholdId, Chain]) -> Context:
        command, before = request.command, chains[request.stream].household
        opening = command.registration if isinstance(command, EnterFromRegister) else command
        if isinstance(opening, RegisterHousehold):
            region = opening.region
            persons = {} if before.registered else self._known(command.numbers())
        elif before.registered:
            if not isinstance(command, JointCommand):
                require_apart(before)
            region = before.region(command.on)
            persons = self._known(command.numbers())
        else:
            raise HouseholdUnknown
        return self.reference.context(
            region,
            command.on,
            request.actor,
            request.id,
            persons,
            self._recalled(command, request.stream, chains[request.stream].version),
            {household: chain.version for household, chain in chains.items()},
        )

    def _recalled(self, command: Command, stream: HouseholdId, version: int) -> Recalled | None:
        """The recorded step a correction names; other commands name none."""
        if not isinstance(command, CorrectionCommand) or not 0 < command.step <= version:
            return None
        rows = self.store.slice(stream, command.step - 1, upto=command.step)
        return Recalled(command.step, rows[0].event_id, rows[0].event) if rows else None

    def _known(self, numbers: Iterable[str]) -> dict[str, PersonId]:
        """Who of these already has a person id, nationwide, by normalised ID number."""
        known: dict[str, PersonId] = {}
        for said_number in numbers:
            try:
                number = parse_citizen_id(said_number).number
            except CitizenIdRefused:
                continue
            person = self.store.find("id-number", number)
            if person is not None:
                known[number] = PersonId(person)
        return known


def households_of(request: Request) -> tuple[HouseholdId, ...]:
    """The households a request reads: the one addressed, then the others a joint command names."""
    command = request.command
    others = command.households() if isinstance(command, JointCommand) else ()
    return tuple(dict.fromkeys((request.stream, *others)))


def handled(stream: HouseholdId, appended: Appended, facts: Facts) -> Handled:
    """The answer to who asked about a household: its own part of an append, and the others' beside it."""
    by_household = {
        HouseholdId(household): (version, position)
        for household, version, position in zip(
            appended.streams, appended.versions, appended.positions, strict=False
        )
    }
    version, _ = by_household.get(stream, (0, 0))
    return Handled(
        stream,
        version,
        facts.get(stream, ()),
        appended.reached,
        appended.recorded_at,
        appended.repeated,
        appended.news,
        tuple(
            Other(household, *place, facts.get(household, ()))
            for household, place in by_household.items()
            if household != stream
        ),
    )


def _conflict(current: int, expected: int) -> Handled:
    raise VersionConflict(current=current, expected=expected)


def _is_about(conflict: VersionConflict, stream: HouseholdId) -> bool:
    """Whether a conflict is about this household, and not about another of the same command."""
    told = conflict.facts.get("stream")
    return told is None or UUID(str(told)) == stream
