"""The household (户) that a command line names, by its id or the leading characters of it."""

from __future__ import annotations

from uuid import UUID

from psycopg import Connection

from bootstrap.wiring import Installation
from domain.guards.registered import HouseholdUnknown
from domain.values.refusals import Refusal

SHORTEST = 6
"""How many leading characters of a household's id are enough to ask with."""


class HouseholdAmbiguous(Refusal):
    """有 {count} 户的编号以此开头；请多给几位。"""


class HouseholdIdTooShort(Refusal):
    """户编号至少给出开头 {least} 位。"""


def household_of(installation: Installation, asked: str) -> UUID:
    """The household of an id, or of its leading characters.

    Raises `HouseholdUnknown`, `HouseholdAmbiguous`, `HouseholdIdTooShort`.
    """
    text = asked.strip().lower()
    try:
        return _known(installation, UUID(text))
    except ValueError:
        pass
    if len(text) < SHORTEST:
        raise HouseholdIdTooShort(least=SHORTEST)
    with installation.pool.connection() as connection:
        matching = _starting(connection, text)
    if not matching:
        raise HouseholdUnknown
    if len(matching) > 1:
        raise HouseholdAmbiguous(count=len(matching))
    return matching[0]


def _known(installation: Installation, household: UUID) -> UUID:
    if installation.store.load(household).current == 0:
        raise HouseholdUnknown
    return household


def _starting(connection: Connection[tuple[str]], text: str) -> list[UUID]:
    rows = connection.execute(
        "SELECT household::text FROM read_card.card WHERE household::text LIKE %s || '%%' LIMIT 10", (text,)
    ).fetchall()
    return [UUID(household) for (household,) in rows]
