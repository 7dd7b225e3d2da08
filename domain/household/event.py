"""Events (事件): facts that became true, each with its effect on the household and what it means to readers."""

from __future__ import annotations

from datetime import date
from typing import ClassVar
from uuid import UUID

from domain.household.duty import Turn
from domain.household.duty_context import DutyContext
from domain.household.notions import (
    AidMove,
    BenefitChange,
    CaseMove,
    ClockMove,
    Count,
    HomeMove,
    Limit,
    MoneyMove,
    PaperMove,
    Ruling,
    StatusChange,
)
from domain.household.state import Household
from domain.values.deadline import Due
from domain.values.private import Private


class Event:
    """A fact of a household's chain (事件): a frozen dataclass that says how state follows from it, and what it means.

    `on` is the legal day of the act (decision, visit, delivery), stored as `effective_on`. Below stand the notions
    readers ask for (`domain.household.notions`): an event overrides those it has something to say of, and names all
    others in `none`.
    """

    __slots__ = ()

    on: date

    title: ClassVar[str] = ""
    """The Chinese word for the step, as a chain shows it."""
    basis: ClassVar[str] = ""
    """The article the step rests on, kept in the envelope as its legal basis."""
    none: ClassVar[str] = ""
    """The notions it has nothing to say of, by their words with blanks between."""

    def rests_on(self) -> str:
        """The articles this fact rests on; those of its kind, unless it rests on others by what it says."""
        return self.basis

    def evolve(self, household: Household) -> Household:
        """The household after this fact; pure, and blind to envelope and sealed values."""
        raise NotImplementedError

    def opens(self) -> tuple[Due, ...]:
        """LIMITS: the deadlines this fact starts."""
        return ()

    def meets(self) -> tuple[Limit, ...]:
        """LIMITS: the limits set for this very act; it is in time if it keeps all of them that run."""
        return ()

    def closes(self) -> tuple[Limit, ...]:
        """LIMITS: the deadlines that no longer matter because of this fact, whether their day has passed or not."""
        return ()

    def misses(self) -> Limit | None:
        """LIMITS: the limit whose passing this fact notes; it goes on running."""
        return None

    def moves_case(self) -> CaseMove | None:
        """CASE: the step it is on the road of a case."""
        return None

    def settles(self) -> HomeMove | None:
        """HOME: where the household lives from then on."""
        return None

    changes_members: ClassVar[bool] = False
    """MEMBERS: whether it changes who belongs to the household, or what rules read about them."""

    def begins_cycle(self) -> int | None:
        """CYCLE: the cycle of the chain that begins."""
        return None

    def goes_on_in(self) -> UUID | None:
        """CYCLE: the household in which this one goes on; its own chain ends."""
        return None

    def changes_status(self) -> StatusChange | None:
        """STATUS: the categories and labels that end and begin."""
        return None

    def changes_benefit(self) -> BenefitChange | None:
        """BENEFIT: the monthly benefits that end and begin."""
        return None

    def moves_money(self) -> MoneyMove | None:
        """MONEY: the money it orders, pays, returns or finds overpaid."""
        return None

    def moves_aid(self) -> AidMove | None:
        """AID: the aid it grants or delivers."""
        return None

    def moves_clock(self) -> ClockMove | None:
        """STAGE: the milestones it reaches, and who has the file from then on."""
        return None

    turns: ClassVar[tuple[Turn, ...]] = ()
    """DUTIES: what it does to open duties; the turns are taken in order."""

    def bears_on_duties(self, context: DutyContext) -> DutyContext:
        """DUTIES: what must be remembered of it to tell who acts next."""
        return context

    def counts(self) -> Count | None:
        """COUNT: how the act is counted; money moved is counted by itself."""
        return None

    def rules_against(self) -> Ruling | None:
        """RULING: the decision against the family that it is."""
        return None

    def moves_paper(self) -> PaperMove | None:
        """PAPER: the document it issues, delivers or could not deliver."""
        return None

    def found_by(self) -> tuple[Private[str] | None, ...]:
        """FOUND: the identifiers by which a person or household is found from now on."""
        return ()
