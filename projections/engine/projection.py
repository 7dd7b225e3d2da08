"""Projections (读模型): what each is, and the facts it is handed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import msgspec

from domain.message import Event
from eventstore.envelope import Meta
from projections.engine.rows import Rows, Table

_meta = msgspec.json.Decoder(Meta).decode


class Fact:
    """One recorded event of a household, decoded once for all projections of a page.

    `opened` and `closed` are what the event itself says of deadlines. Sealed values carry tokens only.
    """

    __slots__ = (
        "closed",
        "event",
        "household",
        "lane",
        "name",
        "opened",
        "position",
        "raw_meta",
        "recorded_at",
        "version",
    )

    def __init__(
        self,
        lane: int,
        position: int,
        household: UUID,
        version: int,
        name: str,
        recorded_at: datetime,
        raw_meta: bytes,
        event: Event,
    ) -> None:
        self.lane = lane
        self.position = position
        self.household = household
        self.version = version
        self.name = name
        self.recorded_at = recorded_at
        self.raw_meta = raw_meta
        self.event = event
        self.opened = event.opens()
        self.closed = event.closes()

    @property
    def meta(self) -> Meta:
        """Who entered it; decoded at each asking."""
        return _meta(self.raw_meta)


class Projection(ABC):
    """A read model: its tables, and what each event changes in them.

    An object lives for one page: the engine loads the old rows that `reads` names, hands over the facts in
    order, and writes what changed. Rows of several households never depend on one another, so lanes can be
    projected in any order. `version` goes up with every change of tables or handlers: the engine then builds
    the new one beside the old.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    wants: ClassVar[frozenset[type[Event]] | None] = None
    """The events it is handed; None is every event of a household."""
    tables: ClassVar[tuple[Table[Any], ...]]

    @abstractmethod
    def on(self, fact: Fact) -> None:
        """Change the rows as this fact says."""

    def rows(self) -> dict[Table[Any], Rows[Any]]:
        """This page's rows, by table."""
        found = {rows.table: rows for rows in vars(self).values() if isinstance(rows, Rows)}
        assert len(found) == len(self.tables)
        return found
