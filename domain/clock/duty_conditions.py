"""When a fact turns duties (待办条件): what the table of duties asks of a fact and of the standing after it."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from domain.aid.payments import PaymentOrdered, PaymentReturned, PaymentSettled
from domain.change.adjustment import BenefitAdjusted
from domain.change.review import Recertified
from domain.clock.duty_context import Standing
from domain.decision.opinion import OpinionGiven
from domain.members.joining import HouseholdJoined
from domain.papers.delivery import DocumentDelivered
from domain.papers.documents import INTERNAL, REMEDIED, DocumentIssued
from domain.values.spells import Category

# every decision opens a duty to deliver its notice by itself; the end of a procedure has one only once it is issued
AWAITED: Final = (REMEDIED - {"procedure-end-notice"}) | {"extension-notice"}
"""The papers that a decision waits for until they have reached the family."""


def is_delegated(event: Any, standing: Standing) -> bool:
    """The township decides for the county."""
    return standing.delegated


def goes_to_county(event: Any, standing: Standing) -> bool:
    """The county decides itself."""
    return not standing.delegated


def goes_on_notice(event: OpinionGiven, standing: Standing) -> bool:
    """The opinion is for approval, of a kind that is put on notice."""
    return event.approves and event.category == Category.DIBAO


def skips_notice_to_county(event: OpinionGiven, standing: Standing) -> bool:
    """The opinion goes to the county without a notice."""
    return not goes_on_notice(event, standing) and not standing.delegated


def skips_notice_delegated(event: OpinionGiven, standing: Standing) -> bool:
    """The opinion goes without a notice to the township's own decision."""
    return not goes_on_notice(event, standing) and standing.delegated


def is_complete(event: Any, standing: Standing) -> bool:
    """All the papers asked for are there."""
    return not standing.missing


def owes_visit(event: Any, standing: Standing) -> bool:
    """The county must still visit before it decides."""
    return standing.owes_visit


def has_visited(event: Any, standing: Standing) -> bool:
    """The county owes no visit, or no longer."""
    return not standing.owes_visit


def is_limited(event: Any, standing: Standing) -> bool:
    """The fact set a day for what it calls for."""
    return event.due is not None


def is_looked_at_anyway(event: Any, standing: Standing) -> bool:
    """No rule sets a day, and yet an aided family changed: somebody has to look."""
    return event.due is None and standing.held is not None


def has_outgrown(event: Recertified, standing: Standing) -> bool:
    """The check found the family over the line of what it is in, and not just again what was known."""
    found = event.assessment
    over = not found.below_line if standing.held == Category.MARGINAL else not found.below_standard
    return over and event.finding != "unchanged"


def is_changed(event: Recertified, standing: Standing) -> bool:
    """The check found more or less than before."""
    return event.finding in ("less", "more")


def is_remedied(event: DocumentDelivered, standing: Standing) -> bool:
    """The paper is one that a decision waits for to reach the family."""
    return event.kind in AWAITED


def tells_result(event: DocumentDelivered, standing: Standing) -> bool:
    """The paper tells the family what the data check found."""
    return event.kind == "verification-result"


def goes_to_family(event: DocumentIssued, standing: Standing) -> bool:
    """The paper goes to the family, and no decision waits for it."""
    return event.kind not in INTERNAL and event.kind not in AWAITED


def is_corrected(event: DocumentIssued, standing: Standing) -> bool:
    """The paper replaces one that told of a decision."""
    return event.kind in AWAITED and event.replaces is not None


def is_less(event: BenefitAdjusted, standing: Standing) -> bool:
    """The family gets less."""
    return event.direction == "reduction"


def month_of(event: PaymentOrdered | PaymentSettled | PaymentReturned) -> str:
    """The month a payment is for, empty for temporary aid."""
    # temporary aid is paid once, whatever the month its payment bears
    return str(event.month) if event.kind == "DIBAO" else ""


def unseen_alerts(event: HouseholdJoined, household: UUID) -> tuple[UUID, ...]:
    """The alerts that came along and nobody has checked on site."""
    return tuple(alert.alert for alert in event.alerts if alert.verified_on is None)


def seen_alerts(event: HouseholdJoined, household: UUID) -> tuple[UUID, ...]:
    """The alerts that came along checked and unanswered."""
    return tuple(alert.alert for alert in event.alerts if alert.verified_on is not None)


def subject_of_due(event: Any, household: UUID) -> UUID | None:
    """The subject of the limit the fact set."""
    return event.due.subject if event.due else None
