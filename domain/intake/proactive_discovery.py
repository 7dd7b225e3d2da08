"""Active finding (主动发现): a need somebody else saw, and the duty to tell the family and help it (M57 art.6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from domain.guards.order_of_steps import require_order
from domain.guards.registered import require_member, require_registered
from domain.household.command import Command
from domain.household.context import Context
from domain.household.duty import Turn, is_limited, of
from domain.household.event import Event
from domain.household.notions import ClockMove, Count, Limit
from domain.household.parts import Finding
from domain.household.state import Household
from domain.values.deadline import Due
from domain.values.immutables import replace
from domain.values.person import PersonId
from domain.values.private import Private
from domain.values.refusals import Refusal

FindingSource = Literal[
    "village-visit",
    "grid",
    "volunteer",
    "hotline",
    "department",
    "hospital",
    "patrol",
    "school",
    "data-alert",
]
HelpAnswer = Literal["told-will-apply", "told-declined", "aid-arranged", "already-aided", "no-need"]
TOLD = ("told-will-apply", "told-declined")
HELP = "DL-HELP"
"""The code of the term within which a family found in need is told and helped."""


class AlertNeedUnverified(Refusal):
    """由数据预警发现的，应当先入户核实预警并确认确有困难。"""

    article = "M57 art.6; G39"


class NothingFound(Refusal):
    """该户没有待告知、待协助的主动发现记录。"""

    article = "M57 art.6; L26 art.39"


class NobodyTold(Refusal):
    """告知政策应当写明告知了哪一名共同生活的家庭成员。"""

    article = "M57 art.6"


class DeclinedByMinor(Refusal):
    """表示不申请的应当是成年的家庭成员，未成年人不能代表家庭放弃申请。"""

    article = "M57 art.6; MFD art.17"


class FindingMissing(Refusal):
    """主动发现的申请应当有发现记录；请写明由谁发现，或者先登记主动发现、核实预警。"""

    article = "M57 art.6; L26 art.39"


class ConsentUnproven(Refusal):
    """协助申请应当经成年的家庭成员同意；无行为能力、不能表示意见的，应当写明情况。"""

    article = "M57 art.6; L26 art.37, 39"


@dataclass(frozen=True, slots=True)
class NeedFound(Event):
    """Somebody saw that the family may need aid and has not asked: it is told and helped by `due` (主动发现).

    `due` is None where no rule sets a term, or where an application is already under way.
    """

    title: ClassVar[str] = "主动发现困难"
    basis: ClassVar[str] = "M57 art.6; L26 art.39"
    none: ClassVar[str] = "case home members cycle status benefit money aid ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (Turn(of("finding"), opens=("offer-help",), when=is_limited),)

    on: date
    finding: UUID
    source: FindingSource
    person: PersonId | None
    alert: UUID | None
    due: Due | None
    note: Private[str] | None = None

    def opens(self) -> tuple[Due, ...]:
        return (self.due,) if self.due else ()

    def moves_clock(self) -> ClockMove | None:
        if self.alert is not None:  # what an alert showed is timed from the alert
            return None
        return ClockMove((self.finding,), ("found",), "township", begins=("finding", self.source))

    def counts(self) -> Count | None:
        return Count("need-found", detail=self.source)

    def evolve(self, household: Household) -> Household:
        finding = Finding(self.finding, self.on, self.source, self.person, self.alert)
        return replace(household, findings=(*household.findings, finding))


@dataclass(frozen=True, slots=True)
class ReportNeed(Command):
    """Report that a family may need aid and has not applied (报告主动发现).

    Village, township and county may report; what a data alert showed must have been verified on site.
    """

    on: date
    source: FindingSource
    person: PersonId | None = None
    note: str | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        require_registered(household)
        if self.person is not None:
            require_member(household, self.person, self.on)
        if any((f.on, f.source, f.person) == (self.on, self.source, self.person) for f in household.findings):
            return
        context.require("village", "township", "county")
        alert = None
        if self.source == "data-alert":
            alert = verified_alert(household)
            if any(finding.alert == alert for finding in household.findings):
                return
        note = Private(household.id, "text", self.note) if self.note else None
        yield need_found(household, context, self.on, self.source, self.person, alert, note)


@dataclass(frozen=True, slots=True)
class HelpOffered(Event):
    """The family was told what aid there is, or aid was arranged: the findings are answered (告知与协助)."""

    title: ClassVar[str] = "告知政策、协助救助"
    basis: ClassVar[str] = "M57 art.6; L26 art.39"
    none: ClassVar[str] = "case home members cycle status benefit money aid count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (Turn(of("findings"), closes=("offer-help",)),)

    on: date
    findings: tuple[UUID, ...]
    answer: HelpAnswer
    told: PersonId | None
    note: Private[str] | None = None

    def meets(self) -> tuple[Limit, ...]:
        return tuple((HELP, finding) for finding in self.findings)

    def moves_clock(self) -> ClockMove | None:
        waits = self.answer == "told-will-apply"
        return ClockMove(
            self.findings, ("helped",), "applicant", answers="application-awaited" if waits else "closed"
        )

    def evolve(self, household: Household) -> Household:
        findings = tuple(
            replace(f, answer=self.answer, answered_on=self.on) if f.id in self.findings else f
            for f in household.findings
        )
        return replace(household, findings=findings)


@dataclass(frozen=True, slots=True)
class OfferHelp(Command):
    """Tell the family the policy and answer what was found; one talk answers every open finding (告知政策).

    Only an adult may decline for the family.
    """

    on: date
    answer: HelpAnswer
    told: PersonId | None = None
    note: str | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        require_registered(household)
        waiting = open_findings(household)
        if not waiting:
            if any((f.answered_on, f.answer) == (self.on, self.answer) for f in household.findings):
                return
            raise NothingFound
        context.require("village", "township", "county")
        require_order(self.on, *(finding.on for finding in waiting))
        if self.told is not None:
            require_member(household, self.told, self.on)
        if self.answer in TOLD and self.told is None:
            raise NobodyTold
        if self.answer == "told-declined" and self.told not in adults(household, context, self.on):
            raise DeclinedByMinor
        note = Private(household.id, "text", self.note) if self.note else None
        yield HelpOffered(self.on, tuple(f.id for f in waiting), self.answer, self.told, note)


@dataclass(frozen=True, slots=True)
class Found:
    """How a family that did not ask by itself came to apply (主动发现后的协助申请).

    `source` says who found it, where that was not reported before; `consented_by` None is the applicant.
    Without a member able to consent, `ground` tells why.
    """

    source: FindingSource | None = None
    consent: Literal["given", "no-capacity"] = "given"
    consented_by: PersonId | None = None
    ground: str | None = None


@dataclass(frozen=True, slots=True)
class HelpedToApply(Event):
    """The application was made with help, after others had found the need (协助申请)."""

    title: ClassVar[str] = "协助申请"
    basis: ClassVar[str] = "M57 art.6; L26 art.37, 39"
    none: ClassVar[str] = (
        "limits case home members cycle status benefit money aid stage duties count ruling paper found"
    )

    on: date
    case: UUID
    finding: UUID
    consent: Literal["given", "no-capacity"]
    consented_by: PersonId | None
    ground: Private[str] | None

    def evolve(self, household: Household) -> Household:
        return household.with_case(finding=self.finding)


def rests_on(
    found: Found | None, household: Household, context: Context, on: date
) -> tuple[NeedFound | None, UUID | None]:
    """What an application by active finding rests on: a finding said only now, and the finding's id.

    The last finding that led to no application yet will do; an alert verified as a need will, too, and
    then there is no id. Refuses when there is none of these.
    """
    if found is not None and found.source is not None:
        alert = verified_alert(household) if found.source == "data-alert" else None
        new = need_found(household, context, on, found.source, alert=alert, applying=True)
        return new, new.finding
    waiting = [f for f in household.findings if f.answer in (None, "told-will-apply")]
    if waiting:
        return None, waiting[-1].id
    if not any(alert.need for alert in household.alerts):
        raise FindingMissing
    return None, None


def helped(
    found: Found,
    household: Household,
    context: Context,
    on: date,
    case: UUID,
    finding: UUID,
    applicant: PersonId,
) -> HelpedToApply:
    """The fact that a family was helped to apply; refuses without an adult's consent or a ground for none."""
    by = found.consented_by or applicant
    if found.consent == "given":
        require_member(household, by, on)
        grown = adults(household, context, on)
        if grown and by not in grown:
            raise ConsentUnproven
    elif not (found.ground and found.ground.strip()):
        raise ConsentUnproven
    return HelpedToApply(
        on,
        case,
        finding,
        found.consent,
        by if found.consent == "given" else None,
        Private(household.id, "text", found.ground) if found.ground else None,
    )


def verified_alert(household: Household) -> UUID:
    """The last alert whose need was verified on site; refuses when there is none."""
    alert = next((a.id for a in reversed(household.alerts) if a.need), None)
    if alert is None:
        raise AlertNeedUnverified
    return alert


def need_found(
    household: Household,
    context: Context,
    on: date,
    source: FindingSource,
    person: PersonId | None = None,
    alert: UUID | None = None,
    note: Private[str] | None = None,
    *,
    applying: bool = False,
) -> NeedFound:
    """The fact that a need was found; no term runs for a family that is applying."""
    finding = context.id("finding")
    ruled = f"deadline.{HELP}" in context.rules(on)
    due = None if applying or household.case or not ruled else context.due(HELP, on, finding)
    return NeedFound(on, finding, source, person, alert, due, note)


def open_findings(household: Household) -> tuple[Finding, ...]:
    """The findings nobody has answered yet, oldest first."""
    return tuple(finding for finding in household.findings if finding.answer is None)


def findings_applied(household: Household, on: date) -> tuple[Finding, ...]:
    """The findings once the family applies: open ones, and those told of it, are answered by that."""
    return tuple(
        replace(finding, answer="applied", answered_on=on)
        if finding.answer in (None, "told-will-apply")
        else finding
        for finding in household.findings
    )


def adults(household: Household, context: Context, on: date) -> frozenset[PersonId]:
    """The adult members counted on a day."""
    age = context.rules(on).integer("adult-age")
    return frozenset(member.person for member in household.counted(on) if member.is_adult(on, age))
