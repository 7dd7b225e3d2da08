"""The sealer worker: what is appended is sealed and witnessed before long; a refusal does not end it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import psycopg
from structlog.testing import capture_logs

from eventstore.postgres.pools import open_pool
from eventstore.sealing.checkpoint import Checkpoint
from eventstore.sealing.seals import Sealer, newest
from eventstore.sealing.signing import SealKeys
from eventstore.sealing.witness import FileWitness
from tests.database import Databases
from tests.eventstore.sealing.filling import fill
from workers import sealer


def until(databases: Databases, holds: Callable[[Checkpoint | None], bool]) -> None:
    pause = Event()
    with psycopg.connect(databases.app, autocommit=True) as connection:
        while not holds(newest(connection)):
            pause.wait(0.02)


def test_it_seals_what_comes_and_goes_on_after_a_refusal(databases: Databases, tmp_path: Path) -> None:
    (tmp_path / "witness").mkdir()
    witness, stop = FileWitness(tmp_path / "witness"), Event()
    fill(databases.store, 100, lane=7)
    with open_pool(databases.sealer, size=2) as pool, capture_logs() as logs:
        worker = Thread(
            target=sealer.run, args=(Sealer(pool, SealKeys(tmp_path / "keys"), witness), stop, 0.05)
        )
        worker.start()
        try:
            until(databases, lambda last: last is not None and last.number == 1)
            with psycopg.connect(databases.store, autocommit=True) as superuser:
                superuser.execute("UPDATE es_seal SET root = sha256(root) WHERE lane = 7")
                while not any(entry["event"] == "not sealed" for entry in logs):
                    stop.wait(0.02)
                superuser.execute(
                    "UPDATE es_seal SET root = (SELECT roots[8] FROM es_checkpoint) WHERE lane = 7"
                )
            fill(databases.store, 100, 2, lane=7)
            until(databases, lambda last: last is not None and last.number == 2)
        finally:
            stop.set()
            worker.join(timeout=20)
        assert not worker.is_alive()
    refused = [entry for entry in logs if entry["event"] == "not sealed"]
    assert [entry["code"] for entry in refused] == ["seal-tampered"]
    assert [entry["checkpoint"] for entry in logs if entry["event"] == "sealed"] == [1, 2]
    last = witness.newest()
    assert last is not None
    assert (last.number, last.sizes[7]) == (2, 200)
