"""Duties (待办): which facts begin and end what somebody has to do. One table for the whole chain.

A new event belongs into `TURNS`, or into `LEAVES_DUTIES` when nobody has to do anything else because of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final
from uuid import UUID

from domain.aid.payments import PaymentOrdered, PaymentReturned, PaymentSettled
from domain.aid.temporary_aid import TemporaryAidGranted
from domain.change.adjustment import BenefitAdjusted, ReassessmentConcluded
from domain.change.grace import GraceExpiryWarned, GraceGranted
from domain.change.hearing import OpinionHeard
from domain.change.monitoring import ReturnedToMonitoring
from domain.change.review import ChangeReported, Recertified
from domain.change.termination import BenefitTerminated
from domain.clock.duty import D, Duty, Turn, of, of_every, of_household, taken
from domain.clock.duty_conditions import (
    goes_on_notice,
    goes_to_county,
    goes_to_family,
    has_outgrown,
    has_visited,
    is_changed,
    is_complete,
    is_corrected,
    is_delegated,
    is_less,
    is_limited,
    is_looked_at_anyway,
    is_remedied,
    month_of,
    owes_visit,
    seen_alerts,
    skips_notice_delegated,
    skips_notice_to_county,
    subject_of_due,
    tells_result,
    unseen_alerts,
)
from domain.clock.duty_context import Standing
from domain.clock.supervision import DeadlineMissed
from domain.correction.day_correction import DeliveryDayCorrected, NoticeDayCorrected
from domain.correction.fact_correction import IncomeCorrected, ResidenceCorrected, VisitDayCorrected
from domain.correction.irregular import (
    IrregularlyConfirmed,
    IrregularlyEnded,
    IrregularRecorded,
    SuspicionAnswered,
)
from domain.correction.member_correction import DeathCorrected, MemberCorrected
from domain.decision.confirmation import ApplicationRefused, DibaoConfirmed
from domain.decision.extension import LimitExtended
from domain.decision.file import FileReceived
from domain.decision.file_return import FileResubmitted, FileReturned
from domain.decision.notice import NoticeClosed, NoticePosted
from domain.decision.objection import DemocraticReviewHeld, NoticeObjected, Reinvestigated
from domain.decision.opinion import OpinionGiven
from domain.decision.transfer import MarginalConfirmed, TransferConsented, TransferStarted
from domain.guards.conflict_of_interest import ConflictDeclared
from domain.household.event import Event
from domain.inquiry.complaint import ComplaintAnswered, ComplaintReceived
from domain.inquiry.recheck import ReportObjected, ReportRechecked, ResultTold
from domain.inquiry.sampling import SampleChecked, SampleDrawn
from domain.inquiry.verification import (
    HomeVisited,
    InvestigationStarted,
    ResultToBeTold,
    VerificationReported,
    VerificationRequested,
    VerificationStarted,
)
from domain.intake.application import ApplicationAccepted, Applied, ProcedureEnded
from domain.intake.application_closure import ApplicationNotAccepted, ApplicationWithdrawn
from domain.intake.application_place import ApplicationPlaced
from domain.intake.authorisation import VerificationAuthorised
from domain.intake.completeness import MaterialsSupplemented, MissingItemsNotified, SupplementTermSet
from domain.intake.mandate import AgentMandated, MandateRevoked
from domain.intake.proactive_discovery import HelpedToApply, HelpOffered, NeedFound
from domain.intake.relatives import RelativeRegistered
from domain.jurisdiction import EditionAdopted, PackAdopted
from domain.members.arrival import MemberArrived
from domain.members.death import DEATH, MemberDied
from domain.members.identification import PersonIdentified
from domain.members.joining import HouseholdJoined, JoinedInto
from domain.members.member_changes import MemberChanged, MemberJoined, MemberLeft
from domain.members.moving import FileHandedOver, FileTakenOver, HouseholdMoved
from domain.members.registration import HouseholdRegistered, MemberAdded
from domain.members.split import HouseholdSplitFrom, MemberMovedOut, MembersSplitOff
from domain.members.succession import HeadChanged
from domain.papers.delivery import DeliveryFailed, DocumentDelivered
from domain.papers.documents import DocumentIssued
from domain.papers.notification import ConfirmationPublished, NoticeDelivered
from domain.watching.alerts import AlertFedBack, AlertMerged, AlertRaised, AlertVerified

_INVESTIGATION: Final = (
    "start-investigation",
    "request-verification",
    "start-verification",
    "report-verification",
    "visit-home",
)
_UP_TO_OPINION: Final = (*_INVESTIGATION, "give-opinion", "inquire", "mend-file", "receive-file")
_FROM_NOTICE_ON: Final = (
    "post-notice",
    "close-notice",
    "send-file",
    "decide",
    "decide-delegated",
    "visit-home-county",
)
_AIDED: Final = (
    "recertify",
    "check-change",
    "adjust-after-check",
    "decide-after-check",
)


_case, _alert, _benefit = of("case"), of("alert"), of("benefit")
_changed_members = (
    Turn(subject_of_due, opens=("adjust-after-change",), when=is_limited),
    Turn(of_household, opens=("check-change",), when=is_looked_at_anyway),
)
# a correction nothing rests on, or a move by which nothing changes, calls for nobody
_corrected = (Turn(subject_of_due, opens=("adjust-after-change",), when=is_limited),)
_moved = (
    *_corrected,
    Turn(
        of_household,
        opens=("check-change",),
        when=lambda event, standing: event.person is not None and is_looked_at_anyway(event, standing),
    ),
)
_inquired = (Turn(_case, closes=("inquire",), opens=("give-opinion",), once_done=("inquire",)),)
_unaided = (Turn(of_household, closes=_AIDED), Turn(of_every, closes=("decide-after-grace",)))
TURNS: Final[Mapping[type[Event], tuple[Turn, ...]]] = {
    # monitoring
    AlertRaised: (Turn(_alert, opens=("verify-alert",)),),
    AlertVerified: (Turn(_alert, closes=("verify-alert",), opens=("answer-alert",)),),
    AlertFedBack: (Turn(_alert, closes=("*",)),),
    NeedFound: (Turn(of("finding"), opens=("offer-help",), when=is_limited),),
    HelpOffered: (Turn(of("findings"), closes=("offer-help",)),),
    # intake
    Applied: (Turn(of_every, closes=("offer-help",)), Turn(_case, opens=("accept-or-notify",))),
    MissingItemsNotified: (Turn(_case, closes=("accept-or-notify",), opens=("await-materials",)),),
    MaterialsSupplemented: (
        Turn(_case, closes=("await-materials",), opens=("accept",), when=is_complete, once_done=("accept",)),
    ),
    ApplicationAccepted: (
        Turn(
            _case,
            closes=("*",),
            opens=("start-investigation", "request-verification", "visit-home"),
        ),
    ),
    ApplicationNotAccepted: (
        Turn(_case, closes=("*",), when=lambda event, standing: event.case is not None),
        Turn(of("subject"), opens=("deliver-notice",)),
    ),
    ApplicationWithdrawn: (Turn(_case, closes=("*",)),),
    ProcedureEnded: (Turn(_case, closes=("*",)),),
    RelativeRegistered: (Turn(_case, opens=("visit-home-county",), when=owes_visit, beside=("decide",)),),
    # verification
    InvestigationStarted: (
        Turn(_case, closes=("start-investigation",), opens=("give-opinion",), once_done=_INVESTIGATION),
    ),
    VerificationRequested: (Turn(_case, closes=("request-verification",), opens=("start-verification",)),),
    VerificationStarted: (Turn(_case, closes=("start-verification",), opens=("report-verification",)),),
    VerificationReported: (
        Turn(_case, closes=("report-verification",), opens=("give-opinion",), once_done=_INVESTIGATION),
    ),
    HomeVisited: (
        Turn(_case, closes=("visit-home-county",), when=has_visited),
        Turn(_case, closes=("visit-home",), opens=("give-opinion",), once_done=_INVESTIGATION),
    ),
    VisitDayCorrected: (
        Turn(_case, closes=("visit-home-county",), when=has_visited),
        Turn(_case, opens=("visit-home-county",), when=owes_visit, beside=("decide",)),
    ),
    ResultToBeTold: (Turn(_case, opens=("tell-result",)),),
    ResultTold: (Turn(_case, closes=("tell-result",)),),
    ReportObjected: (Turn(_case, opens=("recheck",)),),
    ReportRechecked: (
        Turn(_case, closes=("recheck", "tell-result")),
        Turn(_case, opens=("tell-result",), when=is_limited),
    ),
    # classification
    OpinionGiven: (
        Turn(_case, closes=(*_UP_TO_OPINION, *_FROM_NOTICE_ON)),
        Turn(_case, opens=("post-notice",), when=goes_on_notice),
        Turn(_case, opens=("send-file",), when=skips_notice_to_county),
        Turn(_case, opens=("decide-delegated",), when=skips_notice_delegated),
    ),
    NoticePosted: (Turn(_case, closes=("post-notice",), opens=("close-notice",)),),
    NoticeObjected: (Turn(_case, closes=(*_FROM_NOTICE_ON, "give-opinion"), opens=("inquire",)),),
    Reinvestigated: _inquired,
    DemocraticReviewHeld: _inquired,
    NoticeClosed: (
        Turn(_case, closes=("close-notice",)),
        Turn(_case, opens=("send-file",), when=goes_to_county),
        Turn(_case, opens=("decide-delegated",), when=is_delegated),
    ),
    # decision
    FileReceived: (
        Turn(_case, closes=("send-file", "receive-file", "decide-delegated"), opens=("decide",)),
        Turn(_case, opens=("visit-home-county",), when=owes_visit),
    ),
    FileReturned: (Turn(_case, closes=("decide", "visit-home-county"), opens=("mend-file",)),),
    FileResubmitted: (Turn(_case, closes=("mend-file",), opens=("receive-file",)),),
    LimitExtended: (Turn(of("extension"), opens=("deliver-notice",)),),
    DibaoConfirmed: (
        Turn(_case, closes=("*",), opens=("publish-confirmation",)),
        Turn(of_household, closes=(*_AIDED, "start-transfer"), opens=("recertify",)),
    ),
    ApplicationRefused: (Turn(_case, closes=("*",), opens=("deliver-notice",)),),
    # notification
    NoticeDelivered: (Turn(of("about"), closes=("deliver-notice",)),),
    ConfirmationPublished: (Turn(_case, closes=("publish-confirmation",)),),
    DocumentIssued: (
        Turn(
            of("replaces"),
            closes=("deliver-document",),
            when=lambda event, standing: event.replaces is not None,
        ),
        Turn(of("document"), opens=("deliver-document",), when=goes_to_family),
        Turn(of("subject"), opens=("deliver-notice",), when=is_corrected),
    ),
    DocumentDelivered: (
        Turn(of("document"), closes=("deliver-document",)),
        Turn(of("subject"), closes=("deliver-notice",), when=is_remedied),
        Turn(of("subject"), closes=("tell-result",), when=tells_result),
    ),
    # supervision
    ComplaintReceived: (
        Turn(of("complaint"), opens=("answer-complaint",)),
        Turn(of("during"), opens=("visit-home-county",), when=owes_visit, beside=("decide",)),
    ),
    ComplaintAnswered: (Turn(of("complaint"), closes=("answer-complaint",)),),
    SampleDrawn: (Turn(of("sample"), opens=("check-sample",), when=is_limited),),
    SampleChecked: (
        Turn(of("sample"), closes=("check-sample",)),
        Turn(of("sample"), opens=("answer-suspicion",), when=is_limited),
    ),
    IrregularRecorded: (Turn(of("irregular"), opens=("answer-suspicion",)),),
    IrregularlyConfirmed: (Turn(_case, closes=("*",), when=lambda event, standing: event.case is not None),),
    IrregularlyEnded: _unaided,
    SuspicionAnswered: (Turn(of("suspicion"), closes=("answer-suspicion",)),),
    # benefit
    TemporaryAidGranted: (Turn(of("aid"), opens=("pay-temporary-aid",)),),
    PaymentOrdered: (
        Turn(
            _benefit, closes=("pay-temporary-aid", "order-again"), opens=("confirm-payment",), month=month_of
        ),
    ),
    PaymentSettled: (Turn(_benefit, closes=("confirm-payment",), month=month_of),),
    PaymentReturned: (Turn(_benefit, closes=("confirm-payment",), opens=("order-again",), month=month_of),),
    # review
    ChangeReported: (Turn(of_household, opens=("check-change",)),),
    Recertified: (
        Turn(of_household, closes=("check-change", "recertify"), opens=("recertify",)),
        Turn(of_household, closes=("adjust-after-check",), opens=("decide-after-check",), when=has_outgrown),
        Turn(of_household, closes=("decide-after-check",), opens=("adjust-after-check",), when=is_changed),
    ),
    MemberJoined: _changed_members,
    MemberLeft: _changed_members,
    MemberChanged: _changed_members,
    MembersSplitOff: _changed_members,
    MemberMovedOut: _changed_members,
    MemberArrived: _changed_members,
    HouseholdSplitFrom: _changed_members,
    HouseholdMoved: _moved,
    FileHandedOver: (Turn(of("handing"), opens=("take-over-file",)),),
    FileTakenOver: (Turn(of("handing"), closes=("take-over-file",)), *_moved),
    HouseholdJoined: (
        Turn(unseen_alerts, opens=("verify-alert",)),
        Turn(seen_alerts, opens=("answer-alert",)),
        *_changed_members,
    ),
    NoticeDayCorrected: (
        Turn(
            _case,
            closes=_FROM_NOTICE_ON,
            opens=("close-notice",),
            when=lambda event, standing: event.reopened,
        ),
        *_corrected,
    ),
    DeliveryDayCorrected: _corrected,
    MemberCorrected: _corrected,
    ResidenceCorrected: _corrected,
    DeathCorrected: (
        Turn(of("death"), closes=("adjust-after-death",)),
        Turn(
            lambda event, household: event.death_due.subject,
            opens=("adjust-after-death",),
            when=lambda event, standing: event.death_due is not None,
        ),
        *_changed_members,
    ),
    JoinedInto: (Turn(of_every, closes=("*",)),),
    MemberDied: (
        Turn(
            subject_of_due,
            opens=("adjust-after-death",),
            when=lambda event, standing: event.due is not None and event.due.what == DEATH,
        ),
        # no Dibao on the day of death: a change like any other
        Turn(
            subject_of_due,
            opens=("adjust-after-change",),
            when=lambda event, standing: event.due is not None and event.due.what != DEATH,
        ),
    ),
    BenefitAdjusted: (
        Turn(of_household, closes=("check-change", "adjust-after-check")),
        Turn(of_every, closes=("adjust-after-death", "adjust-after-change")),
        Turn(of("adjustment"), opens=("deliver-notice",), when=is_less),
    ),
    ReassessmentConcluded: (
        Turn(of_household, closes=("check-change", "adjust-after-check")),
        Turn(of_every, closes=("adjust-after-change",)),
    ),
    # grace
    GraceGranted: (
        Turn(of_household, closes=("decide-after-check",)),
        Turn(of("grace"), opens=("decide-after-grace",)),
    ),
    # exit
    BenefitTerminated: (
        *_unaided,
        Turn(of_every, closes=("adjust-after-death", "adjust-after-change")),
        Turn(of("termination"), opens=("deliver-notice",)),
    ),
    # transfer
    TransferConsented: (
        Turn(of_household, opens=("start-transfer",), when=lambda event, standing: event.given),
        Turn(of_household, closes=("start-transfer",), when=lambda event, standing: not event.given),
    ),
    TransferStarted: (
        Turn(of_household, closes=("start-transfer",)),
        Turn(_case, opens=("decide",)),
    ),
    MarginalConfirmed: (
        Turn(_case, closes=("*",)),
        Turn(of_household, closes=(*_AIDED, "start-transfer"), opens=("recertify",)),
    ),
}
"""By kind of fact, what it ends and begins; its turns are taken in order."""

LEAVES_DUTIES: Final[frozenset[type[Event]]] = frozenset(
    {
        HouseholdRegistered,
        MemberAdded,
        PersonIdentified,
        IncomeCorrected,
        HeadChanged,
        HelpedToApply,
        AgentMandated,
        MandateRevoked,
        ApplicationPlaced,
        SupplementTermSet,
        ConflictDeclared,
        DeliveryFailed,
        AlertMerged,
        VerificationAuthorised,
        GraceExpiryWarned,
        OpinionHeard,
        ReturnedToMonitoring,
        DeadlineMissed,
        PackAdopted,
        EditionAdopted,
    }
)
"""The facts that neither end nor begin a duty."""


def turned(
    event: Event, household: UUID, standing: Standing, open_duties: Iterable[D]
) -> tuple[list[D], list[Duty]]:
    """What a fact does to the open duties of its household: those it ended, and the new ones.

    `standing` is that after the fact. A duty that is open already is not opened again.
    """
    turns = TURNS.get(type(event))
    return taken(turns, event, household, standing, open_duties) if turns else ([], [])
