"""Attachments stay sealed, bound to their owner and unchanged; numbers are never given twice."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid5

import psycopg
import pytest

from eventstore.access_records import access_log
from eventstore.attachments import (
    LARGEST,
    AttachmentChanged,
    AttachmentDamaged,
    Attachments,
    AttachmentTooLarge,
    AttachmentUnknown,
    Look,
    Numbers,
)
from eventstore.errors import OwnerErased
from eventstore.lanes import lane_of
from eventstore.postgres.pools import open_pool
from eventstore.store import LaneStore
from tests.database import Databases
from tests.eventstore.stores import stream

Owner = psycopg.Connection[tuple[object, ...]]
FAMILY, OTHER = stream("family"), stream("other")
PHOTO = uuid5(FAMILY, "photo")
LOOK = Look("w1", "case-handling", FAMILY, "990101/township")
TAKE = """
import sys
from uuid import UUID, uuid5
from eventstore.attachments import Numbers
from eventstore.postgres.pools import open_pool
with open_pool(sys.argv[1], size=2) as pool:
    numbers = Numbers(pool)
    for n in range(int(sys.argv[3])):
        print(numbers.take("990101/township", 2026, "acceptance-notice", uuid5(UUID(sys.argv[2]), str(n))))
"""


@pytest.fixture
def attachments(store: LaneStore, databases: Databases) -> Iterator[Attachments]:
    with open_pool(databases.app, size=4) as pool:
        yield Attachments(pool, store.keys, access_log(pool))


@pytest.fixture
def numbers(databases: Databases) -> Iterator[Numbers]:
    with open_pool(databases.app, size=8) as pool:
        yield Numbers(pool)


def test_what_was_put_is_got_back_and_lies_sealed(attachments: Attachments, owner: Owner) -> None:
    said = "住院费用 20000 元".encode() * 1000
    stored = attachments.put(PHOTO, FAMILY, "photo", "image/jpeg", said)
    assert attachments.get(PHOTO, LOOK).data == said
    row = owner.execute("SELECT lane, owner, kind, media, sealed, sha256 FROM es_attachment").fetchone()
    assert row is not None
    assert row[:4] == (lane_of(PHOTO), FAMILY, "photo", "image/jpeg")
    sealed = bytes(row[4])  # type: ignore[call-overload]
    assert said[:40] not in sealed
    assert stored.sha256 == sha256(sealed).hexdigest() == bytes(row[5]).hex()  # type: ignore[call-overload]
    assert stored.size == len(sealed)
    assert attachments.about(PHOTO) == stored


def test_a_retry_is_answered_with_what_was_stored_first(attachments: Attachments, owner: Owner) -> None:
    first = attachments.put(PHOTO, FAMILY, "photo", "image/jpeg", b"one")
    assert attachments.put(PHOTO, FAMILY, "photo", "image/jpeg", b"one") == first
    assert owner.execute("SELECT count(*) FROM es_attachment").fetchone() == (1,)


@pytest.mark.parametrize(
    ("whose", "kind", "data"), [(FAMILY, "photo", b"two"), (OTHER, "photo", b"one"), (FAMILY, "scan", b"one")]
)
def test_an_id_is_never_used_for_something_else(
    attachments: Attachments, whose: UUID, kind: str, data: bytes
) -> None:
    attachments.put(PHOTO, FAMILY, "photo", "image/jpeg", b"one")
    with pytest.raises(AttachmentChanged):
        attachments.put(PHOTO, whose, kind, "image/jpeg", data)
    assert attachments.get(PHOTO, LOOK).data == b"one"


def test_ten_mebibytes_fit_and_one_byte_more_does_not(attachments: Attachments) -> None:
    attachments.put(PHOTO, FAMILY, "photo", "image/jpeg", bytes(LARGEST))
    with pytest.raises(AttachmentTooLarge):
        attachments.put(uuid5(FAMILY, "larger"), FAMILY, "photo", "image/jpeg", bytes(LARGEST + 1))


def test_every_look_is_on_record_before_the_answer(attachments: Attachments, owner: Owner) -> None:
    attachments.put(PHOTO, FAMILY, "photo", "image/jpeg", b"one")
    assert owner.execute("SELECT count(*) FROM es_access").fetchone() == (0,)
    attachments.get(PHOTO, LOOK)
    row = owner.execute("SELECT lane, subject, actor, organ, purpose, fields FROM es_access").fetchone()
    assert row == (
        lane_of(FAMILY),
        FAMILY,
        "w1",
        "990101/township",
        "case-handling",
        ["attachment:photo"],
    )


def test_a_look_that_cannot_be_recorded_shows_nothing(store: LaneStore, databases: Databases) -> None:
    def full(_: object) -> None:
        raise psycopg.OperationalError("disk full")

    with open_pool(databases.app, size=1) as pool:
        attachments = Attachments(pool, store.keys, full)
        attachments.put(PHOTO, FAMILY, "photo", "image/jpeg", b"one")
        with pytest.raises(psycopg.OperationalError):
            attachments.get(PHOTO, LOOK)


def test_an_erased_owner_is_an_erased_answer(attachments: Attachments, store: LaneStore) -> None:
    stored = attachments.put(PHOTO, FAMILY, "photo", "image/jpeg", b"one")
    store.erase(FAMILY)
    answer = attachments.get(PHOTO, LOOK)
    assert (answer.data, answer.erased, answer.stored) == (None, True, stored)
    with pytest.raises(OwnerErased):
        attachments.put(uuid5(FAMILY, "next"), FAMILY, "photo", "image/jpeg", b"two")


def test_an_unknown_attachment_is_said_to_be_unknown(attachments: Attachments) -> None:
    for ask in (lambda: attachments.get(PHOTO, LOOK), lambda: attachments.about(PHOTO)):
        with pytest.raises(AttachmentUnknown):
            ask()


def test_bytes_that_were_tampered_with_are_not_shown(attachments: Attachments, owner: Owner) -> None:
    attachments.put(PHOTO, FAMILY, "photo", "image/jpeg", b"one")
    with pytest.raises(psycopg.errors.CheckViolation):
        owner.execute("UPDATE es_attachment SET sealed = set_byte(sealed, 20, 255 - get_byte(sealed, 20))")
    owner.execute("ALTER TABLE es_attachment DROP CONSTRAINT es_attachment_check")
    owner.execute("UPDATE es_attachment SET sealed = set_byte(sealed, 20, 255 - get_byte(sealed, 20))")
    with pytest.raises(AttachmentDamaged):
        attachments.get(PHOTO, LOOK)


def test_nobody_but_the_functions_touches_the_tables(databases: Databases) -> None:
    for address in (databases.app, databases.reader, databases.sealer):
        for table in ("es_attachment", "es_counter", "es_number"):
            for said in (f"SELECT FROM {table}", f"DELETE FROM {table}", f"UPDATE {table} SET lane = 1"):
                with (
                    psycopg.connect(address) as connection,
                    pytest.raises(psycopg.errors.InsufficientPrivilege),
                ):
                    connection.execute(said.encode())


def test_series_of_organs_years_and_kinds_each_begin_with_one(numbers: Numbers) -> None:
    asked = [
        ("990101/township", 2026, "acceptance-notice"),
        ("990101/township", 2026, "refusal-decision"),
        ("990101/township", 2027, "acceptance-notice"),
        ("990102/township", 2026, "acceptance-notice"),
    ]
    for n in (1, 2):
        for series in asked:
            assert numbers.take(*series, uuid5(FAMILY, f"{series}/{n}")) == n


def test_the_same_taker_gets_the_same_number_also_at_the_same_moment(numbers: Numbers) -> None:
    def take(taker: int) -> int:
        return numbers.take("990101/township", 2026, "acceptance-notice", uuid5(FAMILY, str(taker)))

    takers = [n % 5 for n in range(40)]
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(take, takers))
    by_taker = {taker: {n for t, n in zip(takers, got, strict=True) if t == taker} for taker in range(5)}
    assert all(len(each) == 1 for each in by_taker.values())
    assert len(set(got)) == 5


def test_processes_at_once_never_get_the_same_number(databases: Databases) -> None:
    root = Path(__file__).resolve().parents[2]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", TAKE, databases.app, str(stream(f"taker {n}")), "50"],
            cwd=root,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(root)},
        )
        for n in range(3)
    ]
    got = [int(line) for process in running for line in process.communicate(timeout=60)[0].split()]
    assert sorted(got) == list(range(1, 151))
