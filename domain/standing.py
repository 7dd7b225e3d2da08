"""The standing (在办情况): the little that must be remembered of a household to tell who acts next."""

from __future__ import annotations

from dataclasses import dataclass

from domain.complaint import ComplaintReceived
from domain.completeness import MaterialsSupplemented, MissingItemsNotified
from domain.copies import replace
from domain.decision import DibaoConfirmed
from domain.exit import BenefitTerminated
from domain.intake import ApplicationAccepted, Applied
from domain.irregular import IrregularlyConfirmed, IrregularlyEnded
from domain.message import Event
from domain.relatives import RelativeRegistered
from domain.spells import Category
from domain.transfer import MarginalConfirmed, TransferStarted
from domain.verification import HomeVisited


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a household that decides who acts next: of its case under way, and what it is in.

    `looked_at`: the county must visit the family before it decides, for a relative among staff or a complaint;
    `visited`: it has done so since.
    """

    delegated: bool = False
    looked_at: bool = False
    visited: bool = False
    missing: frozenset[str] = frozenset()
    held: Category | None = None

    def after(self, event: Event) -> Standing:
        """The standing once a fact is known."""
        match event:
            case Applied() | TransferStarted():
                return Standing(held=self.held)
            case MissingItemsNotified():
                return replace(self, missing=frozenset(event.items))
            case MaterialsSupplemented():
                return replace(self, missing=self.missing - set(event.items))
            case ApplicationAccepted():
                looked_at = self.looked_at or event.relatives
                return replace(self, delegated=event.delegated, looked_at=looked_at, missing=frozenset())
            case RelativeRegistered():
                return self if event.after_decision else replace(self, looked_at=True)
            case ComplaintReceived():
                return self if event.during is None else replace(self, looked_at=True, visited=False)
            case HomeVisited():
                return replace(self, visited=self.visited or event.level == "county")
            case DibaoConfirmed():
                return replace(self, held=Category.DIBAO)
            case MarginalConfirmed():
                return replace(self, held=Category.MARGINAL)
            case IrregularlyConfirmed():
                return replace(self, held=event.category)
            case BenefitTerminated() | IrregularlyEnded():
                return replace(self, held=None)
        return self
