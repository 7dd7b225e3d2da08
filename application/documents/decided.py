"""From the decision on (决定及以后): what the documents of these steps say, and whose documents they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from application.describing.labels import code_word
from application.documents.chain import (
    Chain,
    Content,
    addressed,
    application,
    assessed,
    formal,
    incomes,
    members,
)
from application.documents.chinese import amount, capitals, day, month
from domain.categories.dibao import BELOW_STANDARD
from domain.change.adjustment import BenefitAdjusted
from domain.change.grace import GraceGranted
from domain.change.hearing import OpinionHeard
from domain.decision.confirmation import ApplicationRefused
from domain.decision.extension import LimitExtended
from domain.decision.file import FileReceived
from domain.decision.notice import NoticeClosed, NoticePosted
from domain.decision.opinion import OpinionGiven
from domain.decision.status import Classified, Exited, first_month_without
from domain.decision.transfer import TransferConsented, TransferStarted
from domain.inquiry.verification import VerificationReported
from domain.intake.application import ProcedureEnded
from domain.intake.application_closure import ApplicationNotAccepted
from domain.papers.delivery import DeliveryFailed, DocumentDelivered
from domain.papers.documents import DocumentIssued
from domain.values.issued import DOCUMENT_WORDS, METHOD_WORDS, DocumentKind
from domain.values.receipt import Decider, Decision


def _approval(chain: Chain) -> Content:
    case = chain.case
    opinion = chain.last(OpinionGiven, case=case.id)
    posted = chain.last(NoticePosted, case=case.id)
    closed = chain.last(NoticeClosed, case=case.id)
    received = chain.last(FileReceived, case=case.id)
    reported = chain.last(VerificationReported, case=case.id)
    said: Content = {
        **application(chain),
        "accepted_on": day(case.accepted_on) if case.accepted_on else "",
        "rows": members(chain, case.started_on, numbers=True),
        "income": incomes(chain, case.income),
        "report": ("符合条件" if case.report_eligible else "不符合条件") if reported else "",
        "rechecked_on": day(case.rechecked_on) if case.rechecked_on else "",
        "reported_on": day(reported.on) if reported else "",
        "visits": "、".join(day(visit.on) for visit in case.visits),
        "opinion_on": day(opinion.on) if opinion else "",
        "opinion": ("拟予确认" if opinion.approves else "拟不予确认") if opinion else "",
        "proposed": amount(opinion.fen) if opinion and opinion.fen else "",
        "notice": f"{day(posted.on)}至{day(posted.due.day)}" if posted else "",
        "objections": "、".join(f"{day(each.on)}提出" for each in case.objections if each.to == "notice"),
        "notice_result": "公示期满无异议" if closed else "",
        "received_on": day(received.on) if received else "",
        "relatives": "是" if case.relatives else "否",
    }
    if case.outcome == "confirmed":
        return {**said, "outcome": "予以确认", **_granted(chain)}
    refused = chain.the(ApplicationRefused, case=case.id)
    return {**said, "outcome": "不予确认", **_found(refused.decision), "decided_on": day(refused.on)}


def _granted(chain: Chain) -> Content:
    confirmed = chain.last(Classified, case=chain.case.id)
    if confirmed is None:
        raise LookupError("no confirmation is in the chain")
    said = {
        **assessed(confirmed.assessment),
        "decided_on": day(confirmed.on),
        "interval": code_word(confirmed.interval),
        "review_due": day(confirmed.review_due.day),
        "delegated_by": confirmed.decision.decider.delegated_by or "",
    }
    if confirmed.fen is not None and confirmed.first is not None:
        fen = confirmed.fen
        money = {"amount": amount(fen), "capitals": capitals(fen), "first": month(confirmed.first)}
        return {**said, **money, "start": day(confirmed.start)}
    return {
        **said,
        "start": day(confirmed.start),
        "aid": [code_word(each, "eligible_for") for each in confirmed.eligible_for],
    }


def _confirmation(chain: Chain) -> Content:
    return {**application(chain), **_granted(chain)}


def _refusal(chain: Chain) -> Content:
    refused = chain.the(ApplicationRefused, case=chain.case.id)
    accepted = chain.case.accepted_on
    return {
        **application(chain),
        "accepted_on": day(accepted) if accepted else "",
        "decided_on": day(refused.on),
        "ground": code_word(refused.ground),
        "reasons": refused.reasons,
        **_found(refused.decision),
    }


def _ended(chain: Chain) -> Content:
    ended = chain.the(ProcedureEnded, case=chain.case.id)
    return {
        **application(chain),
        "decided_on": day(ended.on),
        "ground": code_word(ended.cause),
        "reasons": ended.reasons,
    }


def _grace(chain: Chain) -> Content:
    granted = chain.the(GraceGranted, grace=chain.certified.subject)
    review = chain.household.management.review
    benefit = chain.household.benefit(granted.months.first)
    return {
        **addressed(chain),
        "members": str(len(chain.household.counted(granted.on))),
        "granted_on": day(granted.on),
        "cause": code_word(granted.cause),
        "first": month(granted.months.first),
        "last": month(granted.months.last),
        "months": str(len(granted.months)),
        "ground": granted.ground,
        "amount": amount(benefit.fen) if benefit else "",
        **(assessed(review.assessment) if review else {}),
    }


def _hearing(chain: Chain) -> Content:
    heard = chain.the(OpinionHeard, on=chain.certified.step_on)
    return {
        **addressed(chain),
        "heard_on": day(heard.on),
        "about": code_word(heard.about),
        "heard": chain.name(heard.heard),
        "statement": heard.statement,
    }


def _termination(chain: Chain) -> Content:
    ended = chain.the(Exited, exit=chain.certified.subject)
    heard = chain.last(OpinionHeard, about="termination")
    first = first_month_without(ended.start)
    benefit = chain.household.benefit(first + -1)
    return {
        **addressed(chain),
        "decided_on": day(ended.on),
        "ground": code_word(ended.reason),
        "reasons": ended.reasons,
        "from_month": month(first),
        "amount": amount(benefit.fen) if benefit else "",
        "heard_on": day(heard.on) if heard and heard.on <= ended.on else "",
    }


def _transfer(chain: Chain) -> Content:
    started = chain.the(TransferStarted, case=chain.case.id)
    consent = chain.last(TransferConsented, to=started.to)
    return {
        **addressed(chain),
        "to": formal(started.to),
        "started_on": day(started.on),
        "consented_on": day(consent.on) if consent else "",
        "reviewed_on": day(started.reviewed_on),
        "due": day(started.due.day),
    }


def _receipt(chain: Chain) -> Content:
    subject = chain.certified.subject
    issued = chain.the(DocumentIssued, document=subject)
    delivered = chain.last(DocumentDelivered, document=subject)
    failed = [e for e in chain.events if isinstance(e, DeliveryFailed) and e.document == subject]
    said: Content = {
        **addressed(chain),
        "title": DOCUMENT_WORDS[issued.kind],
        "document": issued.number,
        "issued_on": day(issued.on),
        "attempts": [
            {"on": day(each.on), "method": METHOD_WORDS[each.method], "cause": code_word(each.cause, "cause")}
            for each in failed
        ],
    }
    if delivered is None:
        return said
    return {
        **said,
        "method": METHOD_WORDS[delivered.method],
        "done_on": day(delivered.on),
        "delivered_on": day(delivered.delivered_on),
        "receiver": chain.name(delivered.received_by) or delivered.recipient,
        "witnesses": delivered.witnesses,
    }


def _found(decision: Decision) -> Content:
    """What a refusal rested on, out of its receipt."""
    results = {applied.rule: applied for applied in decision.receipt.rules}
    said: Content = {"delegated_by": decision.decider.delegated_by or ""}
    if (a_head := results.get("income.per-capita-month")) and isinstance(a_head.result, int):
        said["per_capita"] = amount(a_head.result)
    below = results.get(BELOW_STANDARD)
    if below and isinstance(standard := below.inputs.get("line"), int):
        said["standard"] = amount(standard)
    return said


def _reduction(chain: Chain) -> Content:
    adjusted = chain.the(BenefitAdjusted, adjustment=chain.certified.subject)
    heard = chain.last(OpinionHeard, about="reduction")
    return {
        **addressed(chain),
        "decided_on": day(adjusted.on),
        "was": amount(adjusted.was),
        "amount": amount(adjusted.fen),
        "capitals": capitals(adjusted.fen),
        "from_month": month(adjusted.first),
        "reasons": adjusted.reasons,
        "heard_on": day(heard.on) if heard and heard.on <= adjusted.on else "",
        **assessed(adjusted.assessment),
    }


def _of_case(chain: Chain) -> Decider | None:
    case = chain.case.id
    decided = chain.last(Classified, case=case) or chain.last(ApplicationRefused, case=case)
    return decided.decision.decider if decided else None


DECIDERS: Final[Mapping[DocumentKind, Callable[[Chain], Decider | None]]] = {
    "non-acceptance-notice": lambda chain: (
        chain.the(ApplicationNotAccepted, subject=chain.certified.subject).decider
    ),
    "extension-notice": lambda chain: chain.the(LimitExtended, extension=chain.certified.subject).approver,
    "approval-form": _of_case,
    "confirmation-notice": _of_case,
    "refusal-decision": _of_case,
    "grace-form": lambda chain: chain.the(GraceGranted, grace=chain.certified.subject).decision.decider,
    "reduction-notice": lambda chain: (
        chain.the(BenefitAdjusted, adjustment=chain.certified.subject).decision.decider
    ),
    "termination-notice": lambda chain: chain.the(Exited, exit=chain.certified.subject).decision.decider,
}
"""Who decided what a document certifies: the document is that organ's."""

CONTENTS: Final[Mapping[DocumentKind, Callable[[Chain], Content]]] = {
    "approval-form": _approval,
    "confirmation-notice": _confirmation,
    "refusal-decision": _refusal,
    "procedure-end-notice": _ended,
    "grace-form": _grace,
    "hearing-record": _hearing,
    "reduction-notice": _reduction,
    "termination-notice": _termination,
    "transfer-notice": _transfer,
    "delivery-receipt": _receipt,
}
