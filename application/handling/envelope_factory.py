"""From new events to what is appended (封装): envelopes, claims taken and released, index entries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import NamedTuple

from application.handling.loaded_household import LoadedHousehold, LoadedHouseholds
from application.handling.request import NewEvents, Request
from domain.household.claims import Claim as Held
from domain.household.claims import claims_of
from domain.household.context import Context
from domain.household.event import Event
from domain.household.replay import Replay, follow
from domain.household.state import Household
from domain.values.person import HouseholdId, PersonId
from domain.values.private import Private
from domain.values.refusals import code_of
from domain.values.sources import cited
from eventstore.appending.append_types import (
    NO_CLAIMS,
    Claim,
    ClaimChanges,
    IndexEntry,
    IndexRelease,
    Release,
)
from eventstore.events.envelope import Envelope, Meta
from eventstore.lanes import event_id

CATEGORY = "category"
"""The claim kind that keeps a person in one category."""

NOBODY: Mapping[str, PersonId] = MappingProxyType({})


class EnclosedEvents(NamedTuple):
    """What one command appends: its envelopes, the claims and index entries they bring, the streams they end."""

    envelopes: list[Envelope]
    claims: ClaimChanges
    found_by: list[IndexEntry | IndexRelease]
    closes: list[HouseholdId]


def enclose(
    request: Request, loaded: LoadedHouseholds, events: NewEvents, context: Context
) -> EnclosedEvents:
    """What is to be appended so that these events stand; `loaded` are the households before them."""
    envelopes: list[Envelope] = []
    claims, closes = [], []
    index: list[IndexEntry | IndexRelease] = []
    for household, new in events.items():
        before, version = loaded.get(household) or LoadedHousehold(Household(household), 0)
        replay = Replay(before)
        for event in new:
            replay.take(event)
        after = replay.household
        envelopes += envelopes_of(request, context, version, new, after, first=len(envelopes))
        claims.append(claim_changes(household, before, after, request.command.on))
        index += index_changes(before, new, context.persons)
        if after.joined_into is not None:
            closes.append(household)
    return EnclosedEvents(envelopes, merged(claims), index, closes)


def envelopes_of(
    request: Request,
    context: Context,
    version: int,
    events: Sequence[Event],
    after: Household,
    first: int = 0,
) -> list[Envelope]:
    """The events of one household in envelopes: who entered them, for where, and on which papers in force that day.

    `first` is the ordinal, within the command, of the first of them.
    """
    command, actor = request.command, request.actor
    region = after.region(command.on)
    name = code_of(type(command))
    metas: dict[str, Meta] = {}
    envelopes = []
    for ordinal, event in enumerate(events):
        basis = event.rests_on()
        meta = metas.get(basis)
        if meta is None:
            meta = metas[basis] = Meta(
                actor=actor.officer,
                organ=actor.organ or None,
                region=region,
                command=name,
                correlation=request.correlation,
                causation=request.causation,
                legal_basis=cited(basis, context.rules(event.on)) or None,
            )
        id = event_id(request.id, first + ordinal)
        envelopes.append(Envelope(after.id, version + 1 + ordinal, event, id, meta))
    return envelopes


def claim_changes(stream: HouseholdId, before: Household, after: Household, on: date) -> ClaimChanges:
    """The claims one household gains and gives up.

    What only ends earlier is released from then on, so that a claim somebody else has taken since is left
    alone; what is held no more at all should never have been.
    """
    if before.categories == after.categories and before.members == after.members:
        return NO_CLAIMS
    held = {claim.person: claim for claim in claims_of(before)}
    wanted = {claim.person: claim for claim in claims_of(after)}
    take: list[Claim] = []
    release: list[Release] = []
    for person in sorted(held.keys() | wanted.keys(), key=lambda each: each.int):
        old, new = held.get(person), wanted.get(person)
        if old == new:
            continue
        if new is None:
            release.append(Release(CATEGORY, person, stream, None))
        elif old is not None and _only_shorter(old, new):
            release.append(Release(CATEGORY, person, stream, new.end))
        else:
            take.append(Claim(CATEGORY, person, stream, new.start, new.end))
    return ClaimChanges(take, release)


def _only_shorter(old: Held, new: Held) -> bool:
    return new.start == old.start and new.end is not None and (old.end is None or new.end < old.end)


def merged(changes: Iterable[ClaimChanges]) -> ClaimChanges:
    """The claim changes of several households as those of one append."""
    every = [each for each in changes if each]
    if not every:
        return NO_CLAIMS
    return ClaimChanges(
        [claim for each in every for claim in each.take],
        [release for each in every for release in each.release],
    )


def index_changes(
    before: Household, events: Sequence[Event], persons: Mapping[str, PersonId]
) -> Iterator[IndexEntry | IndexRelease]:
    """What somebody is found by from now on, and no more since it turned out wrong.

    `persons` are those found by the ID numbers the command names: they must still be who they were.
    """
    corrects = any(event.found_by() and hasattr(event, "corrects") for event in events)
    for event in events:
        if corrects:
            after = follow(before, event)
            if hasattr(event, "corrects") and event.found_by():
                now = {value.token for value in _identifiers(after)}
                yield from (IndexRelease(value) for value in _identifiers(before) if value.token not in now)
            before = after
        yield from index_entries((event,), persons)


def _identifiers(household: Household) -> list[Private[str]]:
    """The ID numbers and names of a household's members as they stand, each once."""
    values = [value for m in household.members for value in (m.id_number, m.name) if value is not None]
    return list({value.token: value for value in values}.values())


def index_entries(events: Iterable[Event], persons: Mapping[str, PersonId] = NOBODY) -> Iterator[IndexEntry]:
    """What a household or person is found by: ID number, name, phone, account.

    A value that only came along from another household is found already.
    """
    for event in events:
        for private in event.found_by():
            if private is not None and private.value is not None:
                known = private.kind == "id-number" and persons.get(private.value) == private.owner
                yield IndexEntry(private.kind, private.value, private.owner, known)
