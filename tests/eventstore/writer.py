"""A writing process of its own, to be raced and killed: `python -m tests.eventstore.writer MODE APP KEYS …`."""

from __future__ import annotations

import json
import os
import sys
import threading
from itertools import count
from pathlib import Path
from random import Random
from uuid import UUID

from eventstore.access_records import access_log
from eventstore.appending.append_types import Appended
from eventstore.errors import VersionConflict
from eventstore.events.codec import Codec
from eventstore.keys.keys import KeyRing
from eventstore.postgres.pools import open_pool
from eventstore.store import LaneStore
from tests.eventstore.samples import CATALOGUE
from tests.eventstore.stores import OPENED, append, command, paid, stream

STREAMS = 40
"""So few that writers meet."""


def say(line: str) -> None:
    """One write a line, so that threads do not interleave and a kill cuts none in two."""
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


def said(answer: Appended) -> str:
    assert answer.recorded_at is not None
    facts = [answer.versions, answer.positions, answer.recorded_at.isoformat(), answer.repeated]
    return json.dumps(facts)


def same(store: LaneStore, _: int) -> None:
    """One command, sent once: every process sends the same."""
    say(said(append(store, command("same"), stream("same"), 0, [OPENED, paid(), paid()])))


def many(store: LaneStore, seed: int, end: int | None = None) -> None:
    """Commands of one to three events to whichever household, each printed when it is acknowledged."""
    random = Random(seed)
    for n in count() if end is None else range(end):
        name = f"{seed}/{n}"
        events = [paid(k) for k in range(random.randint(1, 3))]
        while True:
            home = stream(random.randrange(STREAMS))
            try:
                answer = append(store, command(name), home, store.load(home).version, events)
            except VersionConflict:
                continue
            say(json.dumps([name, str(home), answer.versions[0], len(events)]))
            break


def main() -> None:
    mode, app, keyring, directory, threads, seed, end = sys.argv[1:8]
    pool, key_pool = open_pool(app, size=int(threads)), open_pool(keyring)
    store = LaneStore(
        pool, Codec(CATALOGUE), KeyRing.in_directory(key_pool, Path(directory), access=access_log(pool))
    )
    store.load(UUID(int=0))
    say("ready")
    sys.stdin.readline()
    works = [
        threading.Thread(
            target=(lambda n: same(store, n))
            if mode == "same"
            else (lambda n: many(store, n, int(end) or None)),
            args=(int(seed) * 100 + n,),
        )
        for n in range(int(threads))
    ]
    for work in works:
        work.start()
    for work in works:
        work.join()
    pool.close()
    key_pool.close()


if __name__ == "__main__":
    main()
