"""Adoption (采用): packs and calendar editions come into force by events in their jurisdictions' own streams."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from uuid import UUID, uuid5

from application.reference import (
    Reference,
    Shipped,
    calendar_stream,
    jurisdiction_stream,
    stored_editions,
    stored_packs,
    stored_regions,
)
from domain.calendar import CalendarEdition
from domain.jurisdiction import EditionAdopted, PackAdopted
from domain.message import Event
from domain.pack import Pack
from domain.policy import Adoption
from eventstore.adapter import Chains
from eventstore.contract import CommandKey
from eventstore.envelope import Meta, enclose
from eventstore.store import LaneStore
from eventstore.wire import Pool

SHIPPED_PAPER = "随程序提供的政策包与日历"


def adopt_shipped(chains: Chains, bodies: Shipped, on: date, since: date, approver: str) -> int:
    """Adopt every shipped pack and edition that its jurisdiction's stream does not hold yet; how many were new.

    Packs hold from `since` on; what stands in a pack is dated by itself. Repeatable.
    """
    new = 0
    for pack in bodies.packs:
        adopted = PackAdopted(on, pack.region, pack.hash, since, None, SHIPPED_PAPER, approver)
        new += _append(chains, jurisdiction_stream(pack.region), pack.hash, adopted, approver)
    for edition in bodies.editions:
        fact = EditionAdopted(on, edition.region, edition.year, edition.id, edition.assumed, edition.source)
        new += _append(chains, calendar_stream(edition.region, edition.year), edition.id, fact, approver)
    return new


def adopted_reference(store: LaneStore, pool: Pool) -> Reference:
    """Everything in force as the jurisdictions' streams say, with the published bodies behind it."""
    # The connection is given back before the store asks for one: a pool that need not grow stays warm.
    with pool.connection() as connection:
        packs, editions = stored_packs(connection), stored_editions(connection)
        regions = stored_regions(connection)
    adoptions: list[Adoption] = []
    for region in {pack.region for pack in packs.values()}:
        adoptions += _in_force(store.load(jurisdiction_stream(region)).events, packs)
    current: list[CalendarEdition] = []
    for key in {(edition.region, edition.year) for edition in editions.values()}:
        events = store.load(calendar_stream(*key)).events
        current += [editions[e.edition] for e in events if isinstance(e, EditionAdopted)]
    return Reference(adoptions, current, regions)


def _in_force(events: Iterable[Event], packs: dict[str, Pack]) -> list[Adoption]:
    """The adoptions of one jurisdiction: a later one ends those before it from its own first day."""
    adoptions: list[Adoption] = []
    for event in events:
        if not isinstance(event, PackAdopted):
            continue
        adoptions = [
            Adoption(a.pack, a.since, event.since if a.until is None or a.until > event.since else a.until)
            for a in adoptions
            if a.since < event.since
        ]
        adoptions.append(Adoption(packs[event.pack], event.since, event.until))
    return adoptions


def _append(chains: Chains, stream: UUID, body: str, event: Event, approver: str) -> bool:
    command = uuid5(stream, f"adopt/{body}")
    loaded = chains.store.load(stream)
    if any(getattr(e, "pack", getattr(e, "edition", None)) == body for e in loaded.events):
        return False
    key = CommandKey(command, chains.store.keys.request_hash(f"adopt/{stream}/{body}".encode()))
    envelopes = enclose(command, stream, loaded.version, [event], Meta(actor=approver, command="adopt"))
    return not chains.append(*envelopes, command=key).repeated
