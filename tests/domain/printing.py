"""Lives in which documents can be issued: as if each had been numbered and rendered before it is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import cast
from uuid import UUID, uuid5

from application.reference.reference import Reference
from domain.household.context import Context, Recalled
from domain.papers.documents import IssueDocument
from domain.values.issued import DocumentKind, IssuedDocument, Printed
from domain.values.person import PersonId
from domain.values.receipt import Actor
from tests.scenario import Life


class Printing:
    """A ground on which every command finds its document printed."""

    def __init__(self, under: Reference, organ: str | None) -> None:
        self._under = under
        self._organ = organ

    def context(
        self,
        region: str,
        on: date,
        actor: Actor,
        command: UUID,
        persons: Mapping[str, PersonId] | None = None,
        recalled: Recalled | None = None,
    ) -> Context:
        given = self._under.context(region, on, actor, command, persons, recalled)
        document = uuid5(command, "document/0")
        organ = self._organ or actor.organ
        printed = Printed(document, f"试救〔{on.year}〕1号", organ, "form@0", "00" * 32, {})
        return replace(given, printed=printed)


def printing(story: Life, organ: str | None = None) -> Life:
    """The same life where documents are printed, by the acting organ or in another one's name."""
    under = story.ground()
    return replace(story, ground=lambda: cast(Reference, Printing(under, organ)))


def issued(story: Life, kind: DocumentKind, on: date) -> Life:
    """The life with a document of a kind issued on a day by who acts."""
    return printing(story).when(IssueDocument(on, kind))


def last(story: Life) -> IssuedDocument:
    """The document issued last."""
    return story.household.papers.documents[-1]
