"""Adoption (采用): packs and calendar editions come into force by events in their jurisdictions' own streams."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final
from uuid import UUID, uuid5

from application.reference.reference import (
    Reference,
    Shipped,
    calendar_stream,
    jurisdiction_stream,
    stored_editions,
    stored_packs,
    stored_regions,
)
from domain.household.event import Event
from domain.jurisdiction import EditionAdopted, PackAdopted
from domain.values.calendar import CalendarEdition
from domain.values.pack import Pack
from domain.values.policy import Adoption
from eventstore.adapter import Chains
from eventstore.appending.append_types import CommandKey
from eventstore.events.envelope import Meta, enclose
from eventstore.lanes import lane_of
from eventstore.postgres.libpq_client import Pool
from eventstore.store import LaneStore

SHIPPED_PAPER = "随程序提供的政策包与日历"

REGIONS_EVERY: Final = 12
"""Every how many refreshes the region register is compared, too: it has no stream whose head would tell."""

# bodies are never changed or taken back and streams only grow, so numbers tell; region rows may be rewritten
_MOVED: Final = """
SELECT (SELECT count(*) FROM ref_pack), (SELECT count(*) FROM ref_calendar),
       (SELECT coalesce(sum(s.version), 0)::bigint FROM unnest(%s::smallint[], %s::uuid[]) AS a (lane, stream_id)
        JOIN es_stream AS s USING (lane, stream_id))
"""
_REGIONS: Final = "SELECT count(*), coalesce(sum(hashtextextended(body, 0)), 0)::text FROM ref_region"


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


class ReferenceRefresh:
    """Finds what other processes adopted while this one runs, and renews a reference with it (更新)."""

    def __init__(self, store: LaneStore, pool: Pool, reference: Reference) -> None:
        self._store = store
        self._pool = pool
        self._reference = reference
        self._streams: tuple[UUID, ...] = ()
        self._seen: tuple[object, object] | None = None
        self._refreshes = 0

    def refresh(self) -> bool:
        """Renew the reference if packs, editions or regions moved since the last time; whether they did.

        One small statement where nothing moved. Raises what stands in the way of reading them (the database
        lost, a pack this program cannot read): the reference stays as it was, and the next refresh tries again.
        """
        self._streams = self._streams or self._adopting()
        seen = self._moved(), self._regions()
        if seen == self._seen:
            return False
        # what is adopted between the two readings counts as moved at the next refresh
        newer = adopted_reference(self._store, self._pool)
        self._reference.renew(newer)
        streams = self._streams
        self._streams = self._adopting()
        # with streams not known before the number has another meaning: it is read once more
        self._seen = seen if streams == self._streams else None
        return True

    def _moved(self) -> object:
        lanes = [lane_of(stream) for stream in self._streams]
        with self._pool.connection() as connection:
            return connection.execute(_MOVED, (lanes, list(self._streams))).fetchone()

    def _regions(self) -> object:
        self._refreshes += 1
        if self._seen is not None and self._refreshes % REGIONS_EVERY:
            return self._seen[1]
        with self._pool.connection() as connection:
            return connection.execute(_REGIONS).fetchone()

    def _adopting(self) -> tuple[UUID, ...]:
        """The streams in which the published bodies may be adopted."""
        with self._pool.connection() as connection:
            places = connection.execute("SELECT DISTINCT region FROM ref_pack").fetchall()
            years = connection.execute("SELECT DISTINCT region, year FROM ref_calendar").fetchall()
        streams = {jurisdiction_stream(place) for (place,) in places}
        return tuple(sorted(streams | {calendar_stream(region, year) for region, year in years}))


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
