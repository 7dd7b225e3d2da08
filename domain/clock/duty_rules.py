"""Duty rules (待办规则): what a fact does to the open duties of its household, by what the fact itself says."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from domain.household.duty import D, Duty, taken
from domain.household.duty_context import DutyContext
from domain.household.event import Event


def turned(
    event: Event, household: UUID, context: DutyContext, open_duties: Iterable[D]
) -> tuple[list[D], list[Duty]]:
    """What a fact does to the open duties of its household: those it ended, and the new ones.

    `context` is that after the fact. A duty that is open already is not opened again.
    """
    turns = event.turns
    return taken(turns, event, household, context, open_duties) if turns else ([], [])
