"""The case (救助事项) and what stands beside it: alerts, visits, reviews, hearings, consents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

from domain.values.assessment import Assessment, IncomeItem
from domain.values.month import Month
from domain.values.person import PersonId
from domain.values.spells import Category


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
    need: bool = False


@dataclass(frozen=True, slots=True)
class Visit:
    """A home visit (入户调查): the day, the investigators, and of which level they were."""

    on: date
    investigators: tuple[str, ...]
    level: str


@dataclass(frozen=True, slots=True)
class Objection:
    """An objection (异议) to the verification report or to the public notice; answered by what it led to."""

    id: UUID
    to: Literal["report", "notice"]
    on: date
    person: PersonId | None = None
    answered_on: date | None = None


@dataclass(frozen=True, slots=True)
class FileReturn:
    """The county sent the file back to be mended (退回补正); resubmitted once the township answered."""

    on: date
    resubmitted_on: date | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """Whether the case was drawn for a check (抽查), by which seed, and what the check found."""

    id: UUID
    seed: str
    drawn: bool
    checked_on: date | None = None
    result: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A need found by others (主动发现): by whom, on which alert, and what came of it."""

    id: UUID
    on: date
    source: str
    person: PersonId | None = None
    alert: UUID | None = None
    answer: str | None = None
    answered_on: date | None = None


@dataclass(frozen=True, slots=True)
class Agent:
    """Who acts for the applicant by written mandate (代理人): its kind, scope and term, both days included.

    `officer` is the agent's own id as an officer, who must not handle the case.
    """

    kind: str
    paper: str
    scope: tuple[str, ...]
    since: date
    until: date | None = None
    officer: str | None = None
    signed_by: PersonId | None = None
    revoked_on: date | None = None


@dataclass(frozen=True, slots=True)
class FiledAt:
    """Where the applicant is registered and lives (户籍地与居住地), seen from the county applied to.

    `away`: the applicant is registered in another county; `spread`: other members are; `apart`: the
    family does not live where the applicant is registered (人户分离).
    """

    registered_in: str
    lives_in: str | None
    elsewhere: tuple[str, ...]
    permit: bool
    away: bool
    spread: bool
    apart: bool

    @property
    def outside(self) -> bool:
        """Whether the application is made outside the home county (异地申办, M57 art.5; M83 §4.1)."""
        return self.away or self.spread


@dataclass(frozen=True, slots=True)
class KnownRelative:
    """A close relative of a member among staff or village cadres (近亲属备案, M57 art.11)."""

    person: PersonId
    relation: str
    office: str
    officer: str | None = None


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
    outcome: Literal["confirmed", "refused", "ended", "withdrawn", "not-accepted"] | None = None
    published_on: date | None = None
    told_on: date | None = None
    rechecked_on: date | None = None
    objections: tuple[Objection, ...] = ()
    inquired_on: date | None = None
    inquirers: tuple[str, ...] = ()
    returns: tuple[FileReturn, ...] = ()
    county_days_left: int | None = None
    extended_on: date | None = None
    sample: Sample | None = None
    agent: Agent | None = None
    filed_at: FiledAt | None = None
    known_relatives: tuple[KnownRelative, ...] = ()
    finding: UUID | None = None
    verified_on: date | None = None


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
class Declined:
    """An application that was not accepted (不予受理); `subject` is its case, or stands for it."""

    subject: UUID
    on: date
    category: Category
    ground: str
    applicant: PersonId | None


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A written notice (告知书) that was decided and has not reached the family yet."""

    subject: UUID
    kind: str


@dataclass(frozen=True, slots=True)
class Complaint:
    """A complaint or report (投诉举报), with the case it came in during, until it is answered."""

    id: UUID
    on: date
    case: UUID | None
    named: bool
    answered_on: date | None = None
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Something irregular that was found (疑点): what, of which day, by whom, until somebody answered for it."""

    id: UUID
    kind: str
    day: date
    answered_on: date | None = None
    outcome: str | None = None
    officers: tuple[str, ...] = ()
    month: Month | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision about a running benefit (待遇决定): an adjustment or a termination."""

    id: UUID
    on: date
    kind: Literal["adjustment", "termination"]


@dataclass(frozen=True, slots=True)
class Correction:
    """A recorded fact that was wrong and stays, marked (更正): its step and event, and the day of correction."""

    step: int
    event: UUID
    on: date


@dataclass(frozen=True, slots=True)
class Handing:
    """A file handed over to another county and not yet taken (移交档案)."""

    id: UUID
    on: date
    from_region: str
