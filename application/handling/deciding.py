"""From a household's events to what one command makes of it (决定): replayed, decided, and what is to be appended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from application.handling.envelope_factory import claim_changes, enclosed, index_changes, together
from application.handling.request import Request
from domain.household.command import Command, JointCommand
from domain.household.context import Context
from domain.household.event import Event
from domain.household.replay import Replay
from domain.household.state import Household
from domain.values.person import HouseholdId
from eventstore.appending.append_types import ClaimChanges, IndexEntry, IndexRelease
from eventstore.events.envelope import Envelope
from eventstore.events.recorded import Brief, Recorded


class Chain(NamedTuple):
    """A household replayed, and the version it was replayed to."""

    household: Household
    version: int


Facts = Mapping[HouseholdId, tuple[Event, ...]]
"""What became true, by household, the one addressed first."""


class Intent(NamedTuple):
    """What one command wants appended: envelopes, claims, what is found by, and the chains it ends."""

    envelopes: list[Envelope]
    claims: ClaimChanges
    found_by: list[IndexEntry | IndexRelease]
    closes: list[HouseholdId]


def replayed(initial: Chain | None, rows: Iterable[Recorded | Brief]) -> Chain | None:
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


def decided(
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


def intent(request: Request, chains: Mapping[HouseholdId, Chain], facts: Facts, context: Context) -> Intent:
    """What is to be appended so that these facts stand."""
    envelopes: list[Envelope] = []
    claims, closes = [], []
    index: list[IndexEntry | IndexRelease] = []
    for household, events in facts.items():
        before, version = chains.get(household) or Chain(Household(household), 0)
        following = Replay(before)
        for event in events:
            following.take(event)
        after = following.household
        envelopes += enclosed(request, context, version, events, after, first=len(envelopes))
        claims.append(claim_changes(household, before, after, request.command.on))
        index += index_changes(before, events, context.persons)
        if after.joined_into is not None:
            closes.append(household)
    return Intent(envelopes, together(claims), index, closes)
