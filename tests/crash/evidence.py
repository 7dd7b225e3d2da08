"""Evidence (证据): what a check is given, and what it answers: how much it looked at, and every fault, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from bootstrap.wiring import Installation
from domain.household.replay import follow
from domain.household.state import Household
from domain.values.person import HouseholdId
from eventstore.events.recorded import Recorded
from eventstore.lanes import LANES
from tests.crash.journal import Asked, Fields, Told
from tests.crash.site import Register

MOST_TOLD = 20
"""Of one kind of damage so many faults are told."""


@dataclass
class Evidence:
    """An installation at rest, what its clients noted, and the registers that were imported to their end.

    `keys` is its key directory, `witness` where its checkpoints were handed over. `again` sends a command once
    more through the door it went through and answers what is told.
    """

    installation: Installation
    keys: Path
    witness: Path
    told: Told
    registers: Sequence[Register] = ()
    again: Mapping[str, Callable[[Asked], Fields | None]] = field(default_factory=dict)
    seed: int = 0

    @contextmanager
    def connected(self) -> Iterator[psycopg.Connection[Any]]:
        """The store as its superuser sees it."""
        with psycopg.connect(self.installation.addresses.store_owner, autocommit=True) as connection:
            yield connection

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What the store answers its superuser."""
        with self.connected() as connection:
            return connection.execute(query.encode(), parameters or None).fetchall()

    def events(self) -> Iterator[Recorded]:
        """Every event of the store, lane by lane, in the order of positions; whatever the heads say."""
        for lane in range(LANES):
            yield from self.installation.store.read(lane, -1, 1 << 40)

    def streams(self) -> Iterator[tuple[UUID, list[Recorded]]]:
        """The events of every household, in the order of versions."""
        for lane in range(LANES):
            found: dict[UUID, list[Recorded]] = {}
            for row in self.installation.store.read(lane, -1, 1 << 40):
                if row.name.startswith("household."):
                    found.setdefault(row.originator_id, []).append(row)
            for stream, rows in found.items():
                yield stream, sorted(rows, key=lambda row: row.originator_version)


class Checked:
    """What a check found: `examined` things, and faults."""

    def __init__(self) -> None:
        self.examined = 0
        self.faults: list[str] = []
        self.more = 0

    def fault(self, what: str) -> None:
        """Tell one fault; beyond `MOST_TOLD` they are only counted."""
        if len(self.faults) < MOST_TOLD:
            self.faults.append(what)
        else:
            self.more += 1

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong; a check that looked at nothing proves nothing, and says so itself."""
        return not self.faults


Check = Callable[[Evidence], Checked]


def folded(stream: UUID, rows: Sequence[Recorded]) -> Household:
    """The household these events make."""
    household = Household(HouseholdId(stream))
    for row in rows:
        household = follow(household, row.event)
    return household
