"""The standing (在办情况): the little that must be remembered of a household to tell who acts next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from domain.change.termination import BenefitTerminated
from domain.correction.fact_correction import VisitDayCorrected
from domain.correction.irregular import IrregularlyConfirmed, IrregularlyEnded
from domain.decision.confirmation import DibaoConfirmed
from domain.decision.transfer import MarginalConfirmed, TransferStarted
from domain.household.event import Event
from domain.inquiry.complaint import ComplaintReceived
from domain.inquiry.verification import HomeVisited
from domain.intake.application import ApplicationAccepted, Applied
from domain.intake.completeness import MaterialsSupplemented, MissingItemsNotified
from domain.intake.relatives import RelativeRegistered
from domain.values.immutables import replace
from domain.values.spells import Category

_FIRST: Final = date(1, 1, 2)
"""A visit on any day will do where nobody complained."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a household that decides who acts next: of its case under way, and what it is in.

    `looked_at`: the county must visit the family before it decides, for a relative among staff or a complaint,
    the last of which came on `complained_on`; `county_visits` are the days it did.
    """

    delegated: bool = False
    looked_at: bool = False
    complained_on: date | None = None
    county_visits: tuple[date, ...] = ()
    missing: frozenset[str] = frozenset()
    held: Category | None = None

    @property
    def owes_visit(self) -> bool:
        """Whether the county must still visit before it decides (M57 art.20)."""
        since = self.complained_on or date.min
        return self.looked_at and max(self.county_visits, default=date.min) < max(since, _FIRST)

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
                if event.during is None:
                    return self
                last = max(self.complained_on or event.on, event.on)
                return replace(self, looked_at=True, complained_on=last)
            case HomeVisited():
                if event.level != "county":
                    return self
                return replace(self, county_visits=(*self.county_visits, event.on))
            case VisitDayCorrected():
                days = tuple(event.day if day == event.was else day for day in self.county_visits)
                return replace(self, county_visits=days)
            case DibaoConfirmed():
                return replace(self, held=Category.DIBAO)
            case MarginalConfirmed():
                return replace(self, held=Category.MARGINAL)
            case IrregularlyConfirmed():
                return replace(self, held=event.category)
            case BenefitTerminated() | IrregularlyEnded():
                return replace(self, held=None)
        return self
