"""Events (事件): facts that became true, each with its effect on the household and what it means to readers."""

from __future__ import annotations

from datetime import date
from typing import ClassVar
from uuid import UUID

from domain.household.state import Household
from domain.values.deadline import Due


class Event:
    """A fact of a household's chain (事件): a frozen dataclass that says how state follows from it.

    `on` is the legal day of the act (decision, visit, delivery), stored as `effective_on`.
    """

    __slots__ = ()

    on: date

    title: ClassVar[str] = ""
    """The Chinese word for the step, as a chain shows it."""
    basis: ClassVar[str] = ""
    """The article the step rests on, kept in the envelope as its legal basis."""

    def opens(self) -> tuple[Due, ...]:
        """The deadlines this fact starts."""
        return ()

    def closes(self) -> tuple[tuple[str, UUID | None], ...]:
        """The deadlines this fact meets: code and subject; `*` is every code, None every subject."""
        return ()

    def evolve(self, household: Household) -> Household:
        """The household after this fact; pure, and blind to envelope and sealed values."""
        raise NotImplementedError
