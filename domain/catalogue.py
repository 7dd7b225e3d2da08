"""The one table of stored names (事件目录): what is stored under which name, for ever; and what can be asked."""

from __future__ import annotations

from collections.abc import Mapping

from domain import (
    assessment,
    authorisation,
    benefit,
    classification,
    decision,
    exit,
    grace,
    intake,
    jurisdiction,
    membership,
    monitoring,
    notification,
    review,
    supervision,
    transfer,
    verification,
)
from domain.message import Command, Event, code_of
from domain.receipt import Rule

EVENTS: Mapping[str, type[Event]] = {
    "household.registered.1": membership.HouseholdRegistered,
    "household.member-added.1": membership.MemberAdded,
    "household.alert-raised.1": monitoring.AlertRaised,
    "household.alert-merged.1": monitoring.AlertMerged,
    "household.alert-verified.1": monitoring.AlertVerified,
    "household.alert-fed-back.1": monitoring.AlertFedBack,
    "household.applied.1": intake.Applied,
    "household.missing-items-notified.1": intake.MissingItemsNotified,
    "household.materials-supplemented.1": intake.MaterialsSupplemented,
    "household.verification-authorised.1": authorisation.VerificationAuthorised,
    "household.application-accepted.1": intake.ApplicationAccepted,
    "household.procedure-ended.1": intake.ProcedureEnded,
    "household.investigation-started.1": verification.InvestigationStarted,
    "household.verification-requested.1": verification.VerificationRequested,
    "household.verification-started.1": verification.VerificationStarted,
    "household.verification-reported.1": verification.VerificationReported,
    "household.home-visited.1": verification.HomeVisited,
    "household.opinion-given.1": classification.OpinionGiven,
    "household.notice-posted.1": classification.NoticePosted,
    "household.notice-closed.1": classification.NoticeClosed,
    "household.file-received.1": decision.FileReceived,
    "household.dibao-confirmed.1": decision.DibaoConfirmed,
    "household.application-refused.1": decision.ApplicationRefused,
    "household.notice-delivered.1": notification.NoticeDelivered,
    "household.confirmation-published.1": notification.ConfirmationPublished,
    "household.temporary-aid-granted.1": benefit.TemporaryAidGranted,
    "household.payment-ordered.1": benefit.PaymentOrdered,
    "household.payment-settled.1": benefit.PaymentSettled,
    "household.payment-returned.1": benefit.PaymentReturned,
    "household.change-reported.1": review.ChangeReported,
    "household.recertified.1": review.Recertified,
    "household.grace-granted.1": grace.GraceGranted,
    "household.grace-expiry-warned.1": grace.GraceExpiryWarned,
    "household.opinion-heard.1": exit.OpinionHeard,
    "household.benefit-terminated.1": exit.BenefitTerminated,
    "household.transfer-consented.1": transfer.TransferConsented,
    "household.transfer-started.1": transfer.TransferStarted,
    "household.marginal-confirmed.1": transfer.MarginalConfirmed,
    "household.returned-to-monitoring.1": monitoring.ReturnedToMonitoring,
    "household.deadline-missed.1": supervision.DeadlineMissed,
    "jurisdiction.pack-adopted.1": jurisdiction.PackAdopted,
    "calendar.edition-adopted.1": jurisdiction.EditionAdopted,
}

NAMES: Mapping[type[Event], str] = {kind: name for name, kind in EVENTS.items()}

COMMANDS: Mapping[str, type[Command]] = {
    code_of(kind): kind
    for kind in (
        membership.RegisterHousehold,
        monitoring.RaiseAlert,
        monitoring.VerifyAlert,
        monitoring.FeedBackAlert,
        intake.Apply,
        intake.NotifyMissingItems,
        intake.SupplementMaterials,
        authorisation.AuthoriseVerification,
        intake.AcceptApplication,
        intake.EndProcedure,
        verification.StartInvestigation,
        verification.RequestVerification,
        verification.StartVerification,
        verification.ReportVerification,
        verification.VisitHome,
        classification.GiveOpinion,
        classification.PostNotice,
        classification.CloseNotice,
        decision.ReceiveFile,
        decision.ConfirmDibao,
        decision.RefuseApplication,
        notification.DeliverNotice,
        notification.PublishConfirmation,
        benefit.GrantTemporaryAid,
        benefit.OrderPayment,
        benefit.SettlePayment,
        benefit.ReturnPayment,
        review.ReportChange,
        review.Recertify,
        grace.GrantGrace,
        grace.WarnGraceExpiry,
        exit.HearOpinion,
        exit.TerminateBenefit,
        transfer.ConsentToTransfer,
        transfer.StartTransfer,
        transfer.ConfirmMarginal,
        monitoring.ReturnToMonitoring,
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
    "grace.within-band": grace.within_grace_band,
    "exit.hearing": exit.may_decide,
    "temporary.urgent-needs-notice": benefit.needs_notice,
}
"""Every rule a receipt may name; the name is stored and never changes."""
