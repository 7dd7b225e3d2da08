"""Every event there is, told to the card of a family to whom it can happen: no handler is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest

from domain.catalogue import EVENTS
from domain.decision.transfer import TransferStarted
from domain.household.event import Event
from domain.household.parts import (
    Agent,
    Alert,
    Complaint,
    FileReturn,
    Finding,
    Objection,
    Procedure,
    Review,
    Sample,
    Suspicion,
)
from domain.household.replay import follow
from domain.household.state import (
    Aid,
    Cases,
    Clues,
    Household,
    Limits,
    Management,
    Oversight,
    Papers,
    People,
    Place,
    Status,
)
from domain.intake.application import Applied
from domain.members.joining import JoinedInto
from domain.members.registration import HouseholdRegistered
from domain.members.split import HouseholdSplitFrom
from domain.values.assessment import Assessment
from domain.values.deadline import Due, OpenDue
from domain.values.issued import IssuedDocument
from domain.values.money import Fen
from domain.values.month import Month, Months
from domain.values.person import HouseholdId, PersonId
from domain.values.private import Private
from domain.values.spells import (
    BenefitSpell,
    Category,
    CategorySpell,
    Grace,
    Label,
    LabelSpell,
    Membership,
    Ordered,
    Residence,
    TemporaryAid,
)
from eventstore.events.envelope import Meta
from projections.card import CARD, Card, Cards, WholeCard
from projections.card_spells import (
    BENEFIT,
    CATEGORY,
    CHANGING,
    HOME,
    LABEL,
    MEMBER,
    BenefitRow,
    CategoryRow,
    Home,
    LabelRow,
    Member,
)
from projections.dues import DUE, Deadline, Dues
from projections.engine.fact import fact_of
from projections.engine.places import codes_of
from projections.engine.projection import Projection
from projections.open_deadlines import running_of as running_in
from projections.open_deadlines import started, text_of
from tests.eventstore.test_stored_for_ever import example
from tests.projections.truth import assert_card, due_of, open_due, running_of

HOUSEHOLDS = {name: kind for name, kind in EVENTS.items() if name.startswith("household.")}
BEGINNING = (HouseholdRegistered, HouseholdSplitFrom)
STARTING = (Applied, TransferStarted)
SEED = UUID(int=0x99, version=5)
ID = HouseholdId(uuid5(SEED, "household"))
LONG_AGO = date(2019, 3, 1)
FOUND = Assessment(1, (0, 1), Fen(0), Fen(70_000), Fen(105_000))


def said(value: object) -> Iterator[object]:
    """Every plain value an event says, however deep."""
    if is_dataclass(value):
        for field in fields(value):
            yield from said(getattr(value, field.name))
    elif isinstance(value, tuple | frozenset):
        for each in value:
            yield from said(each)
    else:
        yield value


def somebody(event: Event) -> Household:
    """A family to whom this event happens: whatever id it names they have, on whatever day it names they changed."""
    ids = list(dict.fromkeys(value for value in said(event) if isinstance(value, UUID)))
    days = sorted({value for value in said(event) if isinstance(value, date)})
    case = None if isinstance(event, STARTING) else getattr(event, "case", None) or uuid5(SEED, "case")
    return Household(
        ID,
        place=Place(residences=tuple(homes(days))),
        people=People(members=tuple(members(ids, days))),
        clues=Clues(
            alerts=tuple(Alert(id, "E-EXP-01", None, LONG_AGO) for id in ids),
            findings=tuple(Finding(id, LONG_AGO, "grid") for id in ids),
        ),
        cases=Cases(procedures=tuple(procedures(ids, case))),
        status=Status(
            categories=(
                CategorySpell(Category.MARGINAL, LONG_AGO, LONG_AGO + timedelta(days=9)),
                CategorySpell(Category.DIBAO, LONG_AGO + timedelta(days=9)),
                *(CategorySpell(Category.DIBAO_SINGLE, LONG_AGO, None, PersonId(id)) for id in ids),
                *(CategorySpell(Category.TEKUN, LONG_AGO, day, PersonId(id)) for id in ids for day in days),
            ),
            labels=(
                LabelSpell(Label.EXITED, LONG_AGO),
                LabelSpell(Label.REFUSED, LONG_AGO),
                LabelSpell(Label.GRACE, LONG_AGO, date(2031, 1, 1)),
                LabelSpell(Label.GRACE, date(2030, 1, 1), date(2031, 1, 1)),
            ),
            cycle=3,
        ),
        aid=Aid(
            benefits=tuple(
                BenefitSpell(
                    id,
                    kind,
                    Fen(7),
                    Month.of(LONG_AGO),
                    open=tuple(Ordered(o, Month(2026, 1), Fen(7)) for o in ids),
                )
                for id in ids
                for kind in (Category.DIBAO, Category.DIBAO_SINGLE)
            ),
            temporary=tuple(TemporaryAid(id, Fen(7), LONG_AGO) for id in ids),
            graces=tuple(
                Grace(id, "employment", Months(Month(2020, 1), Month(2030, 1)), LONG_AGO) for id in ids
            ),
        ),
        management=Management(review=Review(LONG_AGO, FOUND, (), "yearly")),
        oversight=Oversight(
            complaints=tuple(Complaint(id, LONG_AGO, None, True) for id in ids),
            suspicions=tuple(Suspicion(id, "other", LONG_AGO) for id in ids),
        ),
        papers=Papers(
            documents=tuple(
                IssuedDocument(id, "refusal-decision", "1", "990301", id, None, LONG_AGO) for id in ids
            )
        ),
        limits=Limits(dues=tuple(awaited(event))),
    )


def awaited(event: Event) -> Iterator[OpenDue]:
    """The deadlines that this event meets or misses, and one that it has nothing to do with."""
    missed = event.misses()
    closed = [*event.meets(), *event.closes(), *([missed] if missed else [])]
    for n, (what, subject) in enumerate(closed):
        day = LONG_AGO + timedelta(days=n)
        yield OpenDue(Due("DL-X" if what == "*" else what, day, subject or SEED, "M57"), since=LONG_AGO)
    yield OpenDue(Due("DL-Y", date(2040, 1, 1), uuid5(SEED, "other"), "M57"), since=LONG_AGO)


def homes(days: list[date]) -> Iterator[Residence]:
    yield Residence("990301100201", "rural", LONG_AGO, days[0])
    for day in days:
        yield Residence("990301100202", "rural", day)


def members(ids: list[UUID], days: list[date]) -> Iterator[Membership]:
    head = PersonId(uuid5(SEED, "head"))
    yield Membership(head, "head", None, False, None, "full", LONG_AGO)
    for id in ids:
        name: Private[str] = Private(id, "name", token=b"name" + id.bytes)
        for day in days:
            for start, end, cause in ((LONG_AGO, day, None), (LONG_AGO, day, "death"), (day, None, None)):
                yield Membership(
                    PersonId(id), "son", LONG_AGO, False, None, "full", start, end, "male", name, name, cause
                )


def procedures(ids: list[UUID], case: UUID | None) -> Iterator[Procedure]:
    for id in ids:
        if id != case:
            yield Procedure(id, Category.DIBAO, "application", LONG_AGO, PersonId(id), outcome="ended")
    if case is not None:
        yield Procedure(
            case,
            Category.MARGINAL,
            "application",
            LONG_AGO,
            PersonId(case),
            objections=tuple(Objection(id, "report", LONG_AGO) for id in ids),
            returns=(FileReturn(LONG_AGO),),
            sample=Sample(case, "seed", True),
            agent=Agent("relative", "paper", ("apply",), LONG_AGO),
        )


def written(household: Household) -> WholeCard:
    """The card of a family as it stands in the tables."""
    head = next((m for m in household.people.members if m.relation == "head" and m.end is None), None)
    case = household.case
    home = household.place.residences[-1]
    code, dues = home.region, household.limits.dues
    card = Card(
        lane=0,
        household=ID,
        **codes_of(code),
        region=code,
        area=home.area,
        provisional=False,
        registered_on=LONG_AGO,
        version=7,
        last_on=LONG_AGO,
        last_name="household.registered.1",
        last_title="",
        cycle=household.status.cycle,
        joined_into=household.lineage.joined_into,
        running=text_of(started(each.due) for each in dues),
    )
    card.members = sum(member.end is None for member in household.people.members)
    if head is not None:
        card.head, card.head_name = head.person, head.name.token if head.name else None
    if case is not None:
        card.case_id, card.case_category, card.case_since = case.id, case.category, case.started_on
        card.case_step, card.case_step_on = "household.applied.1", case.started_on
    first = min(dues, key=lambda each: each.due.day, default=None)
    if first is not None:
        card.next_due, card.next_what = first.due.day, first.due.what
    return WholeCard(
        card,
        [Home.of(0, ID, n, each) for n, each in enumerate(household.place.residences)],
        [Member.of(0, ID, n, each) for n, each in enumerate(household.people.members)],
        [CategoryRow.of(0, ID, n, each) for n, each in enumerate(household.status.categories)],
        [LabelRow.of(0, ID, n, each) for n, each in enumerate(household.status.labels)],
        [BenefitRow.of(0, ID, n, each) for n, each in enumerate(household.aid.benefits)],
    )


def alone(model: Projection, name: str, event: Event) -> None:
    """Hand a page of this one event to a projection, as the engine does."""
    model.begin(0, ID)
    model.on(fact_of(0, 1, ID, 8, name, datetime(2026, 7, 1, tzinfo=UTC), Meta(), event))
    model.end()


def told(household: Household, name: str, event: Event) -> WholeCard:
    """The card after the event: as in a page, rows are at hand only where a table says it reads them."""
    cards = Cards()
    there: dict[Any, list[Any]] = {table: [] for table in Cards.tables}
    if household.registered:
        old = written(household)
        there = {CARD: [old.card], HOME: old.homes, MEMBER: old.members}
        there |= {CATEGORY: old.categories, LABEL: old.labels, BENEFIT: old.benefits}
    for table, rows in cards.rows().items():
        if type(event) in table.reads:
            rows.load(there[table])
    alone(cards, name, event)
    after: dict[Any, list[Any]] = {}
    for table, rows in cards.rows().items():
        kept = {table.key_of(row): row for row in there[table]}
        for row in rows.gone():
            del kept[table.key_of(row)]
        kept |= {table.key_of(row): row for row in (table.row(*each) for each in rows.changed())}
        after[table] = sorted(kept.values(), key=lambda row: getattr(row, "n", 0))
    (card,) = after[CARD]
    return WholeCard(card, after[HOME], after[MEMBER], after[CATEGORY], after[LABEL], after[BENEFIT])


def spells(household: Household) -> tuple[object, ...]:
    """What stands in the spells of a card."""
    if not household.registered:
        return ()
    whole = written(household)
    return (whole.homes, whole.members, whole.categories, whole.labels, whole.benefits, whole.card.cycle)


@pytest.mark.parametrize("name", HOUSEHOLDS)
def test_an_event_changes_the_card_as_it_changes_the_state(name: str) -> None:
    event = example(HOUSEHOLDS[name], name)
    before = Household(ID) if isinstance(event, BEGINNING) else somebody(event)
    after = follow(before, event)
    card = told(before, name, event)
    last = max([date(2027, 1, 1), *(value for value in said(event) if isinstance(value, date))])
    assert_card(after, card, last)
    assert (card.card.last_name, card.card.last_on, card.card.version) == (name, event.on, 8)
    if isinstance(event, BEGINNING):
        assert card.card.provisional is getattr(event, "provisional", False)


@pytest.mark.parametrize("name", HOUSEHOLDS)
def test_an_event_that_changes_spells_is_among_those_that_are_followed(name: str) -> None:
    event = example(HOUSEHOLDS[name], name)
    before = Household(ID) if isinstance(event, BEGINNING) else somebody(event)
    after = follow(before, event)
    # only so does the test above see what a missing handler would leave undone
    assert (type(event) in CHANGING) == (spells(after) != spells(before))


@pytest.mark.parametrize("name", HOUSEHOLDS)
def test_an_event_changes_deadlines_as_it_changes_those_of_the_state(name: str) -> None:
    event = example(HOUSEHOLDS[name], name)
    before = Household(ID) if isinstance(event, BEGINNING) else somebody(event)
    after = follow(before, event).limits.dues
    card = told(before, name, event).card
    assert [running_of(each) for each in running_in(card.running)] == [open_due(each) for each in after]
    # what the dues are not told or do not read they would go on awaiting
    there = {
        (ID, 7, n): Deadline(
            0, ID, 7, n, o.due.what, o.due.subject, o.due.kind, o.due.day, "M57", "", False, LONG_AGO, None, None, None
        )
        for n, o in enumerate(before.limits.dues)
    }  # fmt: skip
    dues = Dues()
    if type(event) in DUE.reads:
        dues.dues.load(there.values())
    if type(event) in Dues.wants:
        alone(dues, name, event)
    there |= {DUE.key_of(row): row for row in dues.dues.of(ID)}
    assert [due_of(row) for row in there.values() if row.done_on is None] == [
        open_due(each) for each in after
    ]


def test_a_family_that_joined_another_is_where_it_lived_and_has_nobody() -> None:
    event = example(JoinedInto, "household.joined-into.1")
    card = told(somebody(event), "household.joined-into.1", event).card
    assert (card.joined_into, card.members, card.next_due) == (event.into, 0, None)
    assert card.village.startswith("9903011002")
    assert card.head is not None
