"""The chain a document rests on (文书所据): the household, its facts, the step certified; and common parts.

A content is a plain mapping: texts, lists of texts, rows of tables; a `Private` wherever a personal value
stands. Nothing is opened here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from application.describing.labels import code_word
from application.documents.chinese import amount, day
from domain.household.context import Context
from domain.household.event import Event
from domain.household.parts import Procedure
from domain.household.state import Household
from domain.intake.application import Applied
from domain.papers.documents import Certified, IssueDocument
from domain.values.assessment import Assessment, IncomeItem
from domain.values.person import PersonId
from domain.values.private import Private
from domain.values.spells import Category, Membership, current

Content = dict[str, Any]
E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Chain:
    """A household's facts up to the version a document rests on, and the step it certifies."""

    household: Household
    events: Sequence[Event]
    asked: IssueDocument
    certified: Certified
    context: Context

    @property
    def on(self) -> date:
        """The day of issue."""
        return self.asked.on

    def last(self, kind: type[E], **facts: object) -> E | None:
        """The last fact of a kind whose fields have these values."""
        for event in reversed(self.events):
            if isinstance(event, kind) and all(getattr(event, k) == v for k, v in facts.items()):
                return event
        return None

    def the(self, kind: type[E], **facts: object) -> E:
        """The last such fact, which state says there is."""
        found = self.last(kind, **facts)
        if found is None:
            raise LookupError(f"{kind.__name__} is not in the chain")
        return found

    @property
    def case(self) -> Procedure:
        """The case the document is about, or else the last."""
        subject = self.certified.subject
        cases = self.household.procedures
        return next((case for case in cases if case.id == subject), cases[-1])

    @property
    def addressee(self) -> PersonId:
        """Who is addressed: the applicant of the case, without one the head of the household."""
        if self.household.procedures:
            return self.case.applicant
        return self.household.head(self.on) or self.household.members[0].person

    def member(self, person: PersonId) -> Membership | None:
        """The person as last known here."""
        return next((m for m in reversed(self.household.members) if m.person == person), None)

    def name(self, person: PersonId | None) -> Private[str] | None:
        """The sealed name of a person; None where there is none."""
        found = None if person is None else self.member(person)
        return None if found is None else found.name

    @property
    def address(self) -> Private[str] | None:
        """The sealed address of the household on the day of issue."""
        home = current(self.household.residences, self.on) or self.household.residences[0]
        return home.address


def formal(category: Category) -> str:
    """A category as official papers write it: 最低生活保障, not 低保."""
    return code_word(category, "formal")


def addressed(chain: Chain) -> Content:
    """To whom the document goes."""
    return {"applicant": chain.name(chain.addressee)}


def application(chain: Chain) -> Content:
    """The application a document is about."""
    case = chain.case
    applied = chain.last(Applied, case=case.id)
    return {
        **addressed(chain),
        "category": formal(case.category),
        "applied_on": day(case.started_on),
        "channel": code_word(applied.channel) if applied else "转办",
        "members": str(len(chain.household.counted(case.started_on))),
    }


def members(chain: Chain, on: date, *, numbers: bool = False) -> list[Content]:
    """The members counted on a day, as rows; with their ID numbers only where the form asks for them."""
    rows = []
    for member in chain.household.counted(on):
        row: Content = {
            "name": member.name,
            "relation": code_word(member.relation),
            "birth": day(member.birth) if member.birth else "",
            "capacity": code_word(member.work_capacity),
            "note": "在校" if member.student else "",
        }
        rows.append({**row, "id_number": member.id_number} if numbers else row)
    return rows


def incomes(chain: Chain, items: Sequence[IncomeItem]) -> list[Content]:
    """Incomes, as rows."""
    return [
        {
            "kind": code_word(item.kind, "income.kind"),
            "name": chain.name(item.person),
            "period": code_word(item.period),
            "amount": amount(item.fen),
        }
        for item in items
    ]


def assessed(found: Assessment) -> Content:
    """What the family was found to have, against what standard."""
    return {
        "members": str(found.members),
        "per_capita": amount(found.per_capita),
        "standard": amount(found.standard),
        "line": amount(found.line) if found.line is not None else "",
    }
