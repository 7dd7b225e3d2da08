"""Handling a command: the first answer for ever, decided anew when somebody was quicker, claims and looks-up."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from uuid import UUID, uuid5

import psycopg
import pytest

from application.handling.request import Handled, Request
from bootstrap.wiring import Installation
from domain.change.review import ReportChange
from domain.decision.confirmation import ConfirmDibao
from domain.decision.file import ReceiveFile
from domain.decision.notice import CloseNotice, PostNotice
from domain.decision.opinion import GiveOpinion
from domain.guards.registered import HouseholdUnknown, NotAMember
from domain.household.claims import claims_of
from domain.household.command import Command
from domain.inquiry.verification import (
    ReportVerification,
    RequestVerification,
    StartInvestigation,
    StartVerification,
    VisitHome,
)
from domain.intake.application import AcceptApplication, Apply
from domain.intake.authorisation import AuthoriseVerification
from domain.members.registration import NewMember, RegisterHousehold
from domain.values.person import HouseholdId, PersonId
from domain.values.receipt import Actor
from domain.values.spells import Category
from domain.watching.alerts import FeedBackAlert, NoOpenAlert, RaiseAlert, VerifyAlert
from eventstore.errors import ChangedCommand, ClaimConflict, VersionConflict
from eventstore.postgres.libpq_client import LibpqClient, Statement
from tests import stories
from tests.database import Databases
from tests.installations import installed

SEED = UUID("00000000-0000-5000-8000-0000000000cc")
DAY = date(2021, 7, 1)
VILLAGE = "370786101215"
TOWNSHIP = Actor("w1", "370786101/township")
COUNTY = Actor("c1", "370786/civil-affairs")
FATHER, DAUGHTER = stories.A1, stories.A2


@pytest.fixture
def office(databases: Databases, tmp_path: Path) -> Iterator[Installation]:
    with installed(databases, tmp_path) as installation:
        yield installation


def asked(what: str, command: Command, household: HouseholdId | None = None) -> Request:
    return Request(uuid5(SEED, what), command, TOWNSHIP, household)


def family(*members: NewMember) -> RegisterHousehold:
    known = (NewMember("A1", "于某", "head", FATHER), NewMember("A2", "于某某", "daughter", DAUGHTER))
    return RegisterHousehold(DAY, VILLAGE, members or known, address="1号")


def registered(office: Installation, what: str = "register") -> Handled:
    return office.handler.handle(asked(what, family()))


def head(office: Installation, household: HouseholdId) -> PersonId:
    return office.households.get(household).people.members[0].person


def events_of(databases: Databases, name: str) -> int:
    with psycopg.connect(databases.store) as connection:
        row = connection.execute("SELECT count(*) FROM es_event WHERE name = %s", (name,)).fetchone()
    assert row is not None
    return int(row[0])


def test_the_same_request_again_gets_the_first_answer(office: Installation) -> None:
    first = registered(office)
    again = registered(office)
    assert (again.household, again.version, again.reached) == (first.household, first.version, first.reached)
    assert (first.repeated, again.repeated) == (False, True)


def test_a_request_that_would_now_be_refused_still_gets_its_first_answer(office: Installation) -> None:
    household = registered(office).household
    office.handler.handle(asked("alert", RaiseAlert(DAY, "E-EXP-01", "RED"), household))
    visit = asked("visit", VerifyAlert(DAY, ("w1", "w2"), True), household)
    first = office.handler.handle(visit)
    office.handler.handle(asked("answer", FeedBackAlert(DAY, "watch"), household))
    with pytest.raises(NoOpenAlert):
        office.handler.handle(replace(visit, id=uuid5(SEED, "another visit")))
    again = office.handler.handle(visit)
    assert (again.version, again.repeated) == (first.version, True)


def test_another_content_under_the_same_id_is_refused_and_nothing_written(
    office: Installation, databases: Databases
) -> None:
    household = registered(office).household
    first = asked("alert", RaiseAlert(DAY, "E-EXP-01", "RED"), household)
    office.handler.handle(first)
    for changed in (
        replace(first, command=RaiseAlert(DAY, "E-EXP-01", "ORANGE")),
        replace(first, command=RaiseAlert(DAY, "E-LOS-01", "RED")),
        replace(first, actor=COUNTY),
    ):
        with pytest.raises(ChangedCommand):
            office.handler.handle(changed)
    assert events_of(databases, "household.alert-raised.1") == 1


def test_who_says_which_version_they_saw_is_told_when_it_is_old(office: Installation) -> None:
    answer = registered(office)
    household = answer.household
    seen = answer.version
    office.handler.handle(asked("one", RaiseAlert(DAY, "E-EXP-01", "RED"), household))
    stale = replace(asked("two", RaiseAlert(DAY, "E-LOS-01", "RED"), household), expected=seen)
    with pytest.raises(VersionConflict) as conflict:
        office.handler.handle(stale)
    assert conflict.value.current == seen + 1
    fresh = office.handler.handle(replace(stale, expected=seen + 1))
    assert fresh.version == seen + 2
    assert office.handler.handle(replace(stale, expected=seen + 1)).repeated


def test_four_officers_at_once_are_all_decided_in_some_order(office: Installation) -> None:
    household = registered(office).household
    member = head(office, household)

    def report(n: int) -> int:
        change = ReportChange(date(2021, 8, n + 1), member, "income")
        return office.handler.handle(asked(f"change/{n}", change, household)).version

    before = registered(office).version
    with ThreadPoolExecutor(4) as pool:
        versions = sorted(pool.map(report, range(4)))
    assert versions == [before + 1 + n for n in range(4)]


def test_one_id_number_is_one_person_also_when_two_townships_register_it_at_once(
    office: Installation, databases: Databases
) -> None:
    def register(n: int) -> PersonId:
        only = family(NewMember(f"P{n}", "于某", "head", FATHER))
        household = office.handler.handle(asked(f"register/{n}", only)).household
        return head(office, household)

    with ThreadPoolExecutor(6) as pool:
        persons = set(pool.map(register, range(6)))
    assert len(persons) == 1
    assert office.store.find("id-number", FATHER) in persons


def test_a_refusal_writes_nothing(office: Installation, databases: Databases) -> None:
    household = registered(office).household
    stranger = PersonId(uuid5(SEED, "stranger"))
    with pytest.raises(NotAMember):
        office.handler.handle(asked("apply", Apply(DAY, stranger), household))
    assert events_of(databases, "household.applied.1") == 0
    with pytest.raises(HouseholdUnknown):
        office.handler.handle(asked("alert", RaiseAlert(DAY, "E-EXP-01", "RED"), HouseholdId(stranger)))


def test_a_command_without_claim_or_key_costs_two_statements(
    office: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    household = registered(office).household
    office.handler.handle(asked("warm", RaiseAlert(DAY, "E-EXP-01", "RED", note="先行"), household))
    sent: list[bytes] = []
    straight = LibpqClient._rows

    def counted(client: LibpqClient, statement: Statement, parameters: object) -> object:
        sent.append(statement.name)
        return straight(client, statement, parameters)  # type: ignore[arg-type]

    monkeypatch.setattr(LibpqClient, "_rows", counted)
    office.handler.handle(asked("hot", RaiseAlert(DAY, "E-LOS-01", "RED", note="自付过高"), household))
    assert len(sent) == 2


def confirmed(office: Installation, what: str) -> HouseholdId:
    """A family in Dibao since 2021-07-26 by the shortest lawful road."""
    township, county = TOWNSHIP.organ, COUNTY.organ
    household = office.handler.handle(asked(what, family())).household
    father, daughter = (member.person for member in office.households.get(household).people.members)
    road: list[tuple[str, Command]] = [
        (township, Apply(DAY, father, income=(stories.other(400),))),
        (township, AuthoriseVerification(DAY, (father, daughter))),
        (township, AcceptApplication(DAY)),
        (township, StartInvestigation(DAY)),
        (township, RequestVerification(DAY)),
        (county, StartVerification(DAY)),
        (county, ReportVerification(DAY, True)),
        (township, VisitHome(DAY, ("w1", "w2"), father)),
        (township, GiveOpinion(DAY)),
        (township, PostNotice(DAY)),
        (township, CloseNotice(date(2021, 7, 8))),
        (county, ReceiveFile(date(2021, 7, 8))),
        (county, ConfirmDibao(date(2021, 7, 26))),
    ]
    for n, (organ, command) in enumerate(road):
        officer = "c1" if organ == county else "w1"
        office.handler.handle(Request(uuid5(SEED, f"{what}/{n}"), command, Actor(officer, organ), household))
    return household


def test_a_person_is_in_one_category_nationwide(office: Installation, databases: Databases) -> None:
    first = confirmed(office, "first")
    with pytest.raises(ClaimConflict) as conflict:
        confirmed(office, "second")
    assert (conflict.value.kind, conflict.value.holder) == ("category", first)
    assert events_of(databases, "household.classified.1") == 1
    spell = office.households.get(first).category(date(2021, 7, 26))
    assert spell is not None
    assert spell.category is Category.DIBAO


def test_the_claims_stored_are_those_the_state_says(office: Installation, databases: Databases) -> None:
    household = confirmed(office, "first")
    held = {(claim.person, claim.start, claim.end) for claim in claims_of(office.households.get(household))}
    with psycopg.connect(databases.store) as connection:
        rows = connection.execute(
            "SELECT key, valid_from, valid_to FROM es_claim WHERE holder = %s", (household,)
        )
        assert set(rows.fetchall()) == held
    assert len(held) == 2
