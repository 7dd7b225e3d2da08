"""Monitoring and alerts (监测预警): from a signal to a verified need, and back into monitoring afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from domain.guards.order_of_steps import require_order
from domain.guards.registered import require_member, require_registered
from domain.guards.visit_team import require_team
from domain.household.command import Command
from domain.household.context import Context
from domain.household.duty import Turn, of
from domain.household.event import Event
from domain.household.notions import ClockMove, Count, Limit
from domain.household.parts import Alert
from domain.household.state import Household
from domain.intake.proactive_discovery import HELP, HelpAnswer, HelpOffered, need_found, open_findings
from domain.values.deadline import Due
from domain.values.immutables import replace
from domain.values.money import Fen
from domain.values.person import PersonId
from domain.values.private import Private
from domain.values.refusals import Refusal

AlertLevel = Literal["RED", "ORANGE", "YELLOW", "BLUE"]
AlertOutcome = Literal[
    "false-positive",
    "already-aided",
    "policy-informed-declined",
    "application-started",
    "temporary-aid",
    "referred",
    "adjusted",
    "terminated",
    "watch",
]


class NoOpenAlert(Refusal):
    """该户没有待处理的预警；请先登记预警信息。"""


class AlertNotVerified(Refusal):
    """预警尚未入户核实，不能反馈处置结果；请先登记核实情况。"""


@dataclass(frozen=True, slots=True)
class AlertRaised(Event):
    """An indicator hit was sent out to be checked (预警下发)."""

    title: ClassVar[str] = "预警下发"
    basis: ClassVar[str] = "C2020; G39"
    none: ClassVar[str] = "case home members cycle status benefit money aid ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (Turn(of("alert"), opens=("verify-alert",)),)

    on: date
    alert: UUID
    code: str
    level: AlertLevel
    person: PersonId | None
    fen: Fen | None
    due: Due
    note: Private[str] | None = None

    def opens(self) -> tuple[Due, ...]:
        return (self.due,)

    def moves_clock(self) -> ClockMove | None:
        return ClockMove((self.alert,), ("clue",), "township", begins=("alert", self.level))

    def counts(self) -> Count | None:
        return Count("alert-raised", self.level, self.code)

    def evolve(self, household: Household) -> Household:
        return replace(
            household,
            alerts=(
                *household.alerts,
                Alert(self.alert, self.code, self.person, self.on),
            ),
        )


@dataclass(frozen=True, slots=True)
class AlertMerged(Event):
    """A repeated hit was joined to the alert already open (预警合并)."""

    title: ClassVar[str] = "预警合并"
    basis: ClassVar[str] = "C2020; G39"
    none: ClassVar[str] = (
        "limits case home members cycle status benefit money aid stage duties count ruling paper found"
    )

    on: date
    alert: UUID
    fen: Fen | None

    def evolve(self, household: Household) -> Household:
        return _with_alert(household, self.alert, merged_on=self.on)


@dataclass(frozen=True, slots=True)
class RaiseAlert(Command):
    """Send an indicator hit to the township to be checked on site within its level's days (下发预警).

    An exclusion alert opens a check like any other; it never stops a payment (PIPL art.24).
    """

    on: date
    code: str
    level: AlertLevel
    person: PersonId | None = None
    fen: Fen | None = None
    note: str | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        require_registered(household)
        if self.person is not None:
            require_member(household, self.person, self.on)
        within = context.rules(self.on).integer("alert.merge-days")
        for alert in household.alerts:
            same = (alert.code, alert.person) == (self.code, self.person)
            if same and alert.outcome is None and abs((self.on - alert.raised_on).days) <= within:
                if self.on not in (alert.raised_on, alert.merged_on):
                    yield AlertMerged(self.on, alert.id, self.fen)
                return
            if same and alert.raised_on == self.on:
                return
        alert_id = context.id("alert")
        due = context.due(f"DL-ALERT-{self.level[0]}", self.on, alert_id)
        note = Private(household.id, "text", self.note) if self.note else None
        yield AlertRaised(self.on, alert_id, self.code, self.level, self.person, self.fen, due, note)


@dataclass(frozen=True, slots=True)
class AlertVerified(Event):
    """The township looked on site whether the need is real (预警核实)."""

    title: ClassVar[str] = "预警入户核实"
    basis: ClassVar[str] = "C2020; G39"
    none: ClassVar[str] = "limits case home members cycle status benefit money aid ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of("alert"), closes=("verify-alert",), opens=("answer-alert",)),
    )

    on: date
    alert: UUID
    investigators: tuple[str, ...]
    need: bool
    note: Private[str] | None = None

    def moves_clock(self) -> ClockMove | None:
        return ClockMove((self.alert,), ("verified",))

    def counts(self) -> Count | None:
        return Count("alert-verified", detail="need" if self.need else "no-need")

    def evolve(self, household: Household) -> Household:
        return _with_alert(household, self.alert, verified_on=self.on, need=self.need)


@dataclass(frozen=True, slots=True)
class VerifyAlert(Command):
    """Record the visit that checks the open alert on site; a real need must be helped (核实预警)."""

    on: date
    investigators: tuple[str, ...]
    need: bool
    note: str | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        alert = _open_alert(household)
        if alert.verified_on == self.on:
            return
        context.require("township", "county")
        require_order(self.on, alert.raised_on)
        require_team(self.investigators, self.on, context, "alert.visit-team")
        note = Private(household.id, "text", self.note) if self.note else None
        yield AlertVerified(self.on, alert.id, self.investigators, self.need, note)
        known = any(finding.alert == alert.id for finding in household.findings)
        if self.need and not known and f"deadline.{HELP}" in context.rules(self.on):
            yield need_found(household, context, self.on, "data-alert", alert.person, alert.id)


@dataclass(frozen=True, slots=True)
class AlertFedBack(Event):
    """The alert was answered and closed with an outcome (预警反馈)."""

    title: ClassVar[str] = "预警反馈"
    basis: ClassVar[str] = "C2020; G39"
    none: ClassVar[str] = "case home members cycle status benefit money aid ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (Turn(of("alert"), closes=("*",)),)

    on: date
    alert: UUID
    outcome: AlertOutcome

    def meets(self) -> tuple[Limit, ...]:
        return tuple((f"DL-ALERT-{level}", self.alert) for level in "ROYB")

    def moves_clock(self) -> ClockMove | None:
        waits = self.outcome == "application-started"
        return ClockMove(
            (self.alert,), ("answered",), "applicant", answers="application-awaited" if waits else "closed"
        )

    def counts(self) -> Count | None:
        return Count("alert-answered", detail=self.outcome)

    def evolve(self, household: Household) -> Household:
        return _with_alert(household, self.alert, outcome=self.outcome)


@dataclass(frozen=True, slots=True)
class FeedBackAlert(Command):
    """Answer the alert with what was done about it; nothing leaves the loop without an answer (反馈预警)."""

    on: date
    outcome: AlertOutcome

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        waiting = any(alert.outcome is None for alert in household.alerts)
        if household.alerts and not waiting and household.alerts[-1].outcome == self.outcome:
            return
        alert = _open_alert(household)
        if alert.verified_on is None:
            raise AlertNotVerified
        require_order(self.on, alert.verified_on)
        context.require("township", "county")
        yield AlertFedBack(self.on, alert.id, self.outcome)
        found = tuple(f.id for f in open_findings(household) if f.alert == alert.id)
        if found and self.outcome in _HELPED:
            yield HelpOffered(self.on, found, _HELPED[self.outcome], None)


_HELPED: Mapping[AlertOutcome, HelpAnswer] = {
    "already-aided": "already-aided",
    "policy-informed-declined": "told-declined",
    "temporary-aid": "aid-arranged",
    "referred": "aid-arranged",
    "adjusted": "aid-arranged",
}
"""The outcomes of an alert that also answer the need it showed; a started application answers by itself."""


def _open_alert(household: Household) -> Alert:
    for alert in reversed(household.alerts):
        if alert.outcome is None:
            return alert
    raise NoOpenAlert


def _with_alert(household: Household, alert_id: UUID, **changes: object) -> Household:
    alerts = tuple(
        replace(alert, **changes) if alert.id == alert_id else alert  # type: ignore[arg-type]
        for alert in household.alerts
    )
    return replace(household, alerts=alerts)
