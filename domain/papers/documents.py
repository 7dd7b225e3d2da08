"""Documents (文书): what is issued, numbered and kept, and that it reached those it concerns (送达)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Final, Literal
from uuid import UUID

from domain.guards.order_of_steps import require_order
from domain.guards.registered import require_registered
from domain.household.command import Command
from domain.household.context import Context
from domain.household.duty import Turn, of
from domain.household.duty_context import DutyContext
from domain.household.event import Event
from domain.household.notions import PaperMove
from domain.household.parts import Procedure, Undelivered
from domain.household.remedy import remedy_text
from domain.household.state import Household
from domain.values.immutables import replace
from domain.values.issued import DOCUMENT_WORDS, DocumentKind, IssuedDocument, SealedField
from domain.values.private import Private
from domain.values.receipt import LEVELS, Decider
from domain.values.refusals import Refusal
from domain.values.sources import cited

REMEDIED: Final[frozenset[DocumentKind]] = frozenset(
    {
        "non-acceptance-notice",
        "refusal-decision",
        "procedure-end-notice",
        "reduction-notice",
        "termination-notice",
    }
)
"""What tells the family where it can appeal, and from whose delivery those periods run (FXL art.20, XSL art.46)."""

INTERNAL: Final[frozenset[DocumentKind]] = frozenset(
    {
        "verification-authorisation",
        "home-visit-form",
        "public-notice",
        "file-return-notice",
        "approval-form",
        "grace-form",
        "hearing-record",
        "delivery-receipt",
    }
)
"""Forms and sheets that stay in the file or on the board: nothing to deliver to the family."""


def replaces_another(event: DocumentIssued, context: DutyContext) -> bool:
    """The paper replaces one issued before."""
    return event.replaces is not None


def goes_to_family(event: DocumentIssued, context: DutyContext) -> bool:
    """The paper goes to the family, and no decision waits for it."""
    return event.kind not in INTERNAL and event.kind not in AWAITED


def corrects_decision(event: DocumentIssued, context: DutyContext) -> bool:
    """The paper replaces one that told of a decision."""
    return event.kind in AWAITED and event.replaces is not None


AWAITED: Final[Mapping[DocumentKind, str]] = {
    "non-acceptance-notice": "non-acceptance",
    "extension-notice": "extension",
    "refusal-decision": "refusal",
    "reduction-notice": "reduction",
    "termination-notice": "termination",
}
"""Documents the state waits for as undelivered, by the word it waits with."""

BASIS: Final[Mapping[DocumentKind, str]] = {
    "missing-items-notice": "M57 art.10; L26 art.62",
    "non-acceptance-notice": "M57 art.10; L26 art.45",
    "acceptance-notice": "M57 art.10, 22",
    "verification-authorisation": "M57 art.9; L26 art.40",
    "home-visit-form": "M57 art.16; L26 art.43",
    "verification-result": "M57 art.18",
    "public-notice": "M57 art.19, 24",
    "file-return-notice": "M57 art.20",
    "extension-notice": "M57 art.22; M83",
    "approval-form": "M57 art.20, 21, 23",
    "confirmation-notice": "M57 art.21, 23, 25; L26 art.18",
    "refusal-decision": "M57 art.4, 21; L26 art.45",
    "procedure-end-notice": "M57 art.29",
    "grace-form": "M57 art.33; M83",
    "hearing-record": "L26 art.48",
    "reduction-notice": "M57 art.32; L26 art.48",
    "termination-notice": "M57 art.32; L26 art.48",
    "transfer-notice": "C2020; G39; S001; L26 art.42",
    "delivery-receipt": "M57 art.21; L26 art.45, 48",
}
"""The articles each kind rests on, of all papers there were; `basis_of` keeps those of the day."""


class DocumentNotPrinted(Refusal):
    """文书应当先编号、印制并留存，不能只作登记。"""


class StepNotTaken(Refusal):
    """{step}，不能制发{kind}。"""

    article = "M57 art.28"


class DocumentUnknown(Refusal):
    """该户没有这份文书；请核对文书编号。"""


class DocumentReplaced(Refusal):
    """{number}已被更正后的文书替换，请使用新的文书。"""


class OtherKindReplaced(Refusal):
    """更正后的文书应当与被更正的文书（{kind}）种类相同。"""


class ReplacementNeedsReason(Refusal):
    """已制发的文书不能改动；更正重发的，应当写明更正的原因。"""


class IssuedByAnother(Refusal):
    """该文书应由作出决定的机构“{organ}”制发。"""

    article = "M57 art.2; L26 art.44"


@dataclass(frozen=True, slots=True)
class DocumentIssued(Event):
    """A document was issued under its number; its rendered pages are kept sealed and never change (制发文书).

    `fields` are what stands on it and is not personal, `personal` the rest, each sealed under its owner.
    """

    title: ClassVar[str] = "制发文书"
    basis: ClassVar[str] = "M57 art.21; L26 art.45, 48"
    none: ClassVar[str] = "limits case home members cycle status benefit money aid stage count ruling found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of("replaces"), closes=("deliver-document",), when=replaces_another),
        Turn(of("document"), opens=("deliver-document",), when=goes_to_family),
        Turn(of("subject"), opens=("deliver-notice",), when=corrects_decision),
    )

    on: date
    document: UUID
    kind: DocumentKind
    number: str
    organ: str
    template: str
    subject: UUID
    step_on: date | None
    legal_basis: str
    remedy: str | None
    sha256: str
    fields: dict[str, str]
    personal: tuple[SealedField, ...]
    replaces: UUID | None = None
    cause: Private[str] | None = None

    def moves_paper(self) -> PaperMove | None:
        return PaperMove("issued", self.document, self.subject, self.number, self.replaces)

    def evolve(self, household: Household) -> Household:
        before = tuple(
            replace(document, replaced=True) if document.id == self.replaces else document
            for document in household.documents
        )
        issued = IssuedDocument(
            self.document, self.kind, self.number, self.organ, self.subject, self.step_on, self.on
        )
        household = replace(household, documents=(*before, issued))
        awaited = AWAITED.get(self.kind)
        wrong = any(each.id == self.replaces and each.delivered_on is not None for each in before)
        if awaited is None or not wrong:
            return household
        # what reached the family was wrong: what replaces it has to reach it in its turn
        waiting = Undelivered(self.subject, awaited)
        rest = tuple(each for each in household.undelivered if each != waiting)
        return replace(household, undelivered=(*rest, waiting))


@dataclass(frozen=True, slots=True)
class Certified:
    """The step a document certifies: what it is about, and the day where one subject has several.

    `not_before` is the day of the step: no document is dated earlier, and its papers are those of that day.
    """

    subject: UUID
    step_on: date | None
    not_before: date


@dataclass(frozen=True, slots=True)
class IssueDocument(Command):
    """Issue a document about a step that was taken: numbered, rendered, kept (制发文书).

    `about` is the case, document or other subject it is about, by default the last; `step_on` tells which
    of several visits, notices or hearings, by default the last. `replaces` names a wrong document of the
    same kind, `reason` says what was wrong. A document issued already is not issued again.
    """

    on: date
    kind: DocumentKind
    about: UUID | None = None
    step_on: date | None = None
    replaces: UUID | None = None
    reason: str | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        certified = self.wanted(household, context)
        if certified is None:
            return
        printed = context.printed
        if printed is None:
            raise DocumentNotPrinted
        require_issuer(context, printed.organ)
        yield DocumentIssued(
            self.on,
            printed.document,
            self.kind,
            printed.number,
            printed.organ,
            printed.template,
            certified.subject,
            certified.step_on,
            basis_of(self.kind, certified, context),
            remedy_of(self.kind, printed.organ, context, self.on),
            printed.sha256,
            printed.fields,
            printed.personal,
            self.replaces,
            Private(household.id, "text", self.reason) if self.replaces and self.reason else None,
        )

    def wanted(self, household: Household, context: Context) -> Certified | None:
        """The step the document is to certify, None when it was issued already.

        Asked before a number is taken and a page rendered, and again by `decide`. Raises the refusals of
        issuing.
        """
        require_registered(household)
        context.require("township", "county")
        certified = self.certified(household)
        if self.kept(household, certified) is not None:
            return None
        require_order(self.on, certified.not_before)
        return certified

    def kept(self, household: Household, certified: Certified) -> IssuedDocument | None:
        """The document that certifies this step already; never one that is to be replaced."""
        wanted = (self.kind, certified.subject, certified.step_on)
        alike = (d for d in household.documents if (d.kind, d.subject, d.step_on) == wanted)
        return next((d for d in alike if not d.replaced and self.replaces is None), None)

    def certified(self, household: Household) -> Certified:
        """The step this document certifies; raises `StepNotTaken`, or why nothing can be replaced."""
        if self.replaces is None:
            return _STEPS[self.kind](household, self)
        wrong = document_of(household, self.replaces)
        if wrong.kind != self.kind:
            raise OtherKindReplaced(kind=DOCUMENT_WORDS[wrong.kind])
        if not (self.reason or "").strip():
            raise ReplacementNeedsReason
        return Certified(wrong.subject, wrong.step_on, wrong.on)


def document_of(household: Household, document: UUID) -> IssuedDocument:
    """The household's document of this id; refuses an unknown one and one that was replaced."""
    found = next((each for each in household.documents if each.id == document), None)
    if found is None:
        raise DocumentUnknown
    if found.replaced:
        raise DocumentReplaced(number=found.number)
    return found


def awaited_document(household: Household, waiting: Undelivered) -> IssuedDocument | None:
    """The document by which a decision the family waits for will reach it, once one was issued."""
    alike = (
        each
        for each in household.documents
        if (each.subject, AWAITED.get(each.kind)) == (waiting.subject, waiting.kind)
    )
    return next((each for each in alike if not each.replaced and each.delivered_on is None), None)


def remedy_of(kind: DocumentKind, organ: str, context: Context, on: date) -> str | None:
    """Where the family can appeal, on the kinds of document that must say it; else None."""
    if kind not in REMEDIED:
        return None
    level = LEVELS.get(len(organ.partition("/")[0]), "county")
    return remedy_text(Decider(context.actor.officer, organ, level), context, on)


def basis_of(kind: DocumentKind, certified: Certified, context: Context) -> str:
    """The articles a document rests on, of the papers in force on the day of the step it certifies."""
    return cited(BASIS[kind], context.rules(certified.not_before))


def require_issuer(context: Context, organ: str) -> None:
    """Refuse a document that is another organ's to issue."""
    if context.actor.organ != organ:
        raise IssuedByAnother(organ=organ)


def _case(household: Household, asked: IssueDocument) -> Procedure:
    cases = [case for case in household.procedures if asked.about in (None, case.id)]
    if not cases:
        raise StepNotTaken(step="该户没有办理中的申请", kind=DOCUMENT_WORDS[asked.kind])
    return cases[-1]


def _of_case(day: Callable[[Procedure], date | None], step: str, *, repeated: bool = False) -> _Step:
    """A step of a case, on the day `day` answers; `repeated` when a case can have several."""

    def find(household: Household, asked: IssueDocument) -> Certified:
        case = _case(household, asked)
        on = day(case)
        if on is None:
            raise StepNotTaken(step=step, kind=DOCUMENT_WORDS[asked.kind])
        return Certified(case.id, on if repeated else None, on)

    return find


def _decided(outcome: Literal["confirmed", "refused", "ended"]) -> Callable[[Procedure], date | None]:
    return lambda case: case.decided_on if case.outcome == outcome else None


def _visit(household: Household, asked: IssueDocument) -> Certified:
    case = _case(household, asked)
    days = [visit.on for visit in case.visits if asked.step_on in (None, visit.on)]
    if not days:
        raise StepNotTaken(step="尚未入户调查", kind=DOCUMENT_WORDS[asked.kind])
    return Certified(case.id, days[-1], days[-1])


def _hearing(household: Household, asked: IssueDocument) -> Certified:
    days = [h.on for h in household.hearings if h.substitute is None and asked.step_on in (None, h.on)]
    if not days:
        raise StepNotTaken(step="尚未听取意见", kind=DOCUMENT_WORDS[asked.kind])
    return Certified(household.id, days[-1], days[-1])


def _grace(household: Household, asked: IssueDocument) -> Certified:
    graces = [grace for grace in household.graces if asked.about in (None, grace.id)]
    if not graces:
        raise StepNotTaken(step="尚未给予渐退期", kind=DOCUMENT_WORDS[asked.kind])
    return Certified(graces[-1].id, None, graces[-1].granted_on)


def _awaited(household: Household, asked: IssueDocument) -> Certified:
    """A decision still waiting to be told, or one its document was issued about already."""
    waiting = [u.subject for u in household.undelivered if u.kind == AWAITED[asked.kind]]
    issued = [each.subject for each in household.documents if each.kind == asked.kind]
    about = [subject for subject in (*issued, *waiting) if asked.about in (None, subject)]
    if not about:
        raise StepNotTaken(step="没有待告知的决定", kind=DOCUMENT_WORDS[asked.kind])
    known = {each.id: each.on for each in household.decided}
    return Certified(about[-1], None, known.get(about[-1], asked.on))


def _declined(household: Household, asked: IssueDocument) -> Certified:
    declined = [each for each in household.declined if asked.about in (None, each.subject)]
    if not declined:
        raise StepNotTaken(step="尚未决定不予受理", kind=DOCUMENT_WORDS[asked.kind])
    return Certified(declined[-1].subject, None, declined[-1].on)


def _returned(household: Household, asked: IssueDocument) -> Certified:
    case = _case(household, asked)
    days = [each.on for each in case.returns if asked.step_on in (None, each.on)]
    if not days:
        raise StepNotTaken(step="材料尚未退回", kind=DOCUMENT_WORDS[asked.kind])
    return Certified(case.id, days[-1], days[-1])


def _receipt(household: Household, asked: IssueDocument) -> Certified:
    kept = [d for d in household.documents if d.kind not in INTERNAL and not d.replaced]
    about = [document for document in kept if asked.about in (None, document.id)]
    if not about:
        raise StepNotTaken(step="尚未制发需要送达的文书", kind=DOCUMENT_WORDS[asked.kind])
    return Certified(about[-1].id, None, about[-1].on)


_Step = Callable[[Household, IssueDocument], Certified]
_STEPS: Final[Mapping[DocumentKind, _Step]] = {
    "missing-items-notice": _of_case(
        lambda case: case.started_on if case.missing_notified else None, "尚未告知需要补正的材料"
    ),
    "non-acceptance-notice": _declined,
    "acceptance-notice": _of_case(
        lambda case: case.accepted_on if case.origin == "application" else None, "申请尚未受理"
    ),
    "verification-authorisation": _of_case(lambda case: case.started_on, "尚未登记申请"),
    "home-visit-form": _visit,
    "verification-result": _of_case(
        lambda case: case.rechecked_on or case.reported_on, "尚未出具核对报告", repeated=True
    ),
    "public-notice": _of_case(lambda case: case.notice_on, "审核意见尚未公示", repeated=True),
    "file-return-notice": _returned,
    "extension-notice": _awaited,
    "approval-form": _of_case(
        lambda case: case.decided_on if case.outcome in ("confirmed", "refused") else None, "尚未作出决定"
    ),
    "confirmation-notice": _of_case(_decided("confirmed"), "尚未作出确认决定"),
    "refusal-decision": _of_case(_decided("refused"), "尚未作出不予确认决定"),
    "procedure-end-notice": _of_case(_decided("ended"), "尚未终止审核确认程序"),
    "grace-form": _grace,
    "hearing-record": _hearing,
    "reduction-notice": _awaited,
    "termination-notice": _awaited,
    "transfer-notice": _of_case(
        lambda case: case.started_on if case.origin == "transfer" else None, "尚未启动转办"
    ),
    "delivery-receipt": _receipt,
}
