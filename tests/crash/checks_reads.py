"""Checks of what follows from the events (读侧核对): read models, access records, imports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import sql

from projections.engine.plans import schema_of
from projections.engine.projection import Projection
from projections.engine.projector import Projector
from projections.engine.proof import digest_of
from projections.registry import ALL
from tests.crash.evidence import Checked, Evidence

PROOF = 1_000
"""So many versions above the live one is what the read models are built as once more."""

_AHEAD = """
SELECT c.projection, c.lane, c.position, l.position FROM read_checkpoint c JOIN es_lane l USING (lane)
WHERE c.position > l.position ORDER BY 1, 2
"""
_BEHIND = """
SELECT c.projection, c.lane, c.position, l.position FROM read_checkpoint c JOIN es_lane l USING (lane)
WHERE c.live AND c.position <> l.position ORDER BY 1, 2
"""
_UNKNOWN = """
SELECT m.projection, count(c.lane) FROM read_model m
LEFT JOIN read_checkpoint c USING (projection, version) WHERE m.live GROUP BY 1 HAVING count(c.lane) <> 256
"""
_PARKED = "SELECT projection, household, position, error FROM read_parked"
_STEPS = """
SELECT coalesce(s.household, e.stream_id), coalesce(s.steps, 0), coalesce(e.events, 0)
FROM (SELECT household, count(*) AS steps FROM read_chain.step GROUP BY 1) s
FULL JOIN (SELECT stream_id, count(*) AS events FROM es_event WHERE name LIKE 'household.%' GROUP BY 1) e
     ON e.stream_id = s.household
WHERE s.steps IS DISTINCT FROM e.events ORDER BY 1
"""
_IMPORTED = """
SELECT event_id, stream_id FROM es_event
WHERE version = 1 AND convert_from(meta, 'UTF8')::json ->> 'command' = 'enter-from-register'
"""


def checkpoints(evidence: Evidence) -> Checked:
    """No read model is ahead of the store; brought up to it, all stand at the heads, and nobody is left out."""
    checked = Checked()
    for name, lane, position, head in evidence.rows(_AHEAD):
        checked.fault(f"{name}, lane {lane}: has taken in {position}, the head is {head}")
    with _as_live(evidence):
        projector = Projector(evidence.installation.projecting, evidence.installation.store.codec, ALL)
        while projector.page().events:
            pass
    for name, lane, position, head in evidence.rows(_BEHIND):
        checked.fault(f"{name}, lane {lane}: stands at {position}, the head is {head}")
    for name, lanes in evidence.rows(_UNKNOWN):
        checked.fault(f"{name}: has {lanes} checkpoints")
    for name, household, position, error in evidence.rows(_PARKED):
        checked.fault(f"{name}, household {household}: parked from {position} on ({error})")
    ((checked.examined,),) = evidence.rows("SELECT count(*) FROM read_checkpoint WHERE live")
    return checked


def projections(evidence: Evidence) -> Checked:
    """Every read model is, row by row, what the events make of it when it is built once more from nothing."""
    checked = Checked()
    with _as_live(evidence, above=PROOF):
        projector = Projector(evidence.installation.projecting, evidence.installation.store.codec, ALL)
        try:
            while projector.page().events:
                pass
            with evidence.connected() as connection:
                for projection in ALL:
                    checked.examined += 1
                    live, built = (digest_of(connection, projection, live=each) for each in (True, False))
                    if live != built:
                        checked.fault(f"{projection.name}: {_difference(evidence, projection)}")
        finally:
            _forget(evidence)
    return checked


def steps(evidence: Evidence) -> Checked:
    """Every household's chain shows each of its events, and each once."""
    checked = Checked()
    ((checked.examined,),) = evidence.rows("SELECT count(*) FROM read_chain.step")
    for household, steps, events in evidence.rows(_STEPS):
        checked.fault(f"household {household}: {steps} steps of {events} events")
    return checked


def looks(evidence: Evidence) -> Checked:
    """Every answered read is on record, by who read it, for every household it showed."""
    checked = Checked()
    recorded = set(evidence.rows("SELECT actor, subject FROM es_access"))
    for seen in evidence.told.seen:
        for subject in seen.subjects:
            checked.examined += 1
            if (seen.officer, subject) not in recorded:
                checked.fault(f"{seen.officer} saw {seen.what} of {subject}: not on record")
    return checked


def imports(evidence: Evidence) -> Checked:
    """Every row of every register became one household, once; no household came in by no row."""
    checked = Checked()
    wanted = {household: command for each in evidence.registers for household, command in zip(
        each.households, each.commands, strict=True)}  # fmt: skip
    begun = Counter(stream for _, stream in evidence.rows(_IMPORTED))
    done = Counter(id for (id,) in evidence.rows("SELECT command_id FROM es_command"))
    registered = Counter(
        stream
        for (stream,) in evidence.rows("SELECT stream_id FROM es_event WHERE name = 'household.registered.1'")
    )
    for household, command in wanted.items():
        checked.examined += 1
        found = (begun[household], registered[household], done[command])
        if found != (1, 1, 1):
            checked.fault(
                f"household {household}: begun {found[0]}, registered {found[1]}, imported {found[2]} times"
            )
    for household in sorted(begun.keys() - wanted.keys(), key=str):
        checked.fault(f"household {household}: imported, and in no register")
    return checked


@contextmanager
def _as_live(evidence: Evidence, above: int = 0) -> Iterator[None]:
    """This process is of the release whose read models are live, or of one so many versions above."""
    live = dict(evidence.rows("SELECT projection, version FROM read_model WHERE live"))
    before = {projection: projection.version for projection in ALL}
    try:
        for projection in ALL:
            projection.version = live.get(projection.name, projection.version) + above
        yield
    finally:
        for projection, version in before.items():
            projection.version = version


def _difference(evidence: Evidence, projection: type[Projection]) -> str:
    """In which tables and lanes the live rows are not those built anew."""
    told = []
    for table in projection.tables:
        columns = sql.SQL(", ").join(sql.Identifier(column) for column in sorted(table.columns))
        query = sql.SQL("SELECT lane, row({})::text FROM {}")
        live, built = (
            query.format(columns, sql.Identifier(schema_of(projection, live=each), table.name))
            for each in (True, False)
        )
        count = sql.SQL("SELECT count(*), min(lane), max(lane) FROM (({}) EXCEPT ALL ({})) d")
        with evidence.connected() as connection:
            for words, one, other in (("too many", live, built), ("missing", built, live)):
                ((rows, first, last),) = connection.execute(count.format(one, other)).fetchall()
                if rows:
                    told.append(f"{rows} rows of {table.name} {words} (lanes {first} to {last})")
    return ", ".join(told)


def _forget(evidence: Evidence) -> None:
    """Clear away what was built for the proof."""
    with evidence.connected() as connection:
        for table in ("read_parked", "read_checkpoint", "read_model"):
            connection.execute(f"DELETE FROM {table} WHERE version >= %s".encode(), (PROOF,))
        for projection in ALL:
            name = sql.Identifier(schema_of(projection, live=False))
            connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(name))
