"""Issuing documents (制发文书): number, content, page, sealed bytes, and then the fact, whatever is interrupted.

For the API and the command line::

    documents = installation.documents
    issued  = documents.issue(request)             # request.command is an IssueDocument
    issued.document, issued.number, issued.handled # the same request again: the same document and number
    documents.of(household)                        # tuple[IssuedDocument, ...], replaced ones included
    documents.household_of(document)               # for the question whether somebody may see it
    page = documents.read(document, actor=…, purpose=…, organ=…)
    page.issued, page.household, page.media, page.data       # data: None once the household was erased

`CommandHandler.handle` with an `IssueDocument` does the same: it has every such command prepared here first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID, uuid5

from application.documents.chain import Chain
from application.documents.chinese import day, papers
from application.documents.fields import content, organ_of
from application.documents.organs import document_number, organ_name
from application.documents.rendering import MEDIA, Page, render, template_of
from application.handling.command_handler import CommandHandler
from application.handling.request import Handled, Request
from domain.household.context import Context
from domain.household.state import Household
from domain.papers.documents import (
    DocumentIssued,
    DocumentUnknown,
    IssueDocument,
    basis_of,
    document_of,
    remedy_of,
    require_issuer,
)
from domain.values.issued import IssuedDocument, Printed, SealedField
from domain.values.person import HouseholdId
from domain.values.private import Private
from eventstore.attachments import AttachmentDamaged, Attachments, AttachmentUnknown, Look, Numbers
from eventstore.errors import OwnerErased
from eventstore.keys.keys import ERASED

PURPOSE: Final = "issue-document"
"""The purpose under which the personal values of a page are looked up."""

ATTACHED: Final = "document"
"""The kind of attachment a rendered document is."""


@dataclass(frozen=True, slots=True)
class Issued:
    """The answer to an issuing: which document, its number, and how the command was handled."""

    document: UUID
    number: str
    handled: Handled


@dataclass(frozen=True, slots=True)
class PrintedPage:
    """A document as it was rendered when it was issued; `data` is None once its household was erased."""

    issued: DocumentIssued
    household: HouseholdId
    media: str
    data: bytes | None


class Documents:
    """Issues, lists and shows documents through one command handler; safe to share between threads.

    A rendered page names several people and is sealed under the household's key.
    """

    def __init__(self, handler: CommandHandler, attachments: Attachments, numbers: Numbers) -> None:
        self._handler = handler
        self._households = handler.households
        self._store = handler.households.store
        self._attachments = attachments
        self._numbers = numbers
        handler.prepare(IssueDocument, self._prepared)

    def issue(self, request: Request) -> Issued:
        """Issue the document that `request.command`, an `IssueDocument`, asks for.

        The same request again, and another one about a document that was issued already, get that document.
        Raises the refusals of `domain.papers.documents`, `OwnerErased` when a name it needs was erased, and
        whatever `CommandHandler.handle` raises.
        """
        assert isinstance(request.command, IssueDocument)
        handled = self._handler.handle(request)
        event = next(self._issued(handled), None)
        if event is not None:
            return Issued(event.document, event.number, handled)
        household = self._households.get(handled.household)
        kept = request.command.kept(household, request.command.certified(household))
        assert kept is not None
        return Issued(kept.id, kept.number, handled)

    def of(self, household: HouseholdId) -> tuple[IssuedDocument, ...]:
        """Every document of a household in the order of issue; raises `HouseholdUnknown`."""
        return self._households.get(household).documents

    def household_of(self, document: UUID) -> HouseholdId:
        """Whose document it is, without a look at it; raises `DocumentUnknown`."""
        try:
            stored = self._attachments.about(document)
        except AttachmentUnknown:
            raise DocumentUnknown from None
        if stored.kind != ATTACHED:
            raise DocumentUnknown
        return HouseholdId(stored.owner)

    def read(self, document: UUID, *, actor: str, purpose: str, organ: str | None = None) -> PrintedPage:
        """The page as it was issued, also one that was replaced, for somebody to see.

        The look is recorded before this answers. Raises `DocumentUnknown`, also for a page that was
        rendered and never issued, and `AttachmentDamaged` when it is not what the event says.
        """
        household = self.household_of(document)
        issued = next((each for each in self._kept(household) if each.document == document), None)
        if issued is None:
            raise DocumentUnknown
        opened = self._attachments.get(document, Look(actor, purpose, household, organ))
        if opened.stored.sha256 != issued.sha256:
            raise AttachmentDamaged(id=document)
        return PrintedPage(issued, household, opened.stored.media, opened.data)

    def _kept(self, household: HouseholdId) -> Iterator[DocumentIssued]:
        events = (row.event for row in self._store.load(household).rows)
        return (event for event in events if isinstance(event, DocumentIssued))

    def _issued(self, handled: Handled) -> Iterator[DocumentIssued]:
        """The document the command issued, out of its events or, for a repeated answer, out of the stream."""
        events = handled.events
        if handled.repeated:
            rows = self._store.slice(handled.household, handled.version - 1, upto=handled.version)
            events = tuple(row.event for row in rows)
        return (event for event in events if isinstance(event, DocumentIssued))

    def _prepared(self, request: Request, household: Household, version: int, context: Context) -> Context:
        command = request.command
        assert isinstance(command, IssueDocument)
        certified = command.wanted(household, context)
        if certified is None:
            return context
        rows = self._store.load(household.id).rows
        events = [row.event for row in rows if row.originator_version <= version]
        chain = Chain(household, events, command, certified, context)
        organ = organ_of(chain)
        require_issuer(context, organ)
        said = content(chain)
        clear = self._revealed(said, request, household)
        number = self._number(request, organ, context)
        template = template_of(command.kind)
        page = Page(
            command.kind,
            number,
            organ_name(organ, context.regions, command.on),
            day(command.on),
            tuple(papers(basis_of(command.kind, certified, context))),
            remedy_of(command.kind, organ, context, command.on),
            None if command.replaces is None else document_of(household, command.replaces).number,
        )
        data = render(page, clear)
        # The id follows from the command and what the page says: a retry that would say the same finds the
        # same attachment, one that says something else leaves the other unnamed.
        document = uuid5(request.id, f"document/{self._store.keys.request_hash(data).hex()}")
        stored = self._attachments.put(document, household.id, ATTACHED, MEDIA, data)
        plain = {name: value for name, value in said.items() if isinstance(value, str) and value}
        personal = tuple(
            SealedField(name, value) for name, value in said.items() if isinstance(value, Private)
        )
        printed = Printed(document, number, organ, template, stored.sha256, plain, personal)
        return replace(context, printed=printed)

    def _number(self, request: Request, organ: str, context: Context) -> str:
        command = request.command
        assert isinstance(command, IssueDocument)
        year = command.on.year
        n = self._numbers.take(organ, year, command.kind, request.id)
        return document_number(organ, command.kind, year, n, context.regions, command.on)

    def _revealed(self, said: Any, request: Request, household: Household) -> Any:
        """The content with every personal value in clear, opened in one recorded look."""
        sealed = list(_privates(said))
        actor = request.actor
        clear = self._store.keys.reveal(
            sealed, purpose=PURPOSE, actor=actor.officer, subject=household.id, organ=actor.organ or None
        )
        for private, text in zip(sealed, clear, strict=True):
            if text == ERASED:
                raise OwnerErased(owner=private.owner)
        return _filled(said, iter(clear))


def _privates(said: Any) -> Iterator[Private[str]]:
    if isinstance(said, Private):
        yield said
    elif isinstance(said, Mapping):
        for value in said.values():
            yield from _privates(value)
    elif isinstance(said, list):
        for value in said:
            yield from _privates(value)


def _filled(said: Any, clear: Iterator[str | None]) -> Any:
    if isinstance(said, Private):
        return next(clear)
    if isinstance(said, Mapping):
        return {name: _filled(value, clear) for name, value in said.items()}
    if isinstance(said, list):
        return [_filled(value, clear) for value in said]
    return said
