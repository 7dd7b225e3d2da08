"""Clocks (计时): what each fact does to the stages that are being timed, and who has the file from then on.

`ACTS` is the table: a new step of the road is a new line in it. `advance` is the fold over it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, Final
from uuid import UUID

from domain.aid.payments import PaymentOrdered, PaymentReturned, PaymentSettled
from domain.aid.temporary_aid import TemporaryAidGranted
from domain.change.adjustment import BenefitAdjusted
from domain.change.monitoring import ReturnedToMonitoring
from domain.clock.stages import CLUE_MONEY, ROAD, STOPS, Clock, Finished, Held, Holder, Stage, parts_of
from domain.correction.irregular import IrregularlyConfirmed
from domain.decision.confirmation import ApplicationRefused, DibaoConfirmed
from domain.decision.file import FileReceived
from domain.decision.file_return import FileResubmitted, FileReturned
from domain.decision.notice import NoticeClosed, NoticePosted
from domain.decision.objection import NoticeObjected
from domain.decision.opinion import OpinionGiven
from domain.decision.transfer import MarginalConfirmed, TransferStarted
from domain.household.event import Event
from domain.inquiry.recheck import ReportObjected, ReportRechecked, ResultTold
from domain.inquiry.verification import (
    InvestigationStarted,
    ResultToBeTold,
    VerificationReported,
    VerificationRequested,
    VerificationStarted,
)
from domain.intake.application import ApplicationAccepted, Applied, ProcedureEnded
from domain.intake.application_closure import ApplicationNotAccepted, ApplicationWithdrawn
from domain.intake.completeness import MaterialsSupplemented, MissingItemsNotified
from domain.intake.proactive_discovery import HelpOffered, NeedFound
from domain.members.joining import CarriedAlert, HouseholdJoined, JoinedInto
from domain.papers.delivery import DocumentDelivered
from domain.papers.notification import NoticeDelivered
from domain.values.immutables import replace
from domain.watching.alerts import AlertFedBack, AlertRaised, AlertVerified

Clocks = tuple[Clock, ...]

NOTHING: Final[frozenset[str]] = frozenset()
_PAID: Final = frozenset({"money", "application-money", CLUE_MONEY})
_WRITTEN: Final = frozenset({"notify"})
_WRITS: Final = ("refusal-decision", "non-acceptance-notice")


@dataclass(frozen=True, slots=True)
class Act:
    """What a fact does to the clock of its subject: milestones it reaches, who has the file from then on.

    `stop` names the standstill that begins. `drops` are stages given up unfinished; with `leaves`, the subject is
    settled and of what still runs only these go on. `on` is the day it counts on, where that is another.
    """

    reaches: tuple[str, ...] = ()
    holder: Holder | None = None
    stop: str | None = None
    drops: frozenset[str] = NOTHING
    leaves: frozenset[str] | None = None
    on: date | None = None


def _supplemented(clock: Clock, event: MaterialsSupplemented) -> Act:
    # the standstill ends with the last paper asked for: until then the file is not whole
    if not clock.missing or not set(clock.missing) <= set(event.items):
        return Act()
    return Act(("supplemented",), "township")


def _opined(clock: Clock, event: OpinionGiven) -> Act:
    # a proposal to refuse goes to the county without a notice
    reaches = ("opinion", "mended") if event.approves else ("opinion", "mended", "ready")
    return Act(reaches, "township", drops=frozenset({"notice", "send"}))


def _delivered(clock: Clock, event: DocumentDelivered) -> Act:
    if event.kind == "verification-result":
        return Act(("told",), on=event.delivered_on)
    return Act(("delivered",), on=event.delivered_on) if event.kind in _WRITS else Act()


Says = Callable[[Clock, Any], Act]
ACTS: Final[Mapping[type[Event], Act | Says]] = {
    AlertRaised: Act(("clue",), "township"),
    AlertVerified: Act(("verified",)),
    AlertFedBack: Act(("answered",), "applicant"),
    NeedFound: Act(("found",), "township"),
    HelpOffered: Act(("helped",), "applicant"),
    Applied: Act(("applied",), "township"),
    MissingItemsNotified: Act(holder="applicant", stop="supplement"),
    MaterialsSupplemented: _supplemented,
    ApplicationAccepted: Act(("accepted", "term"), "township"),
    ApplicationNotAccepted: Act(("written",), "township", leaves=_WRITTEN),
    ApplicationWithdrawn: Act(leaves=NOTHING),
    ProcedureEnded: Act(leaves=NOTHING),
    InvestigationStarted: Act(("investigation",)),
    VerificationRequested: Act(("requested",), "county"),
    VerificationStarted: Act(("check",), "county"),
    VerificationReported: Act(("reported",), "township"),
    ResultToBeTold: Act(("adverse",)),
    ResultTold: Act(("told",)),
    ReportObjected: Act(("disputed",), "township"),
    ReportRechecked: Act(("rechecked",), "township"),
    OpinionGiven: _opined,
    NoticePosted: Act(("posted",), "village"),
    NoticeClosed: Act(("noticed", "ready"), "township"),
    # a notice closed on its last day is open again, and a file already sent comes back
    NoticeObjected: Act(("objected",), "township", stop="returned", drops=frozenset({"notice", "send"})),
    FileReceived: Act(("received",), "county"),
    FileReturned: Act(("returned",), "township", stop="returned"),
    FileResubmitted: Act(("mended", "ready"), "township"),
    DibaoConfirmed: Act(("decided", "confirmed"), "county", leaves=_PAID),
    ApplicationRefused: Act(("decided", "written"), "township", leaves=_WRITTEN),
    IrregularlyConfirmed: Act(leaves=NOTHING),
    TransferStarted: Act(("term",), "county"),
    MarginalConfirmed: Act(("decided",), "county", leaves=NOTHING),
    NoticeDelivered: Act(("delivered",)),
    DocumentDelivered: _delivered,
    TemporaryAidGranted: Act(("granted",), "county"),
    BenefitAdjusted: Act(),
    PaymentOrdered: Act(holder="bank"),
    PaymentReturned: Act(holder="county"),
    PaymentSettled: Act(("paid",), leaves=NOTHING),
    HouseholdJoined: Act(),
}
"""What each fact does to the clock of its subject; facts not named here, an extension among them, do nothing."""

TIMED: Final[frozenset[type[Event]]] = frozenset({*ACTS, ReturnedToMonitoring, JoinedInto})
"""The facts that `advance` asks for."""


def advance(clocks: Clocks, event: Event) -> tuple[Clocks, tuple[Finished, ...]]:
    """A household's clocks after a fact, and the stretches it brought to their end."""
    kind = type(event)
    if kind is ReturnedToMonitoring:  # a clue of the cycle before leads to no application of the next
        return tuple(clock for clock in clocks if not clock.is_clue or clock.open), ()
    if kind is JoinedInto:  # the chain ends; alerts not yet answered go on being timed in the other household
        return (), ()
    act = ACTS.get(kind)
    if act is None:
        return clocks, ()
    finished: list[Finished] = []
    if isinstance(event, Applied):  # what was found and not answered yet is answered by the application
        for clock in clocks:
            finished += _moved(clock, event.on, Act(("helped",)))[1]
    rest: list[Clock] = []
    for clock in _begun(clocks, event):
        if not _concerns(clock, event):
            rest.append(clock)
            continue
        said = act(clock, event) if callable(act) else act
        after, done = _moved(clock, said.on or event.on, said)
        finished += done
        after = _marked(after, event)
        if after.running:
            rest.append(after)
    if isinstance(event, AlertFedBack):
        rest = _linked_late(rest, event.alert)
    return tuple(rest), tuple(finished)


def _concerns(clock: Clock, event: Event) -> bool:
    if isinstance(event, PaymentOrdered | PaymentSettled | PaymentReturned):
        return event.benefit in clock.benefits
    if isinstance(event, BenefitAdjusted):
        return event.replaces in clock.benefits
    if isinstance(event, HelpOffered):
        return clock.subject in event.findings
    for name in ("case", "alert", "aid", "about", "subject", "finding"):
        subject: UUID | None = getattr(event, name, None)
        if subject is not None and not (name == "alert" and isinstance(event, NeedFound)):
            return clock.subject.int == subject.int
    return False


@cache
def _ended_by(reaches: tuple[str, ...]) -> tuple[Stage, ...]:
    """The stages that end where one of these is reached, in the order of the road."""
    return tuple(stage for stage in ROAD if stage.until in reaches)


@cache
def _begun_by(reaches: tuple[str, ...]) -> tuple[Stage, ...]:
    """The stages that begin where one of these is reached, in the order of the road."""
    return tuple(stage for stage in ROAD if stage.since in reaches)


def _moved(clock: Clock, on: date, act: Act) -> tuple[Clock, list[Finished]]:
    running = dict(clock.running)
    finished = []
    for stage in _ended_by(act.reaches) if running else ():
        if stage.code in running:
            since = running.pop(stage.code)
            until = max(on, since)
            parts = parts_of(clock.held, stage.code, since, until)
            finished.append(Finished(clock.subject, stage.code, clock.category, since, until, parts))
    kept = running.keys() if act.leaves is None else act.leaves
    running = {code: since for code, since in running.items() if code in kept and code not in act.drops}
    for stage in _begun_by(act.reaches):
        running.setdefault(stage.code, on)
    last = clock.last
    ends = last.stop is not None and not STOPS[last.stop].until.isdisjoint(act.reaches)
    stop = act.stop or (None if ends else last.stop)
    holder = act.holder or last.holder
    held = clock.held
    if (holder, stop) != (last.holder, last.stop):
        held = (*held, Held(on, holder, stop))
    return replace(clock, running=tuple(running.items()), held=held), finished


def _marked(clock: Clock, event: Event) -> Clock:
    """What else a fact says of its clock: papers missing, what is to be paid, whether a clue was answered."""
    match event:
        case MissingItemsNotified():
            return replace(clock, missing=event.items)
        case MaterialsSupplemented():
            return replace(clock, missing=tuple(item for item in clock.missing if item not in event.items))
        case DibaoConfirmed():
            return replace(clock, benefits=(event.benefit,))
        case BenefitAdjusted():  # the first money may be the new amount's
            return replace(clock, benefits=(*clock.benefits, event.benefit))
        case AlertFedBack():
            return _answered(clock, waits=event.outcome == "application-started")
        case HelpOffered():
            return _answered(clock, waits=event.answer == "told-will-apply")
    return clock


def _answered(clock: Clock, *, waits: bool) -> Clock:
    # an answered clue runs on only while the application it called for is awaited
    return replace(clock, open=False, running=((CLUE_MONEY, clock.first),) if waits else ())


def _begun(clocks: Clocks, event: Event) -> Clocks:
    """The clocks with the one this fact begins; a case takes over the clock of the clue that led to it."""
    on = event.on
    match event:
        case AlertRaised():
            return (*clocks, Clock(event.alert, "alert", event.level, (), (Held(on, "township"),)))
        case HouseholdJoined():
            return (*clocks, *map(_carried, event.alerts))
        case NeedFound() if event.alert is None:  # what an alert showed is timed from the alert
            return (*clocks, Clock(event.finding, "finding", event.source, (), (Held(on, "township"),)))
        case TemporaryAidGranted():
            held = (Held(on, "county"),)
            return (*clocks, Clock(event.aid, "aid", "TEMPORARY", (), held, benefits=(event.aid,)))
        case TransferStarted():
            return (*clocks, Clock(event.case, "case", event.to, (), (Held(on, "county"),)))
        case ApplicationNotAccepted() if (
            event.case is None
        ):  # turned away at the door: the written word is owed
            return (*clocks, Clock(event.subject, "case", event.category, (), (Held(on, "township"),)))
        case Applied():
            begun = Clock(event.case, "case", event.category, (), (Held(on, "township"),))
            clues = [each for each in clocks if each.kind == "finding" or (each.is_clue and not each.open)]
            first = min(clues, key=lambda clue: clue.first, default=begun)
            if (
                first.first <= on and first is not begun
            ):  # whatever called for it: the road begins with the first
                begun = _led(begun, first)
            return (*(clock for clock in clocks if clock not in clues), begun)
    return clocks


def _carried(alert: CarriedAlert) -> Clock:
    raised = alert.raised_on
    running = [("clue-answered", raised)] + ([("clue-verified", raised)] if alert.verified_on is None else [])
    return Clock(alert.alert, "alert", "", tuple(running), (Held(raised, "township"),))


def _led(case: Clock, clue: Clock) -> Clock:
    """The case, its road beginning at the clue; from its own beginning on its own hands count."""
    held = tuple(each for each in clue.held if each.day <= case.first)
    running = (*case.running, (CLUE_MONEY, clue.first))
    return replace(case, running=running, held=(*held, *case.held))


def _linked_late(clocks: list[Clock], alert: UUID) -> list[Clock]:
    """An alert answered only after the application it led to: the case under way takes its clock over."""
    clue = next((each for each in clocks if each.subject == alert and each.running), None)
    case = next((each for each in clocks if dict(each.running).keys() & {"accept", "total"}), None)
    if clue is None or case is None:
        return clocks
    led = CLUE_MONEY in dict(case.running) or clue.first > case.first
    linked = case if led else _led(case, clue)
    return [linked if each is case else each for each in clocks if each is not clue]
