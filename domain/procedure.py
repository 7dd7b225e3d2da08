"""The case (救助事项) and what stands beside it: alerts, visits, reviews, hearings, consents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

from domain.assessment import Assessment, IncomeItem
from domain.person import PersonId
from domain.spells import Category


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert (预警) about the household, as far as it has been handled."""

    id: UUID
    code: str
    person: PersonId | None
    raised_on: date
    merged_on: date | None = None
    verified_on: date | None = None
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """A home visit (入户调查): the day, the investigators, and of which level they were."""

    on: date
    investigators: tuple[str, ...]
    level: str


@dataclass(frozen=True, slots=True)
class Procedure:
    """One case (救助事项): an application or a transfer, from its start to its outcome."""

    id: UUID
    category: Category
    origin: Literal["application", "transfer"]
    started_on: date
    applicant: PersonId
    income: tuple[IncomeItem, ...] = ()
    missing_notified: tuple[str, ...] = ()
    supplemented: tuple[str, ...] = ()
    accepted_on: date | None = None
    relatives: bool = False
    delegated: bool = False
    authorised: frozenset[PersonId] = frozenset()
    investigation_on: date | None = None
    verification_requested_on: date | None = None
    verification_started_on: date | None = None
    reported_on: date | None = None
    report_eligible: bool | None = None
    visits: tuple[Visit, ...] = ()
    opinion_on: date | None = None
    opinion_approves: bool | None = None
    assessment: Assessment | None = None
    notice_on: date | None = None
    notice_ends: date | None = None
    notice_closed_on: date | None = None
    file_received_on: date | None = None
    decided_on: date | None = None
    outcome: Literal["confirmed", "refused", "ended"] | None = None
    published_on: date | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """The last recertification (定期核查) or first assessment: what was found, and the next one's interval."""

    on: date
    assessment: Assessment
    income: tuple[IncomeItem, ...]
    interval: Literal["half-yearly", "yearly"]


@dataclass(frozen=True, slots=True)
class Change:
    """A change the family reported (情况变化) since the last check: the day, who, and of what kind."""

    on: date
    person: PersonId
    kind: str


@dataclass(frozen=True, slots=True)
class Hearing:
    """An opinion heard (听取意见), or the lawful ground it was not heard on."""

    on: date
    about: Literal["reduction", "termination"]
    substitute: str | None
    used: bool = False


@dataclass(frozen=True, slots=True)
class Consent:
    """Whether the family agreed to be passed on to another category's procedure (转办同意)."""

    on: date
    to: Category
    given: bool
    used: bool = False


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A written notice (告知书) that was decided and has not reached the family yet."""

    subject: UUID
    kind: str
