"""Handling a command (办理): find the stream, load, decide by the rules of the day, derive claims, append."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID, uuid5

import msgspec

from application.reference import Reference
from domain.citizen_id import CitizenIdRefused
from domain.citizen_id import parse as parse_citizen_id
from domain.claims import Claim as Held
from domain.claims import claims_of
from domain.context import Context
from domain.household import Household, follow
from domain.intake import Applied
from domain.membership import HouseholdRegistered, HouseholdUnknown, MemberAdded, NewMember, RegisterHousehold
from domain.message import Command, Event, code_of
from domain.month import Month
from domain.person import HouseholdId, PersonId
from domain.private import Private
from domain.receipt import Actor
from domain.register_entry import EnterFromRegister
from domain.sources import cited
from eventstore.adapter import Chains
from eventstore.contract import NO_CLAIMS, Appended, Claim, ClaimChanges, CommandKey, IndexEntry, Release
from eventstore.envelope import Envelope, Meta
from eventstore.errors import ClaimConflict, VersionConflict
from eventstore.lanes import event_id, lane_of
from eventstore.rows import Brief, Recorded
from eventstore.store import LaneStore

CATEGORY = "category"
"""The claim kind that keeps a person in one category."""

ATTEMPTS = 5
"""How often a command is decided again when somebody else was quicker."""


@dataclass(frozen=True, slots=True)
class Request:
    """One command as the caller said it: its id, for whom, by whom, and the version it was based on.

    `household` is left out by a command that begins a chain. `expected` is the version the caller saw
    (If-Match): with it a conflict is the caller's, without it the command is decided again. `at` is the
    time told by a script: recorded in a trial store, only stated elsewhere.
    """

    id: UUID
    command: Command
    actor: Actor
    household: HouseholdId | None = None
    expected: int | None = None
    at: datetime | None = None
    correlation: str | None = None
    causation: str | None = None

    @property
    def stream(self) -> HouseholdId:
        """The household's stream: the one named, or the one this command begins."""
        return self.household or HouseholdId(uuid5(self.id, "household/0"))


@dataclass(frozen=True, slots=True)
class Handled:
    """The answer: the household, its version, the facts that became true, and how far readers must have read.

    `repeated` is True when the same command was carried out before and this is its first answer; then
    `events` are not given again. `news` is False when nothing became true.
    """

    household: HouseholdId
    version: int
    events: tuple[Event, ...]
    reached: Mapping[int, int]
    recorded_at: datetime | None
    repeated: bool = False
    news: bool = True


class Desk:
    """Where commands are handled (经办台): one store, one set of reference data; safe between threads."""

    def __init__(self, chains: Chains, reference: Reference) -> None:
        self._chains = chains
        self.store: LaneStore = chains.store
        self.reference = reference

    def household(self, household: HouseholdId, known_at: datetime | None = None) -> Household:
        """The household replayed, as known at an instant; raises `HouseholdUnknown`."""
        rows = self.store.load(household, known_at=known_at).rows
        chain = _replayed(None, rows)
        if chain is None or not chain.household.registered:
            raise HouseholdUnknown
        return chain.household

    def handle(self, request: Request) -> Handled:
        """Carry out one command.

        The same request again gets the first answer. Raises the domain's `Refusal`, and of the store
        `VersionConflict` (only with `expected`), `ChangedCommand`, `ClaimConflict`, `StreamClosed`,
        `StreamErased`, `OwnerErased`.
        """
        for attempt in range(ATTEMPTS):
            try:
                return self._attempt(request)
            except VersionConflict:
                if request.expected is not None or attempt == ATTEMPTS - 1:
                    raise
            except ClaimConflict as conflict:
                # Somebody gave the same ID number a person at the same moment: look it up again.
                if conflict.kind != "identity" or attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def _attempt(self, request: Request) -> Handled:
        stream = request.stream
        key = CommandKey(request.id, self.store.keys.request_hash(_said(request)))
        before, version = self._load(stream)
        if request.expected is not None and request.expected != version:
            return self._first_answer(key, stream) or _conflict(version, request.expected)
        try:
            context = self._context(request, before)
            events = tuple(request.command.decide(before, context))
        except Exception:
            answer = self._first_answer(key, stream)
            if answer is not None:
                return answer
            raise
        if not events:
            unchanged = Handled(stream, version, (), {}, None, news=False)
            return self._first_answer(key, stream) or unchanged
        after = before
        for event in events:
            after = follow(after, event)
        appended = self._chains.append(
            *_enclosed(request, context, version, events, after),
            command=key,
            claims=_claim_changes(stream, before, after, request.command.on),
            index=list(_index_entries(events)),
            at=request.at,
        )
        return _handled(stream, appended, () if appended.repeated else events)

    def _load(self, stream: HouseholdId) -> Chain:
        return self._chains.replay(stream, _replayed) or Chain(Household(stream), 0)

    def _first_answer(self, key: CommandKey, stream: HouseholdId) -> Handled | None:
        answer = self.store.command(key.id, lane_of(stream), key.hash)
        return None if answer is None else _handled(stream, answer, ())

    def _context(self, request: Request, before: Household) -> Context:
        command = request.command
        persons: dict[str, PersonId] = {}
        opening = command.registration if isinstance(command, EnterFromRegister) else command
        if isinstance(opening, RegisterHousehold):
            region = opening.region
            if not before.registered:
                persons = self._known(opening.members)
        elif before.registered:
            region = before.region(command.on)
        else:
            raise HouseholdUnknown
        return self.reference.context(region, command.on, request.actor, request.id, persons)

    def _known(self, members: Sequence[NewMember]) -> dict[str, PersonId]:
        """Who of these already has a person id, nationwide, by normalised ID number."""
        known: dict[str, PersonId] = {}
        for member in members:
            if member.id_number is None:
                continue
            try:
                number = parse_citizen_id(member.id_number).number
            except CitizenIdRefused:
                continue
            person = self.store.find("id-number", number)
            if person is not None:
                known[number] = PersonId(person)
        return known


class Chain(NamedTuple):
    """A household replayed, and the version it was replayed to."""

    household: Household
    version: int


def _replayed(initial: Chain | None, rows: Iterable[Recorded | Brief]) -> Chain | None:
    """The projector function of the library's repository: the fold over recorded events."""
    household, version = initial or (None, 0)
    for row in rows:
        if household is None:
            household = Household(HouseholdId(row.originator_id))
        household, version = follow(household, row.event), row.originator_version
    return None if household is None else Chain(household, version)


def _conflict(current: int, expected: int) -> Handled:
    raise VersionConflict(current=current, expected=expected)


def _handled(stream: HouseholdId, appended: Appended, events: tuple[Event, ...]) -> Handled:
    version = appended.versions[0] if appended.versions else 0
    return Handled(
        stream, version, events, appended.reached, appended.recorded_at, appended.repeated, appended.news
    )


def _enclosed(
    request: Request, context: Context, version: int, events: Sequence[Event], after: Household
) -> list[Envelope]:
    """The facts in their envelopes: who entered them, for where, and on which papers in force that day."""
    command, actor = request.command, request.actor
    region = after.region(command.on)
    name = code_of(type(command))
    metas: dict[str, Meta] = {}
    envelopes = []
    for ordinal, event in enumerate(events):
        meta = metas.get(event.basis)
        if meta is None:
            meta = metas[event.basis] = Meta(
                actor=actor.officer,
                organ=actor.organ or None,
                region=region,
                command=name,
                correlation=request.correlation,
                causation=request.causation,
                legal_basis=cited(event.basis, context.rules(event.on)) or None,
            )
        envelopes.append(
            Envelope(after.id, version + 1 + ordinal, event, event_id(request.id, ordinal), meta)
        )
    return envelopes


def _claim_changes(stream: HouseholdId, before: Household, after: Household, on: date) -> ClaimChanges:
    if before.categories == after.categories and before.members == after.members:
        return NO_CLAIMS
    held, wanted = claims_of(before), claims_of(after)
    if held == wanted:
        return NO_CLAIMS
    now = {claim.person for claim in wanted}
    take = [_claim(stream, claim) for claim in sorted(wanted - held, key=lambda c: c.person.int)]
    release = [
        Release(CATEGORY, claim.person, stream, on)
        for claim in sorted(held, key=lambda c: c.person.int)
        if claim.person not in now
    ]
    return ClaimChanges(take, release)


def _claim(stream: HouseholdId, held: Held) -> Claim:
    return Claim(CATEGORY, held.person, stream, held.start, held.end)


def _index_entries(events: Sequence[Event]) -> Iterator[IndexEntry]:
    """What a household or person is found by: ID number, name, phone, account."""
    for event in events:
        privates: tuple[Private[str] | None, ...]
        if isinstance(event, MemberAdded):
            privates = (event.id_number, event.name)
        elif isinstance(event, Applied):
            privates = (event.account,)
        elif isinstance(event, HouseholdRegistered):
            privates = (event.phone,)
        else:
            continue
        for private in privates:
            if private is not None and private.value is not None:
                yield IndexEntry(private.kind, private.value, private.owner)


def _said(request: Request) -> bytes:
    """What the caller said, in a fixed order: the input of the request hash."""
    command, actor = request.command, request.actor
    said = (code_of(type(command)), command, request.household, actor.officer, actor.organ)
    return _encoder.encode(said)


def _plain(value: object) -> object:
    if isinstance(value, Month):
        return str(value)
    raise NotImplementedError(type(value).__name__)


_encoder = msgspec.json.Encoder(enc_hook=_plain, order="deterministic")
