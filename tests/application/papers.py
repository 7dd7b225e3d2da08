"""A household of a story in a real store, whose documents can be issued there."""

from __future__ import annotations

from datetime import date
from uuid import UUID, uuid5

from application.documents.issuing import Issued
from application.handling.request import Handled, Request
from bootstrap.wiring import Installation
from domain.household.command import Command
from domain.papers.documents import IssueDocument
from domain.values.issued import DocumentKind
from domain.values.person import HouseholdId
from domain.values.receipt import Actor
from eventstore.appending.append_types import CommandKey, StreamAppend
from eventstore.events.envelope import Meta, enclose
from tests.scenario import HOUSEHOLD, Life

PAPERS = UUID("00000000-0000-5000-8000-0000000000dd")


def lived(office: Installation, story: Life, household: HouseholdId = HOUSEHOLD) -> None:
    """Record the facts of a story as they stand, under the story's own household or another."""
    key = CommandKey(uuid5(household, "story"), bytes(32))
    envelopes = enclose(key.id, household, 0, story.events, Meta("w1", "990101/township", story.region))
    office.store.append(key, [StreamAppend(household, "household", 0, envelopes)])


def asked(command: Command, organ: str, what: str = "", household: HouseholdId = HOUSEHOLD) -> Request:
    """A request about a household by an officer of an organ; the same for the same words."""
    return Request(uuid5(household, f"{what}/{command}"), command, Actor("w1", organ), household)


def issued(
    office: Installation, kind: DocumentKind, on: date, organ: str, household: HouseholdId = HOUSEHOLD
) -> Issued:
    """A document issued by an organ on a day."""
    return office.documents.issue(asked(IssueDocument(on, kind), organ, household=household))


def handled(office: Installation, command: Command, organ: str) -> Handled:
    """A command handled for the story's household."""
    return office.handler.handle(asked(command, organ))


def page_of(office: Installation, document: UUID) -> str:
    """The page of a document as somebody sees it."""
    page = office.documents.read(document, actor="w2", purpose="case-handling")
    assert page.data is not None
    return page.data.decode()
