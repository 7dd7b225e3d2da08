"""The one table of stored names (事件目录): what is stored under which name, for ever; and what can be asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from domain import jurisdiction
from domain.aid import payments, temporary_aid
from domain.change import adjustment, grace, hearing, monitoring, review, termination
from domain.clock import supervision
from domain.correction import day_correction, fact_correction, irregular, member_correction
from domain.decision import (
    confirmation,
    extension,
    file,
    file_return,
    notice,
    objection,
    opinion,
    status,
    transfer,
)
from domain.guards import conflict_of_interest, delegation
from domain.household.command import Command
from domain.household.event import Event
from domain.household.notions import ANSWERS, Notion
from domain.inquiry import complaint, completion, recheck, sampling, verification
from domain.intake import (
    application,
    application_closure,
    application_place,
    authorisation,
    completeness,
    mandate,
    proactive_discovery,
    relatives,
)
from domain.members import (
    arrival,
    death,
    identification,
    joining,
    member_changes,
    moving,
    registration,
    split,
    succession,
)
from domain.papers import delivery, documents, notification
from domain.values import assessment
from domain.values.receipt import Rule
from domain.values.refusals import code_of
from domain.watching import alerts

EVENTS: Mapping[str, type[Event]] = {
    "household.registered.1": registration.HouseholdRegistered,
    "household.member-added.1": registration.MemberAdded,
    "household.need-found.1": proactive_discovery.NeedFound,
    "household.help-offered.1": proactive_discovery.HelpOffered,
    "household.alert-raised.1": alerts.AlertRaised,
    "household.alert-merged.1": alerts.AlertMerged,
    "household.alert-verified.1": alerts.AlertVerified,
    "household.alert-fed-back.1": alerts.AlertFedBack,
    "household.applied.1": application.Applied,
    "household.application-helped.1": proactive_discovery.HelpedToApply,
    "household.agent-mandated.1": mandate.AgentMandated,
    "household.mandate-revoked.1": mandate.MandateRevoked,
    "household.application-placed.1": application_place.ApplicationPlaced,
    "household.missing-items-notified.1": completeness.MissingItemsNotified,
    "household.supplement-term-set.1": completeness.SupplementTermSet,
    "household.materials-supplemented.1": completeness.MaterialsSupplemented,
    "household.verification-authorised.1": authorisation.VerificationAuthorised,
    "household.application-accepted.1": application.ApplicationAccepted,
    "household.relative-registered.1": relatives.RelativeRegistered,
    "household.application-not-accepted.1": application_closure.ApplicationNotAccepted,
    "household.application-withdrawn.1": application_closure.ApplicationWithdrawn,
    "household.procedure-ended.1": application.ProcedureEnded,
    "household.investigation-started.1": verification.InvestigationStarted,
    "household.verification-requested.1": verification.VerificationRequested,
    "household.verification-started.1": verification.VerificationStarted,
    "household.verification-reported.1": verification.VerificationReported,
    "household.result-to-be-told.1": verification.ResultToBeTold,
    "household.result-told.1": recheck.ResultTold,
    "household.report-objected.1": recheck.ReportObjected,
    "household.report-rechecked.1": recheck.ReportRechecked,
    "household.home-visited.1": verification.HomeVisited,
    "household.verified.1": completion.Verified,
    "household.opinion-given.1": opinion.OpinionGiven,
    "household.notice-posted.1": notice.NoticePosted,
    "household.notice-closed.1": notice.NoticeClosed,
    "household.notice-objected.1": objection.NoticeObjected,
    "household.reinvestigated.1": objection.Reinvestigated,
    "household.democratic-review-held.1": objection.DemocraticReviewHeld,
    "household.file-received.1": file.FileReceived,
    "household.file-returned.1": file_return.FileReturned,
    "household.file-resubmitted.1": file_return.FileResubmitted,
    "household.limit-extended.1": extension.LimitExtended,
    "household.conflict-declared.1": conflict_of_interest.ConflictDeclared,
    "household.complaint-received.1": complaint.ComplaintReceived,
    "household.complaint-answered.1": complaint.ComplaintAnswered,
    "household.sample-drawn.1": sampling.SampleDrawn,
    "household.sample-checked.1": sampling.SampleChecked,
    "household.irregular-recorded.1": irregular.IrregularRecorded,
    "household.irregularly-confirmed.1": irregular.IrregularlyConfirmed,
    "household.irregularly-ended.1": irregular.IrregularlyEnded,
    "household.suspicion-answered.1": irregular.SuspicionAnswered,
    "household.classified.1": status.Classified,
    "household.application-refused.1": confirmation.ApplicationRefused,
    "household.document-issued.1": documents.DocumentIssued,
    "household.document-delivered.1": delivery.DocumentDelivered,
    "household.delivery-failed.1": delivery.DeliveryFailed,
    "household.notice-delivered.1": notification.NoticeDelivered,
    "household.confirmation-published.1": notification.ConfirmationPublished,
    "household.temporary-aid-granted.1": temporary_aid.TemporaryAidGranted,
    "household.payment-ordered.1": payments.PaymentOrdered,
    "household.aid-delivered.1": payments.AidDelivered,
    "household.payment-returned.1": payments.PaymentReturned,
    "household.change-reported.1": review.ChangeReported,
    "household.recertified.1": review.Recertified,
    "household.grace-granted.1": grace.GraceGranted,
    "household.grace-expiry-warned.1": grace.GraceExpiryWarned,
    "household.opinion-heard.1": hearing.OpinionHeard,
    "household.exited.1": status.Exited,
    "household.transfer-consented.1": transfer.TransferConsented,
    "household.transfer-started.1": transfer.TransferStarted,
    "household.returned-to-monitoring.1": monitoring.ReturnedToMonitoring,
    "household.member-joined.1": member_changes.MemberJoined,
    "household.member-left.1": member_changes.MemberLeft,
    "household.member-changed.1": member_changes.MemberChanged,
    "household.head-changed.1": succession.HeadChanged,
    "household.member-died.1": death.MemberDied,
    "household.benefit-adjusted.1": adjustment.BenefitAdjusted,
    "household.reassessment-concluded.1": adjustment.ReassessmentConcluded,
    "household.member-arrived.1": arrival.MemberArrived,
    "household.person-identified.1": identification.PersonIdentified,
    "household.members-split-off.1": split.MembersSplitOff,
    "household.split-from.1": split.HouseholdSplitFrom,
    "household.member-moved-out.1": split.MemberMovedOut,
    "household.joined-into.1": joining.JoinedInto,
    "household.another-joined.1": joining.HouseholdJoined,
    "household.moved.1": moving.HouseholdMoved,
    "household.file-handed-over.1": moving.FileHandedOver,
    "household.file-taken-over.1": moving.FileTakenOver,
    "household.residence-corrected.1": fact_correction.ResidenceCorrected,
    "household.income-corrected.1": fact_correction.IncomeCorrected,
    "household.visit-day-corrected.1": fact_correction.VisitDayCorrected,
    "household.notice-day-corrected.1": day_correction.NoticeDayCorrected,
    "household.delivery-day-corrected.1": day_correction.DeliveryDayCorrected,
    "household.member-corrected.1": member_correction.MemberCorrected,
    "household.death-corrected.1": member_correction.DeathCorrected,
    "household.deadline-missed.1": supervision.DeadlineMissed,
    "jurisdiction.pack-adopted.1": jurisdiction.PackAdopted,
    "calendar.edition-adopted.1": jurisdiction.EditionAdopted,
}

RESERVED: Mapping[str, str] = {
    "household.referred.1": "a need goes to a department: referral, need, department, mode, feedback due",
    "household.graduated.1": "it was decided that the family stands by itself: what was assessed, since when,"
    " what goes on, watching until",
}
"""Names whose meaning is fixed and whose facts come with their commands; nothing else may take them."""

UPCASTERS: Mapping[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""How the stored fields of an older number become those of the next: pure, by name without number and the number
it starts from. The codec checks at start that each chain leads to an event of today."""


def answering(*notions: Notion) -> frozenset[type[Event]]:
    """The kinds of household events that answer at least one of these notions."""
    attributes = [attribute for notion in notions for attribute in ANSWERS[notion]]
    return frozenset(
        kind
        for name, kind in EVENTS.items()
        if name.startswith("household.")
        and any(getattr(kind, each) is not getattr(Event, each) for each in attributes)
    )


NAMES: Mapping[type[Event], str] = {kind: name for name, kind in EVENTS.items()}

COMMANDS: Mapping[str, type[Command]] = {
    code_of(kind): kind
    for kind in (
        registration.RegisterHousehold,
        proactive_discovery.ReportNeed,
        proactive_discovery.OfferHelp,
        alerts.RaiseAlert,
        alerts.VerifyAlert,
        alerts.FeedBackAlert,
        application.Apply,
        mandate.MandateAgent,
        mandate.RevokeMandate,
        application_place.RecordPlace,
        completeness.NotifyMissingItems,
        completeness.SupplementMaterials,
        authorisation.AuthoriseVerification,
        application.AcceptApplication,
        relatives.RegisterRelative,
        application_closure.DeclineApplication,
        application_closure.WithdrawApplication,
        application.EndProcedure,
        verification.StartInvestigation,
        verification.RequestVerification,
        verification.StartVerification,
        verification.ReportVerification,
        recheck.TellResult,
        recheck.ObjectToReport,
        recheck.Recheck,
        verification.VisitHome,
        opinion.GiveOpinion,
        notice.PostNotice,
        notice.CloseNotice,
        objection.ObjectToNotice,
        objection.Reinvestigate,
        objection.HoldDemocraticReview,
        file.ReceiveFile,
        file_return.ReturnFile,
        file_return.ResubmitFile,
        extension.ExtendLimit,
        conflict_of_interest.DeclareConflict,
        complaint.ReceiveComplaint,
        complaint.AnswerComplaint,
        sampling.DrawSample,
        sampling.CheckSample,
        irregular.RecordIrregular,
        irregular.AnswerSuspicion,
        confirmation.ConfirmDibao,
        confirmation.RefuseApplication,
        documents.IssueDocument,
        delivery.DeliverDocument,
        delivery.NoteFailedDelivery,
        notification.DeliverNotice,
        notification.PublishConfirmation,
        temporary_aid.GrantTemporaryAid,
        payments.OrderPayment,
        payments.SettlePayment,
        payments.ReturnPayment,
        review.ReportChange,
        review.Recertify,
        grace.GrantGrace,
        grace.WarnGraceExpiry,
        hearing.HearOpinion,
        termination.TerminateBenefit,
        transfer.ConsentToTransfer,
        transfer.StartTransfer,
        confirmation.ConfirmMarginal,
        monitoring.ReturnToMonitoring,
        member_changes.AddMember,
        member_changes.RemoveMember,
        member_changes.ChangeMember,
        death.RecordDeath,
        adjustment.AdjustBenefit,
        adjustment.ConcludeReassessment,
        identification.IdentifyPerson,
        split.SplitHousehold,
        split.MoveMember,
        joining.JoinHousehold,
        moving.MoveHousehold,
        moving.HandOverFile,
        moving.TakeOverFile,
        fact_correction.CorrectResidence,
        fact_correction.CorrectIncome,
        fact_correction.CorrectVisitDay,
        day_correction.CorrectNoticeDay,
        day_correction.CorrectDeliveryDay,
        member_correction.CorrectMember,
        member_correction.CorrectDeath,
        supervision.NoteMissedDeadline,
    )
}
"""Every household command by its kebab-case name, as scripts and the API say it."""

RULES: Mapping[str, Rule] = {
    "income.annual": assessment.annual_income,
    "income.per-capita-month": assessment.per_capita_month,
    "marginal.line": assessment.marginal_line,
    "marginal.is-below-line": assessment.is_below,
    "dibao.is-below-standard": assessment.is_below,
    "dibao.gap-benefit": assessment.gap_benefit,
    "decision.delegated": delegation.may_delegate,
    "sampling.is-drawn": sampling.is_drawn,
    "grace.within-band": grace.within_grace_band,
    "exit.hearing": hearing.may_decide,
    "temporary.urgent-needs-notice": temporary_aid.needs_notice,
}
"""Every rule a receipt may name; the name is stored and never changes."""
