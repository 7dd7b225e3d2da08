"""Handling a command (办理): find the streams, load, decide by the rules of the day, derive claims, append."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from application.enclosing import CATEGORY, claim_changes, enclosed, index_changes, said, together
from application.reference import Reference
from application.request import Handled, Other, Request
from domain.arrival import require_apart
from domain.as_of import ValidOn, valid_on
from domain.citizen_id import CitizenIdRefused
from domain.citizen_id import parse as parse_citizen_id
from domain.context import Context, Recalled
from domain.correction import CorrectionCommand
from domain.household import Household, Replay, follow
from domain.membership import HouseholdUnknown, RegisterHousehold
from domain.message import Command, Event, JointCommand
from domain.person import HouseholdId, PersonId
from domain.register_entry import EnterFromRegister
from eventstore.adapter import Chains
from eventstore.contract import Appended, CommandKey, IndexEntry, IndexRelease
from eventstore.envelope import Envelope
from eventstore.errors import ClaimConflict, StreamClosed, VersionConflict
from eventstore.lanes import lane_of
from eventstore.rows import Brief, Recorded
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


class Chain(NamedTuple):
    """A household replayed, and the version it was replayed to."""

    household: Household
    version: int


Facts = Mapping[HouseholdId, tuple[Event, ...]]
"""What became true, by household, the one addressed first."""


class Desk:
    """Where commands are handled (经办台): one store, one set of reference data; safe between threads."""

    def __init__(self, chains: Chains, reference: Reference) -> None:
        self._chains = chains
        self.store: LaneStore = chains.store
        self.reference = reference
        self._preparations: dict[type[Command], Preparation] = {}

    def prepare(self, kind: type[Command], preparation: Preparation) -> None:
        """Have every command of a kind prepared before it is decided; said once, when things are wired."""
        self._preparations[kind] = preparation

    def household(self, household: HouseholdId, known_at: datetime | None = None) -> Household:
        """The household replayed, as known at an instant; raises `HouseholdUnknown`.

        One that went on in another says so: `joined_into`.
        """
        rows = self.store.load(household, known_at=known_at).rows
        chain = _replayed(None, rows)
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

    def _attempt(self, request: Request) -> Handled:
        stream, command = request.stream, request.command
        key = CommandKey(request.id, self.store.keys.request_hash(said(request)))
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
            facts = _decided(command, stream, chains, context)
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
        return _decided(request.command, request.stream, chains, self._context(request, chains))

    def _append(
        self,
        request: Request,
        key: CommandKey,
        chains: Mapping[HouseholdId, Chain],
        facts: Facts,
        context: Context,
    ) -> Handled:
        envelopes: list[Envelope] = []
        claims, closes = [], []
        index: list[IndexEntry | IndexRelease] = []
        for household, events in facts.items():
            before, version = chains.get(household) or Chain(Household(household), 0)
            after = before
            for event in events:
                after = follow(after, event)
            envelopes += enclosed(request, context, version, events, after, first=len(envelopes))
            claims.append(claim_changes(household, before, after, request.command.on))
            index += index_changes(before, events, context.persons)
            if after.joined_into is not None:
                closes.append(household)
        appended = self._chains.append(
            *envelopes,
            command=key,
            claims=together(claims),
            index=index,
            closes=closes,
            at=request.at,
        )
        return handled(request.stream, appended, {} if appended.repeated else facts)

    def _load(self, stream: HouseholdId) -> Chain:
        return self._chains.replay(stream, _replayed) or Chain(Household(stream), 0)

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


def _decided(
    command: Command, stream: HouseholdId, chains: Mapping[HouseholdId, Chain], context: Context
) -> Facts:
    """What a command makes true, drained; nothing when it is no news."""
    if not isinstance(command, JointCommand):
        events = tuple(command.decide(chains[stream].household, context))
        return {stream: events} if events else {}
    facts: dict[HouseholdId, tuple[Event, ...]] = {stream: ()}
    households = {household: chain.household for household, chain in chains.items()}
    for household, event in command.decide(households, context):
        facts[household] = (*facts.get(household, ()), event)
    return {household: events for household, events in facts.items() if events}


def _replayed(initial: Chain | None, rows: Iterable[Recorded | Brief]) -> Chain | None:
    """The projector function of the library's repository: the fold over recorded events."""
    replay, version = None if initial is None else Replay(initial.household), 0
    for row in rows:
        if replay is None:
            replay = Replay(Household(HouseholdId(row.originator_id)))
        replay.take(row.event)
        version = row.originator_version
    if replay is None:
        return None
    return Chain(replay.household, version or (initial.version if initial else 0))


def _conflict(current: int, expected: int) -> Handled:
    raise VersionConflict(current=current, expected=expected)


def _is_about(conflict: VersionConflict, stream: HouseholdId) -> bool:
    """Whether a conflict is about this household, and not about another of the same command."""
    told = conflict.facts.get("stream")
    return told is None or UUID(str(told)) == stream
