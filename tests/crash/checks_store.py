"""Checks of the store (事件库核对): lanes, streams, times, digests, seals."""

from __future__ import annotations

from eventstore.errors import StoreError
from eventstore.events.digest import verify
from eventstore.postgres.pools import open_pool
from eventstore.sealing.seals import Sealer, unsealed
from eventstore.sealing.signing import PublicKeys, SealKeys
from eventstore.sealing.verification import Verification
from eventstore.sealing.witness import FileWitness
from tests.crash.evidence import Checked, Evidence

_LANES = """
SELECT l.lane, l.position, count(e.position), min(e.position), max(e.position)
FROM es_lane l LEFT JOIN es_event e USING (lane) GROUP BY l.lane, l.position ORDER BY l.lane
"""
_STRAY_LANES = (
    "SELECT lane, count(*) FROM es_event WHERE lane NOT IN (SELECT lane FROM es_lane) GROUP BY lane"
)
_WRONG_LANES = """
SELECT lane, position FROM es_event WHERE lane <> get_byte(uuid_send(stream_id), 15) ORDER BY lane, position
"""
_STREAMS = """
SELECT coalesce(s.lane, e.lane), coalesce(s.stream_id, e.stream_id), s.version, e.events, e.first, e.last
FROM es_stream s FULL JOIN (
    SELECT lane, stream_id, count(*) AS events, min(version) AS first, max(version) AS last
    FROM es_event GROUP BY lane, stream_id) e ON e.lane = s.lane AND e.stream_id = s.stream_id
ORDER BY 1, 2
"""
_ORDER = """
SELECT lane, stream_id, version FROM (
    SELECT lane, stream_id, version, position, recorded_at,
           lag(position) OVER w AS before, lag(recorded_at) OVER w AS earlier
    FROM es_event WINDOW w AS (PARTITION BY lane, stream_id ORDER BY version)) o
WHERE {}
ORDER BY lane, stream_id, version
"""
_LAST = """
SELECT s.lane, s.stream_id FROM es_stream s
WHERE s.last_recorded_at <> (
    SELECT max(e.recorded_at) FROM es_event e WHERE e.lane = s.lane AND e.stream_id = s.stream_id)
ORDER BY 1, 2
"""


def lanes(evidence: Evidence) -> Checked:
    """Positions are dense from 1 in every lane, and its head is the last; every event lies in its own lane."""
    checked = Checked()
    for lane, head, events, first, last in evidence.rows(_LANES):
        checked.examined += 1
        if events != head or (events and (first, last) != (1, head)):
            checked.fault(f"lane {lane}: head {head}, but {events} events from {first} to {last}")
    for lane, events in evidence.rows(_STRAY_LANES):
        checked.fault(f"lane {lane}: {events} events and no head")
    for lane, position in evidence.rows(_WRONG_LANES):
        checked.fault(f"lane {lane}, position {position}: the event belongs in another lane")
    return checked


def streams(evidence: Evidence) -> Checked:
    """Versions are dense from 1 in every stream and end where its row says; their order is that of positions."""
    checked = Checked()
    for lane, stream, version, events, first, last in evidence.rows(_STREAMS):
        checked.examined += 1
        if version is None or events is None or (first, last) != (1, version) or events != version:
            checked.fault(
                f"lane {lane}, stream {stream}: at version {version}, but {events or 0} events"
                f" from {first} to {last}"
            )
    for lane, stream, version in evidence.rows(_ORDER.format("position <= before")):
        checked.fault(f"lane {lane}, stream {stream}, version {version}: stands before the version before it")
    return checked


def times(evidence: Evidence) -> Checked:
    """No event of a stream is recorded earlier than the one before it, and the stream knows the last."""
    checked = Checked()
    ((checked.examined,),) = evidence.rows("SELECT count(*) FROM es_event")
    for lane, stream, version in evidence.rows(_ORDER.format("recorded_at < earlier")):
        checked.fault(
            f"lane {lane}, stream {stream}, version {version}: recorded before the version before it"
        )
    for lane, stream in evidence.rows(_LAST):
        checked.fault(f"lane {lane}, stream {stream}: its last time is not that of its last event")
    return checked


def digests(evidence: Evidence) -> Checked:
    """Every event's digest is that of what the row says."""
    checked = Checked()
    for row in evidence.events():
        checked.examined += 1
        if not verify(row):
            checked.fault(
                f"lane {row.lane}, position {row.position} ({row.name}): the digest is of something else"
            )
    return checked


def seals(evidence: Evidence) -> Checked:
    """The sealer goes on from where it stood, and all it ever signed and handed over is what the rows say."""
    checked = Checked()
    witness = FileWitness(evidence.witness)
    with open_pool(evidence.installation.addresses.sealer, size=1) as pool:
        try:
            Sealer(pool, SealKeys(evidence.keys), witness).run_once()
        except StoreError as refused:
            checked.fault(f"sealing was refused: {refused.code}")
    with evidence.connected() as connection:
        check = Verification(connection, PublicKeys.in_directory(evidence.keys), witness)
        for fault in check.faults():
            checked.fault(str(fault))
        checked.examined = check.sealed
        left = unsealed(connection).events
    if left:
        checked.fault(f"{left} events were left unsealed")
    return checked
