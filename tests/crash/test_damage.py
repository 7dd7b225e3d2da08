"""Every check of the crash driver names the damage it is there for: planted behind the system's back, as superuser."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid5

import psycopg
import pytest

from application.register.checking import check, villages_of
from application.register.importing import import_register
from application.register.reading import read_register
from bootstrap.wiring import Installation, adopt, migrated, opened, today
from eventstore.access_records import Access, access_log
from eventstore.postgres.pools import open_pool
from eventstore.sealing.seals import Sealer
from eventstore.sealing.signing import SealKeys
from eventstore.sealing.witness import FileWitness
from projections.registry import ALL
from tests.crash.checks import CHECKS, all_checked
from tests.crash.entrances import CLIENTS, HandlerDoor, answer_of
from tests.crash.evidence import Checked, Evidence
from tests.crash.journal import Asked, Journal, Seen, Told, read_journals
from tests.crash.site import Register, registers_in
from tests.crash.walks import Walker
from tests.database import Databases, TestServer
from tests.installations import addresses_of

WALKS = 25
REFUSED = uuid5(CLIENTS, "refused")


@dataclass(frozen=True)
class Finished:
    """A small installation in which everything was done and nothing is wrong."""

    databases: Databases
    keys: Path
    witness: Path
    told: Told
    registers: Sequence[Register]

    @contextmanager
    def opened(self) -> Iterator[Installation]:
        with opened(addresses_of(self.databases), self.keys, pool_size=4) as installation:
            yield installation

    def found(self, *names: str) -> dict[str, Checked]:
        """What these checks, or all, find now, by a program that remembers nothing."""
        with self.opened() as installation:
            handler = installation.handler
            again = {"handler": lambda asked: answer_of(handler.handle(asked.request))}
            evidence = Evidence(installation, self.keys, self.witness, self.told, self.registers, again)
            if not names:
                return all_checked(evidence)
            return {name: CHECKS[name](evidence) for name in names}

    @contextmanager
    def damaged(self, statements: Sequence[str]) -> Iterator[None]:
        """With these statements carried out on every table they name; as before on the way out."""
        text = " ".join(statements)
        with ExitStack() as stack:
            for uri in (self.databases.store, self.databases.keys):
                connection = stack.enter_context(psycopg.connect(uri, autocommit=True))
                touched = [table for table in _tables(connection) if re.search(rf"\b{table}\b", text)]
                kept = {table: "kept_" + table.replace(".", "_") for table in touched}
                for table, copy in kept.items():
                    connection.execute(f"CREATE TABLE {copy} AS TABLE {table}".encode())
                    stack.callback(_restore, uri, table, copy)
                if touched:
                    for statement in statements:
                        changed = connection.execute(statement.encode()).rowcount
                        assert changed, f"nothing was damaged: {statement}"
                connection.close()
            yield


def _tables(connection: psycopg.Connection) -> list[str]:
    rows = connection.execute(
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname = 'public' OR schemaname LIKE 'read_%'"
    ).fetchall()
    return [table if schema == "public" else f"{schema}.{table}" for schema, table in rows]


def _restore(uri: str, table: str, copy: str) -> None:
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f"TRUNCATE {table}".encode())
        connection.execute(f"INSERT INTO {table} SELECT * FROM {copy}".encode())
        connection.execute(f"DROP TABLE {copy}".encode())


@pytest.fixture(scope="module")
def finished(server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    directory = tmp_path_factory.mktemp("finished")
    with server.databases() as databases:
        where, keys = addresses_of(databases), directory / "keys"
        migrated(where)
        adopt(where, keys, today())
        with opened(where, keys, pool_size=4) as installation:
            journal, stop = Journal(directory / "journal" / "handler-0.jsonl"), threading.Event()
            door = HandlerDoor(installation.commands, installation.households, journal, "damage")
            walker = Walker(door, installation.reference, "damage", today(), stop, 0)
            for _ in range(WALKS):
                walker.walk()
            home = walker.homes[0].id
            access_log(installation.pool)([Access(home, "reader-1", None, "case-handling", ("card",))])
            journal.saw(Seen("reader-1", "card", (home,)))
            journal.close()
            registers = registers_in(directory, 1, 12)
            rows = read_register(registers[0].workbook)
            good = check(rows, villages_of(installation.reference.regions), today())
            assert len(list(import_register(installation.handler, good, "import"))) == 12
            installation.caught_up()
        witness = directory / "witness"
        witness.mkdir()
        with open_pool(where.sealer, size=1) as pool:
            assert Sealer(pool, SealKeys(keys), FileWitness(witness)).run_once().sealed
        told = read_journals(directory / "journal")
        # one that was refused: it has no business in the store
        told.asked[REFUSED] = next(iter(told.asked.values()))
        told.refused[REFUSED] = "not-allowed"
        yield Finished(databases, keys, witness, told, registers)


_MID = (
    "(lane, position) = (SELECT lane, min(position) + 1 FROM es_event"
    " WHERE version = 1 AND name LIKE 'household.%' GROUP BY lane ORDER BY lane LIMIT 1)"
)
_STREAM = (
    "stream_id = (SELECT stream_id FROM es_stream WHERE category = 'household' AND version > 4"
    " ORDER BY stream_id LIMIT 1)"
)
_NEXT = f"""
INSERT INTO es_event SELECT e.lane, l.position + 1, e.stream_id, s.version + 1, {{}}, e.name, e.effective_on,
    s.last_recorded_at, e.meta, e.data, e.private, e.digest
FROM es_event e JOIN es_lane l USING (lane) JOIN es_stream s USING (lane, stream_id)
WHERE e.{_STREAM} AND e.version = 1
"""
_COUNTED = (
    f"UPDATE es_lane SET position = position + 1 WHERE lane = (SELECT lane FROM es_stream WHERE {_STREAM})",
    f"UPDATE es_stream SET version = version + 1 WHERE {_STREAM}",
)
_CLAIM = "key = (SELECT key FROM es_claim ORDER BY key LIMIT 1)"
_ENTRY = "(lane, blind, owner) = (SELECT lane, blind, owner FROM es_index WHERE kind = '{}' ORDER BY blind LIMIT 1)"
_ROW = "command_id = (SELECT command_id FROM es_command WHERE result IS NULL ORDER BY command_id LIMIT 1)"
_IMPORTED = (
    "stream_id = (SELECT stream_id FROM es_event WHERE version = 1 AND convert_from(meta, 'UTF8') LIKE"
    " '%enter-from-register%' ORDER BY stream_id LIMIT 1)"
)
_POSITION = "lane = (SELECT min(lane) FROM es_lane WHERE position > 2)"

DAMAGES: Sequence[tuple[str, str, tuple[str, ...]]] = (
    ("acknowledged", "and lost", ("DELETE FROM es_command",)),
    ("acknowledged", "position was answered", ("UPDATE es_command SET versions[1] = 1 WHERE versions[1] > 1",)),
    ("acknowledged", "recordedAt was answered", ("UPDATE es_event SET recorded_at = recorded_at + interval '1 s'",)),
    (
        "acknowledged",
        "refused (not-allowed), and yet carried out",
        (
            f"INSERT INTO es_command SELECT lane, '{REFUSED}', request_hash, streams, versions, result,"
            f" recorded_at FROM es_command WHERE {_ROW}",
        ),
    ),
    ("commands", "no command made this event", (f"DELETE FROM es_command WHERE {_ROW}",)),
    ("commands", "no command made this event", (_NEXT.format("gen_random_uuid()"), *_COUNTED)),
    ("commands", "is there twice", (_NEXT.format("e.event_id"), *_COUNTED)),
    ("commands", "its events are", (f"DELETE FROM es_event WHERE {_MID}",)),
    ("commands", "carried out in more than one lane", (
        "INSERT INTO es_command SELECT (lane + 1) % 256, command_id, request_hash, streams, versions, result,"
        f" recorded_at FROM es_command WHERE {_ROW}",
    )),
    ("commands", "does not say so", (
        "UPDATE es_command SET streams = streams[1:1], versions = versions[1:1] WHERE cardinality(streams) > 1",
    )),
    ("asked-again", "refused (changed-command)", ("UPDATE es_command SET request_hash = '\\x00'",)),
    ("lanes", "but", (f"UPDATE es_lane SET position = position + 1 WHERE {_POSITION}",)),
    ("lanes", "but", (f"DELETE FROM es_event WHERE {_MID}",)),
    ("lanes", "belongs in another lane", (f"UPDATE es_event SET lane = (lane + 1) % 256, position = -1 WHERE {_MID}",)),
    ("lanes", "but", (f"UPDATE es_event SET position = position + 1000000 WHERE {_MID}",)),
    ("streams", "but", (f"UPDATE es_stream SET version = version + 1 WHERE {_STREAM}",)),
    ("streams", "but", (f"DELETE FROM es_event WHERE {_STREAM} AND version = 3",)),
    ("streams", "at version None", (f"DELETE FROM es_stream WHERE {_STREAM}",)),
    ("streams", "stands before the version before it", (
        f"UPDATE es_event SET version = -version WHERE {_STREAM} AND version IN (2, 3)",
        f"UPDATE es_event SET version = 5 + version WHERE {_STREAM} AND version IN (-2, -3)",
    )),
    ("times", "recorded before", (
        f"UPDATE es_event SET recorded_at = recorded_at - interval '1 day' WHERE {_STREAM} AND version = 3",
    )),
    ("times", "its last time", (f"UPDATE es_stream SET last_recorded_at = now() WHERE {_STREAM}",)),
    *(
        ("digests", "of something else", (f"UPDATE es_event SET {change} WHERE {_STREAM} AND version = 2",))
        for change in (
            "data = data || '\\x20'",
            "meta = meta || '\\x20'",
            "private = private || '\\x20'",
            "effective_on = effective_on + 1",
            "name = 'household.member-joined.1'",
            "event_id = gen_random_uuid()",
            "version = 1000",
        )
    ),
    *(
        ("seals", words, (statement,))
        for words, statement in (
            ("digest", f"UPDATE es_event SET data = data || '\\x20' WHERE {_MID}"),
            ("position", f"DELETE FROM es_event WHERE {_MID}"),
            ("", f"UPDATE es_event SET recorded_at = recorded_at - interval '1 s' WHERE {_MID}"),
            ("", "UPDATE es_seal SET root = digest FROM es_event e WHERE es_seal.lane = e.lane AND es_seal.size > 2"),
            ("", "DELETE FROM es_checkpoint"),
        )
    ),
    ("claims", "no claim, by the events", (f"DELETE FROM es_claim WHERE {_CLAIM}",)),
    ("claims", "claimed as", (f"UPDATE es_claim SET holder = key WHERE {_CLAIM}",)),
    ("claims", "claimed as", (f"UPDATE es_claim SET valid_from = valid_from - 1 WHERE {_CLAIM}",)),
    ("claims", "by the events None", (
        "INSERT INTO es_claim SELECT lane, kind, holder, holder, valid_from, valid_to FROM es_claim"
        f" WHERE {_CLAIM}",
    )),
    *(
        ("index", f"{kind} of", (f"DELETE FROM es_index WHERE {_ENTRY.format(kind)}",))
        for kind in ("id-number", "name", "phone", "account")
    ),
    ("index", "found by something no event says", (
        f"UPDATE es_index SET owner = gen_random_uuid() WHERE {_ENTRY.format('id-number')}",
    )),
    ("sealed", "does not open", ("DELETE FROM key_data WHERE owner = (SELECT min(owner::text)::uuid FROM key_data)",)),
    ("looks", "reader-1 saw card of", ("DELETE FROM es_access WHERE actor = 'reader-1'",)),
    ("imports", "imported 0 times", (
        "DELETE FROM es_command WHERE streams[1] = (SELECT stream_id FROM es_event WHERE"
        f" {_IMPORTED} LIMIT 1)",
    )),
    ("imports", "and in no register", (
        f"UPDATE es_event SET stream_id = '00000000-0000-5000-8000-000000000001' WHERE {_IMPORTED}",
    )),
    ("checkpoints", "the head is", (
        "UPDATE read_checkpoint SET position = position + 1 WHERE projection = 'card' AND lane = 7",
    )),
    ("checkpoints", "has 255 checkpoints", ("DELETE FROM read_checkpoint WHERE projection = 'card' AND lane = 7",)),
    ("checkpoints", "parked from", (
        "INSERT INTO read_parked (lane, projection, version, household, position, error)"
        " SELECT lane, 'card', 1, stream_id, 1, 'why' FROM es_stream LIMIT 1",
    )),
    ("steps", "steps of", ("DELETE FROM read_chain.step WHERE version = 2",)),
)  # fmt: skip


def test_nothing_is_wrong_before_anything_is_damaged_and_every_check_looks_at_something(
    finished: Finished,
) -> None:
    found = finished.found()
    assert {name: each.faults for name, each in found.items() if each.faults} == {}
    assert {name for name, each in found.items() if not each.examined} == set()
    joint = {"split-household", "join-household", "move-member"}
    assert {finished.told.asked[id].do for id in finished.told.answered} > joint


@pytest.mark.parametrize(("name", "words", "statements"), DAMAGES, ids=lambda each: None)
def test_a_check_names_the_damage_it_is_there_for(
    finished: Finished, name: str, words: str, statements: tuple[str, ...]
) -> None:
    with finished.damaged(statements):
        told = finished.found(name)[name].faults
    assert any(words in each for each in told), told


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DELETE FROM {0} WHERE ctid = (SELECT min(ctid) FROM {0})", "missing"),
        ("UPDATE {0} SET lane = (lane + 1) % 256 WHERE ctid = (SELECT min(ctid) FROM {0})", "too many"),
    ],
    ids=["too few", "too many"],
)
def test_a_row_too_few_or_too_many_in_any_read_model_is_named(
    finished: Finished, statement: str, words: str
) -> None:
    tables = []
    with psycopg.connect(finished.databases.store) as connection:
        for projection in ALL:
            own = (f"read_{projection.name}.{table.name}" for table in projection.tables)
            tables.append(
                next(t for t in own if connection.execute(f"SELECT FROM {t} LIMIT 1".encode()).rowcount)
            )
    with finished.damaged([statement.format(table) for table in tables]):
        told = finished.found("projections")["projections"].faults
    assert {each.partition(":")[0] for each in told if words in each} == {each.name for each in ALL}


def test_after_all_that_nothing_is_wrong_again(finished: Finished) -> None:
    assert {name: each.faults for name, each in finished.found().items() if each.faults} == {}


def test_the_journal_of_a_killed_client_reads_up_to_the_line_it_was_killed_over(tmp_path: Path) -> None:
    path = tmp_path / "handler-0.jsonl"
    journal = Journal(path)
    journal.saw(Seen("a", "card", (UUID(int=1),)))
    journal.close()
    with path.open("ab") as cut:
        cut.write(b'{"k": "saw", "offi')
    again = Journal(path)
    again.saw(Seen("b", "card", (UUID(int=2),)))
    again.close()
    assert [seen.officer for seen in read_journals(tmp_path).seen] == ["a", "b"]


def test_what_one_client_was_killed_over_another_may_be_answered(tmp_path: Path) -> None:
    asked = Asked(
        uuid5(CLIENTS, "one"), "handler", "raise-alert", {"on": "2026-07-01"}, "w1", "990801/township"
    )
    killed, heir = Journal(tmp_path / "handler-1.jsonl"), Journal(tmp_path / "handler-0.jsonl")
    killed.asks(asked)
    heir.answered(asked.id, {"news": True})
    killed.close()
    heir.close()
    told = read_journals(tmp_path)
    assert list(told.acknowledged()) == [(asked, {"news": True})]
    assert list(told.open()) == []
