"""What the domain says: events that became true, commands that ask, refusals that say why not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from uuid import UUID

    from domain.context import Context
    from domain.deadline import Due
    from domain.household import Household
    from domain.person import HouseholdId


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


class Told(Exception):
    """未能完成该操作。"""

    # What people are told: the class docstring is the sentence, the class name the code.

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        super().__init__(self.sentence)

    @property
    def code(self) -> str:
        """The stable English code: the class name in kebab case, `HearingNotHeld` → `hearing-not-held`."""
        return code_of(type(self))

    @property
    def sentence(self) -> str:
        """The sentence shown to people: the class docstring, with the facts filled in."""
        text = (type(self).__doc__ or "").strip()
        return text.format_map(_Facts(self.facts))


class Refusal(Told):
    """该操作不符合规定。"""

    article: ClassVar[str] = ""
    """The article or rule the refusal rests on, as cited in policy packs; empty for plain order."""


class _Facts(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "…"


def code_of(kind: type) -> str:
    """The kebab-case name of a class: `GrantGrace` → `grant-grace`."""
    code = _codes.get(kind)
    if code is None:
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", kind.__name__)
        code = _codes[kind] = words.lower()
    return code


_codes: dict[type, str] = {}
