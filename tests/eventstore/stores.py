"""What the store's tests say over and over: open a store, make a command, append."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid5

from domain.household.event import Event
from domain.values.money import Fen
from domain.values.month import Month
from eventstore.access_records import access_log
from eventstore.appending.append_types import (
    NO_CLAIMS,
    Appended,
    ClaimChanges,
    CommandKey,
    IndexEntry,
    StreamAppend,
)
from eventstore.events.codec import Codec
from eventstore.events.envelope import Meta, enclose
from eventstore.keys.keys import KeyRing
from eventstore.postgres.pools import open_pool
from eventstore.store import LaneStore
from tests.database import Databases
from tests.eventstore.samples import CATALOGUE, Opened, Paid

ROOM = UUID("5b1c5b2a-7a0c-5d3c-9d0e-0a3f4c2b1d00")
META = Meta(actor="w1", organ="990101/township", region="990101001", command="Try")
OPENED = Opened(date(2026, 3, 2), "990101001")


@contextmanager
def opened(
    databases: Databases, keys: Path, *, size: int = 16, fresh_for: float = 30.0
) -> Iterator[LaneStore]:
    """A store with keys in a directory, closed afterwards."""
    with open_pool(databases.app, size=size) as pool, open_pool(databases.keyring) as key_pool:
        ring = KeyRing.in_directory(key_pool, keys, access=access_log(pool), fresh_for=fresh_for)
        yield LaneStore(pool, Codec(CATALOGUE), ring)


def stream(n: int | str, lane: int | None = None) -> UUID:
    """A made-up stream, in a lane of choice."""
    made = uuid5(ROOM, str(n))
    return made if lane is None else UUID(int=made.int >> 8 << 8 | lane)


def command(n: int | str, content: str = "") -> CommandKey:
    """A made-up command and the hash of what it asks."""
    return CommandKey(uuid5(ROOM, f"command {n}"), sha256(content.encode()).digest())


def paid(n: int = 1) -> Paid:
    return Paid(date(2026, 3, 5), Month(2026, 3), Fen(n))


def append(
    store: LaneStore,
    key: CommandKey,
    to: UUID,
    expected: int,
    events: Sequence[Event],
    *,
    claims: ClaimChanges = NO_CLAIMS,
    index: Sequence[IndexEntry] = (),
    at: datetime | None = None,
    closes: bool = False,
    result: bytes | None = None,
) -> Appended:
    """Append events to one household's stream."""
    part = StreamAppend(to, "household", expected, enclose(key.id, to, expected, events, META), closes)
    return store.append(key, [part], claims, index, at, result)
