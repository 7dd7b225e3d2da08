"""Kinds of limits (期限种类): for every limit that the domain sets, the acts that keep it and the facts that end it.

A limit that no act can end stays missed for ever. So each names all its lawful ends here, and a test holds the table
against what the facts themselves say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from domain.categories.roads import codes
from domain.change.adjustment import BenefitAdjusted, ReassessmentConcluded
from domain.change.review import Recertified
from domain.correction.day_correction import DeliveryDayCorrected, NoticeDayCorrected
from domain.correction.irregular import IrregularlyConfirmed, IrregularlyEnded, SuspicionAnswered
from domain.correction.member_correction import DeathCorrected
from domain.decision.confirmation import ApplicationRefused
from domain.decision.extension import LimitExtended
from domain.decision.file import FileReceived
from domain.decision.file_return import FileResubmitted, FileReturned
from domain.decision.notice import NoticeClosed
from domain.decision.objection import NoticeObjected
from domain.decision.opinion import OpinionGiven
from domain.decision.status import RECHECKS, Classified, Exited
from domain.household.event import Event
from domain.inquiry.complaint import ComplaintAnswered
from domain.inquiry.recheck import RECHECK, ReportRechecked, ResultTold
from domain.inquiry.sampling import SampleChecked
from domain.inquiry.verification import InvestigationStarted, VerificationStarted
from domain.intake.application import ApplicationAccepted, Applied, ProcedureEnded
from domain.intake.application_closure import NOT_ACCEPTED, ApplicationNotAccepted, ApplicationWithdrawn
from domain.intake.completeness import ONE_NOTICE, SUPPLEMENT, MissingItemsNotified
from domain.intake.proactive_discovery import HELP, HelpOffered
from domain.members.death import DEATH
from domain.members.member_changes import CHANGE
from domain.members.moving import HANDED_OVER, FileTakenOver
from domain.papers.delivery import LAWSUIT, RECONSIDERATION, DocumentDelivered
from domain.papers.notification import NoticeDelivered
from domain.watching.alerts import AlertFedBack

Kinds = tuple[type[Event], ...]

CASE_ENDS: Final[Kinds] = (
    Classified,
    IrregularlyConfirmed,
    ApplicationRefused,
    ApplicationNotAccepted,
    ApplicationWithdrawn,
    ProcedureEnded,
)
"""The facts that end a case, and with it every limit of the case."""


@dataclass(frozen=True, slots=True)
class LimitKind:
    """The lawful ends of a limit: the acts it is set for keep it, other facts make it matter no more.

    One `of_case` ends with its case as well. One that `runs_out` is a period: it ends when its time is over.
    """

    kept_by: Kinds = ()
    ended_by: Kinds = ()
    of_case: bool = False
    runs_out: bool = False


def _case(kept_by: Kinds, ended_by: Kinds = (), *, runs_out: bool = False) -> LimitKind:
    return LimitKind(kept_by, ended_by, of_case=True, runs_out=runs_out)


_DECIDED: Final[Kinds] = (Classified, ApplicationRefused)
_KINDS: Final[tuple[tuple[tuple[str, ...], LimitKind], ...]] = (
    # discovery and monitoring
    (tuple(f"DL-ALERT-{level}" for level in "ROYB"), LimitKind((AlertFedBack,))),
    ((HELP,), LimitKind((HelpOffered,), (Applied,))),
    # the road of a case
    ((ONE_NOTICE,), _case((MissingItemsNotified, ApplicationAccepted, ApplicationNotAccepted))),
    ((SUPPLEMENT,), _case((), (ApplicationAccepted,), runs_out=True)),
    (codes("investigate"), _case((InvestigationStarted,))),
    (codes("check"), _case((VerificationStarted,))),
    (codes("tell"), _case((ResultTold, DocumentDelivered), (ReportRechecked,))),
    ((RECHECK,), _case((ReportRechecked,))),
    (codes("notice"), _case((NoticeClosed,), (OpinionGiven, NoticeDayCorrected), runs_out=True)),
    (codes("send"), _case((FileReceived,), (OpinionGiven, NoticeObjected, NoticeDayCorrected))),
    (codes("mend"), _case((FileResubmitted, OpinionGiven))),
    (
        codes("decide"),
        _case(_DECIDED, (OpinionGiven, NoticeObjected, FileReturned, NoticeDayCorrected)),
    ),
    (codes("total", "total-delegated"), _case(_DECIDED, (LimitExtended,))),
    (codes("total-extended"), _case(_DECIDED)),
    # what was decided reaches the family
    (codes("notify"), LimitKind((DocumentDelivered, NoticeDelivered))),
    ((NOT_ACCEPTED,), LimitKind((DocumentDelivered, NoticeDelivered))),
    (
        (RECONSIDERATION, LAWSUIT),
        LimitKind((), (DocumentDelivered, DeliveryDayCorrected), runs_out=True),
    ),
    # a family in a category
    (RECHECKS, LimitKind((Recertified,), (Classified, Exited, IrregularlyEnded))),
    ((DEATH,), LimitKind((BenefitAdjusted, Exited), (DeathCorrected,))),
    (
        (CHANGE,),
        LimitKind((BenefitAdjusted, ReassessmentConcluded, Exited), (Classified, ApplicationRefused)),
    ),
    (("DL-GRC",), LimitKind((Exited,), (Recertified, IrregularlyEnded))),
    ((HANDED_OVER,), LimitKind((FileTakenOver,))),
    # supervision
    (("DL-CMP-ANS",), LimitKind((ComplaintAnswered,))),
    (("DL-SMP-CHK",), LimitKind((SampleChecked,))),
    (("DL-IRR-CHK",), LimitKind((SuspicionAnswered,))),
)
LIMIT_KINDS: Final[Mapping[str, LimitKind]] = {code: kind for each, kind in _KINDS for code in each}
"""Every limit and period that the domain sets, by its code; all of them end when the household joins another."""
