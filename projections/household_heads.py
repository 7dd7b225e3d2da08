"""Heads (户主): whom households are about, for lists of something else; by the cards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from eventstore.lanes import lane_of
from projections.engine.queries import rows_of

_OF_EACH: Final = """
SELECT {} FROM unnest(%b::smallint[], %b::uuid[]) AS a (lane, household)
JOIN read_card.card USING (lane, household)
"""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a household; `head_name` a sealed token of theirs. None where it has none yet."""

    household: UUID
    head: UUID | None
    head_name: bytes | None


def heads_of(connection: Connection[Any], households: Sequence[UUID]) -> dict[UUID, Head]:
    """The heads of these households, by household, in one statement; those without a card are left out."""
    if not households:
        return {}
    parameters = ([lane_of(household) for household in households], list(households))
    return {row.household: row for row in rows_of(connection, Head, _OF_EACH, parameters)}
