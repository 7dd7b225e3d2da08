"""Projections (读模型): what each is, and the facts it is handed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID

from domain.household.event import Event
from domain.household.notions import Notion
from projections.engine.fact import Fact
from projections.engine.rows import Rows, Table


@dataclass(slots=True)
class Home:
    """One household's facts of a page in order, which kinds of events there are among them, and whether it begins
    with them: then it has no rows yet."""

    lane: int
    household: UUID
    facts: list[Fact] = field(default_factory=list)
    kinds: set[type[Event]] = field(default_factory=set)
    begins: bool = False

    def add(self, fact: Fact) -> None:
        """Take up the next fact."""
        self.facts.append(fact)
        self.kinds.add(fact.kind)
        if fact.version == 1:
            self.begins = True

    def since(self, position: int) -> Home | None:
        """What lies above a position of its lane; None where nothing does."""
        return _home([fact for fact in self.facts if fact.position > position])

    def before(self, position: int) -> Home | None:
        """What lies below a position of its lane; None where nothing does."""
        return _home([fact for fact in self.facts if fact.position < position])

    def of_kinds(self, kinds: frozenset[type[Event]]) -> Home | None:
        """The facts of these kinds; None where there is none."""
        if self.kinds <= kinds:
            return self
        if self.kinds.isdisjoint(kinds):
            return None
        facts = [fact for fact in self.facts if fact.kind in kinds]
        return Home(self.lane, self.household, facts, self.kinds & kinds, self.begins)


def _home(facts: list[Fact]) -> Home | None:
    if not facts:
        return None
    home = Home(facts[0].lane, facts[0].household)
    for fact in facts:
        home.add(fact)
    return home


class Projection(ABC):
    """A read model: its tables, and what each event changes in them.

    An object lives for one page: the engine loads the old rows that `reads` names, hands over the facts
    household by household, each's in order, and writes what changed. Rows of several households never depend on
    one another, so they can be projected in any order. `version` goes up with every change of tables or
    handlers: the engine then builds the new one beside the old.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    reads: ClassVar[tuple[Notion, ...]] = ()
    """The notions it asks events about."""
    leaves: ClassVar[tuple[Notion, ...]] = ()
    """The notions it has no use for; together with those it reads they are all there are."""
    wants: ClassVar[frozenset[type[Event]] | None] = None
    """The events it is handed; None is every event of a household."""
    tables: ClassVar[tuple[Table[Any], ...]]

    def begin(self, lane: int, household: UUID) -> None:  # noqa: B027  # most have nothing to do here
        """Called before a household's facts of this page."""

    @abstractmethod
    def on(self, fact: Fact) -> None:
        """Change the rows as this fact says."""

    def end(self) -> None:  # noqa: B027
        """Called after a household's facts of this page: what need be written once only is put into its rows."""

    def rows(self) -> dict[Table[Any], Rows[Any]]:
        """This page's rows, by table."""
        found = {rows.table: rows for rows in vars(self).values() if isinstance(rows, Rows)}
        assert len(found) == len(self.tables)
        return found
