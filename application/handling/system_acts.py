"""What the system does by itself (系统办理): who does it, and under which command id, whoever carries it out."""

from __future__ import annotations

from typing import Final
from uuid import UUID, uuid5

from application.reference.reference import NATURAL_KEYS
from domain.clock.supervision import NoteMissedDeadline
from domain.household.command import Command
from domain.values.person import HouseholdId
from domain.values.receipt import Actor
from domain.values.refusals import code_of

ACTOR: Final = Actor("system:deadlines")
TASK: Final = uuid5(NATURAL_KEYS, "task/deadlines")
"""The namespace of these command ids: a second worker, a script or a retry does nothing twice."""


def act_id(household: HouseholdId, act: Command) -> UUID:
    """The id of a system act: the same whoever does it, and however often."""
    subject = f"{household}/{act.what}/{act.about}" if isinstance(act, NoteMissedDeadline) else str(household)
    return uuid5(TASK, f"{code_of(type(act))}/{subject}/{act.on}")
