"""Commands (命令): what somebody asks to become true of one household or of several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from domain.household.context import Context
from domain.household.event import Event
from domain.household.state import Household
from domain.values.person import HouseholdId


class Command:
    """What somebody asks to become true (命令): a frozen dataclass that decides for itself."""

    __slots__ = ()

    on: date

    def decide(self, household: Any, context: Context) -> Iterator[Any]:
        """Yield the facts that now become true, nothing when they already are; or refuse.

        Reads one `Household` and yields `Event`s; a `JointCommand` reads several. Lazy: a refusal is raised
        while the answer is drained. Raises a `Refusal`.
        """
        raise NotImplementedError

    def numbers(self) -> tuple[str, ...]:
        """The ID numbers it names: the context answers who has them already."""
        return ()


class JointCommand(Command):
    """What is asked of several households at once (多户办理): split, merge, a member's transfer."""

    __slots__ = ()

    def households(self) -> tuple[HouseholdId, ...]:
        """The other households it names, beside the one it is addressed to."""
        return ()

    def decide(
        self, households: Mapping[HouseholdId, Household], context: Context
    ) -> Iterator[tuple[HouseholdId, Event]]:
        """Yield the facts that now become true, each with the household it belongs to; or refuse.

        `households` begins with the one addressed, then those of `households()`. A fact for one not among
        them begins its chain. No fold reads another household: each fact carries all that its own needs.
        """
        raise NotImplementedError
