"""Checks of what is about people (人员核对): claims, the blind index, sealed values."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from uuid import UUID

from domain.correction.member_correction import MemberCorrected
from domain.household.claims import claims_of
from domain.household.event import Event
from domain.intake.application import Applied
from domain.members.identification import PersonIdentified
from domain.members.member_changes import MemberJoined
from domain.members.registration import HouseholdRegistered, MemberAdded
from domain.members.split import HouseholdSplitFrom
from domain.values.private import Private
from eventstore.errors import WrongKey
from eventstore.events.recorded import Recorded
from tests.crash.evidence import Checked, Evidence, folded

Claimed = tuple[UUID, date, date | None]
Entry = tuple[str, int, bytes, UUID]

_CLAIMS = "SELECT kind, key, holder, valid_from, valid_to, lane FROM es_claim"
_INDEX = "SELECT kind, key_version, blind, owner, lane FROM es_index"


def claims(evidence: Evidence) -> Checked:
    """A person's claim is that of the household which holds them last by its events; nobody else has one."""
    checked = Checked()
    wanted: dict[UUID, Claimed] = {}
    for stream, rows in evidence.streams():
        for claim in claims_of(folded(stream, rows)):
            known = wanted.get(claim.person)
            if known is not None and known[1] == claim.start and known[0] != stream:
                checked.fault(f"person {claim.person}: held by {known[0]} and by {stream} from {claim.start}")
            if known is None or known[1] < claim.start:
                wanted[claim.person] = (stream, claim.start, claim.end)
    for kind, person, holder, since, until, lane in evidence.rows(_CLAIMS):
        checked.examined += 1
        if kind != "category":
            checked.fault(f"person {person}: a claim of the unknown kind {kind}")
            continue
        if lane != person.int & 0xFF:
            checked.fault(f"person {person}: the claim lies in lane {lane}")
        says = wanted.pop(person, None)
        if says != (holder, since, until):
            checked.fault(f"person {person}: claimed as {(holder, since, until)}, by the events {says}")
    for person, says in wanted.items():
        checked.fault(f"person {person}: no claim, by the events {says}")
    return checked


def sealed(evidence: Evidence) -> Checked:
    """Every sealed value opens with its owner's key: no event was kept whose key was lost."""
    checked = Checked()
    keys = evidence.installation.keys
    for row, private in _privates(evidence):
        checked.examined += 1
        try:
            keys.open(private.owner, private.kind, private.token or b"")
        except WrongKey:
            checked.fault(
                f"lane {row.lane}, position {row.position} ({row.name}): a {private.kind} does not open"
            )
    return checked


def index(evidence: Evidence) -> Checked:
    """The blind index finds everybody by what the events now say of them, and by nothing else."""
    checked = Checked()
    wanted: set[Entry] = set()
    for _, rows in evidence.streams():
        wanted |= _entries(evidence, rows)
    found: set[Entry] = set()
    for kind, version, blind, owner, lane in evidence.rows(_INDEX):
        checked.examined += 1
        found.add((kind, version, bytes(blind), owner))
        if lane != bytes(blind)[-1]:
            checked.fault(f"{kind} of {owner}: the entry lies in lane {lane}")
    for kind, _, _, owner in sorted(found - wanted, key=str):
        checked.fault(f"{kind} of {owner}: found by something no event says")
    for kind, _, _, owner in sorted(wanted - found, key=str):
        checked.fault(f"{kind} of {owner}: not found by what the events say")
    return checked


def _entries(evidence: Evidence, rows: list[Recorded]) -> set[Entry]:
    """What a household's people are to be found by, once all of its events have been said."""
    keys = evidence.installation.keys
    entries: dict[tuple[UUID, str], set[Entry]] = {}
    for row in rows:
        event = row.event
        for private in _found_by(event):
            try:
                clear = keys.open(private.owner, private.kind, private.token or b"")
            except WrongKey:
                continue  # `sealed` tells of it
            if clear is None:
                continue
            blind = keys.blind(private.kind, clear.decode())
            entry = (private.kind, keys.index_version, blind, private.owner)
            place = entries.setdefault((private.owner, private.kind), set())
            if isinstance(event, MemberCorrected):
                place.clear()
            place.add(entry)
    return set().union(*entries.values()) if entries else set()


def _found_by(event: Event) -> Iterator[Private[str]]:
    privates: tuple[Private[str] | None, ...] = ()
    if isinstance(event, MemberAdded | MemberJoined | PersonIdentified | MemberCorrected):
        privates = (event.id_number, event.name)
    elif isinstance(event, Applied):
        privates = (event.account,)
    elif isinstance(event, HouseholdRegistered | HouseholdSplitFrom):
        privates = (event.phone,)
    return (private for private in privates if private is not None)


def _privates(evidence: Evidence) -> Iterator[tuple[Recorded, Private[str]]]:
    codec = evidence.installation.store.codec
    for row in evidence.events():
        if row.private is not None:
            for private in codec.encode(row.event).privates:
                yield row, private
