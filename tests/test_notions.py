"""Facts say what they mean: each answers every notion or denies it, and readers ask instead of keeping lists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, ClassVar, get_type_hints
from uuid import UUID

import pytest

from domain.catalogue import EVENTS
from domain.household.event import Event
from domain.household.notions import ANSWERS, MoneyMove, Notion
from domain.household.state import Household
from domain.values.money import Fen
from domain.values.month import Month
from domain.values.spells import Programme
from eventstore.events.envelope import Meta
from projections.benefit_statement import BenefitStatements
from projections.citizen_status import CitizenStatuses
from projections.engine.fact import fact_of
from projections.engine.projection import Projection
from projections.payments import Payments
from projections.registry import ALL
from projections.statistics import TALLY, Statistics

ROOT = Path(__file__).resolve().parents[1]
FACTS = {name: kind for name, kind in EVENTS.items() if name.startswith("household.")}
WORDS = {notion.value for notion in Notion}

PROPOSED: dict[str, str] = {
    "household.alert-raised.1": "an amount that a source showed, not one that is given",
    "household.opinion-given.1": "proposed, and decided anew",
    "household.notice-posted.1": "proposed, and decided anew",
    "household.confirmation-published.1": "told once more of what was decided",
    "household.irregular-recorded.1": "what was paid against the rules; the payments stand by themselves",
    "household.alert-merged.1": "an amount that a source showed, not one that is given",
}
"""Facts with an amount that is nobody's money, and why."""


def answered(kind: type[Event]) -> set[str]:
    """The notions whose answer an event overrides."""
    return {
        notion.value
        for notion, attributes in ANSWERS.items()
        if any(getattr(kind, each) is not getattr(Event, each) for each in attributes)
    }


def line(kind: type[Event]) -> str:
    return f"{kind.__module__.replace('.', '/')}.py, class {kind.__name__}"


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_answers_each_notion_or_says_none(name: str) -> None:
    kind = EVENTS[name]
    said, none = answered(kind), kind.none.split()
    assert set(none) <= WORDS, f"{line(kind)}: `none` names what is no notion: {set(none) - WORDS}"
    assert not said & set(none), f"{line(kind)}: answers and denies {said & set(none)}; take it out of `none`"
    missing = " ".join(notion.value for notion in Notion if notion.value not in said | set(none))
    assert not missing, f'{line(kind)}: answer {missing}, or write: none: ClassVar[str] = "… {missing}"'


@pytest.mark.parametrize("reader", ALL, ids=lambda reader: reader.name)
def test_a_reader_declares_which_notions_it_reads(reader: type[Projection]) -> None:
    where = f"{reader.__module__.replace('.', '/')}.py, class {reader.__name__}"
    both = set(reader.reads) & set(reader.leaves)
    assert not both, f"{where}: reads and leaves {both}"
    missing = [notion for notion in Notion if notion not in {*reader.reads, *reader.leaves}]
    assert not missing, f"{where}: put {missing} into `reads`, and ask the event, or into `leaves`"


@pytest.mark.parametrize("notion", [each for each in Notion if each is not Notion.FOUND])
def test_a_notion_has_a_reader(notion: Notion) -> None:
    assert any(notion in reader.reads for reader in ALL), f"nobody reads {notion}: who should know of it?"


@pytest.mark.parametrize("reader", ALL, ids=lambda reader: reader.name)
def test_a_reader_asks_for_what_it_declares(reader: type[Projection]) -> None:
    """Each attribute of a notion it reads is named in its modules, and none of one that it leaves."""
    text = "".join(
        (ROOT / "projections" / f"{name}.py").read_text("utf-8")
        for name in {reader.__module__.rpartition(".")[2], "open_deadlines", "card_spells", "caseload"}
        if name == reader.__module__.rpartition(".")[2] or f"projections.{name} import" in _source(reader)
    )
    by_fact = {
        "opens": "opened",
        "meets": "met",
        "closes": "closed",
        "misses": "missed",
        "moves_money": "money",
    }
    for notion in reader.reads:
        # what changes spells is asked through the fold itself
        asked = [word for each in ANSWERS[notion] for word in (f".{each}", f"fact.{by_fact.get(each, each)}")]
        folds = ".evolve(" in text or "advance(" in text
        assert folds or any(word in text for word in asked), (
            f"{reader.__name__} declares {notion} and never asks"
        )
    for notion in reader.leaves:
        for each in ANSWERS[notion]:
            assert f"event.{each}" not in text, f"{reader.__name__} leaves {notion} and yet asks {each}"


def _source(reader: type[Projection]) -> str:
    return (ROOT / (reader.__module__.replace(".", "/") + ".py")).read_text("utf-8")


def readers() -> Iterator[Path]:
    yield from sorted((ROOT / "projections").rglob("*.py"))
    yield ROOT / "application" / "handling" / "envelope_factory.py"
    yield from sorted((ROOT / "domain" / "household").rglob("*.py"))


@pytest.mark.parametrize("file", list(readers()), ids=lambda file: file.relative_to(ROOT).as_posix())
def test_a_reader_names_no_kind_of_event(file: Path) -> None:
    kinds = {kind.__name__ for kind in EVENTS.values()}
    tree = ast.parse(file.read_text("utf-8"))
    named = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("domain.")
        for alias in node.names
    } & kinds
    assert not named, f"{file.name} keeps a list of its own: ask the event instead of naming {named}"


@pytest.mark.parametrize("name", FACTS)
def test_an_amount_is_money_or_is_said_not_to_be(name: str) -> None:
    kind = FACTS[name]
    hints = get_type_hints(kind)
    amounts = [each.name for each in fields(kind) if hints[each.name] in (Fen, Fen | None)]  # type: ignore[arg-type]
    if not amounts:
        return
    moved = answered(kind) & {"money", "aid", "benefit"}
    assert bool(moved) != (name in PROPOSED), f"{line(kind)}: {amounts} answers money, aid or benefit"


@dataclass(frozen=True, slots=True)
class VisitPaid(Event):
    """A kind of fact that no reader has heard of: money that arrived."""

    title: ClassVar[str] = "慰问金到账"
    on: date
    payment: UUID
    ordered: bool

    def moves_money(self) -> MoneyMove | None:
        movement: Any = "ordered" if self.ordered else "settled"
        benefit = UUID(int=7)
        return MoneyMove(movement, Programme.TEMPORARY, 50_000, benefit, Month.of(self.on), self.payment)

    def evolve(self, household: Household) -> Household:
        return household


def told(model: Projection) -> Projection:
    """The reader after a new kind of money was ordered and arrived."""
    payment = UUID(int=5)
    model.begin(0, UUID(int=1))
    for version, ordered in ((2, True), (3, False)):
        event = VisitPaid(date(2026, 11, 2), payment, ordered)
        at = datetime(2026, 11, 2, tzinfo=UTC)
        model.on(fact_of(0, version, UUID(int=1), version, "household.visit-paid.1", at, Meta(), event))
    model.end()
    return model


def test_money_of_a_new_kind_is_counted_by_every_reader_of_money() -> None:
    payments, statements, statuses, statistics = (
        told(Payments()),
        told(BenefitStatements()),
        told(CitizenStatuses()),
        told(Statistics()),
    )
    assert isinstance(payments, Payments)
    assert isinstance(statements, BenefitStatements)
    assert isinstance(statuses, CitizenStatuses)
    assert isinstance(statistics, Statistics)
    (payment,) = payments.payments.of(UUID(int=1))
    assert (payment.fen, payment.state) == (50_000, "settled")
    (year,) = statements.paid.of(UUID(int=1))
    assert (year.fen, year.count, year.state) == (50_000, 1, "settled")
    status = statuses.receiving.get(UUID(int=1))
    assert status is not None
    assert status.paid_fen == 50_000
    added = [dict(zip(TALLY.columns, row, strict=True)) for row in statistics.tallies.added()]
    assert [(row["what"], row["fen"]) for row in added] == [
        ("money-ordered", 50_000),
        ("money-settled", 50_000),
    ]


def test_every_reader_of_money_is_asked_above() -> None:
    of_money = {reader for reader in ALL if Notion.MONEY in reader.reads}
    # one asks whose payment it is, and counts nothing
    assert {each.name for each in of_money} - {"durations"} == {
        *(Payments.name, BenefitStatements.name, CitizenStatuses.name, Statistics.name)
    }


OWN = re.compile(r"Category\.DIBAO|DL-DIB|[\"']dibao\.")
SAID = {
    "domain/categories/dibao.py": "the category's own module",
    "domain/categories/road.py": "the law sets a share for Tekun alone; the others take that of Dibao",
    "domain/catalogue.py": "the stored names of its rules",
    "domain/values/deadline.py": "an example in words",
    "domain/values/policy.py": "an example in words",
}


def test_a_category_is_named_in_its_own_module_alone() -> None:
    """Nothing on the common road knows Dibao: what it has of its own stands on its road (`categories/dibao.py`)."""
    found = {
        path.relative_to(ROOT).as_posix()
        for room in ("domain", "application", "projections", "api", "workers", "eventstore", "bootstrap")
        for path in (ROOT / room).rglob("*.py")
        if OWN.search(path.read_text("utf-8"))
    }
    assert found == SAID.keys()
