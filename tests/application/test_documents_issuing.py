"""Documents are numbered once, rendered as they were decided, kept sealed, and shown only on record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from uuid import UUID, uuid5

import psycopg
import pytest

from application.documents.issuing import ATTACHED, PURPOSE
from application.handling.request import Request
from application.scripts.script_reader import read_script
from application.scripts.script_run import run_script
from bootstrap.wiring import Installation
from domain.change.review import ReportChange
from domain.decision.confirmation import RefuseApplication
from domain.intake.application import Apply
from domain.members.registration import NewMember, RegisterHousehold
from domain.papers.delivery import DeliverDocument, DocumentDelivered
from domain.papers.documents import (
    DocumentIssued,
    DocumentUnknown,
    IssuedByAnother,
    IssueDocument,
    StepNotTaken,
)
from domain.values.receipt import Actor
from eventstore.attachments import Numbers
from eventstore.errors import ChangedCommand, OwnerErased, VersionConflict
from tests import stories
from tests.application.papers import PAPERS, asked, handled, issued, lived, page_of
from tests.application.trials import trial
from tests.database import Databases, TestServer
from tests.installations import installed
from tests.scenario import HOUSEHOLD

ON = date(2025, 4, 21)
TOWNSHIP, COUNTY = "990301100/township", "990301/civil-affairs"
FIRST = "试验救受〔2025〕1号"


@pytest.fixture
def office(databases: Databases, tmp_path: Path) -> Iterator[Installation]:
    """An office in which the test family's application was accepted."""
    with installed(databases, tmp_path) as installation:
        lived(installation, stories.on_the_road(stories.ling_registered(ON), ON, until="accept"))
        yield installation


@pytest.fixture
def owner(databases: Databases) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(databases.store, autocommit=True) as connection:
        yield connection


def acceptance(what: str = "") -> Request:
    return asked(IssueDocument(ON, "acceptance-notice"), TOWNSHIP, what)


def counted(owner: psycopg.Connection[tuple[object, ...]], table: str) -> object:
    row = owner.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    assert row is not None
    return row[0]


def test_a_document_is_numbered_rendered_and_kept(office: Installation) -> None:
    paper = office.documents.issue(acceptance())
    assert paper.number == FIRST
    (event,) = paper.handled.events
    assert isinstance(event, DocumentIssued)
    assert event.template.startswith("acceptance-notice@")
    assert event.fields["accepted_on"] == "2025年4月21日"
    page = page_of(office, paper.document)
    for said in ("受理通知书", FIRST, "岭某：", "试验三一县试验镇人民政府", "2025年6月5日", "（印章）"):
        assert said in page
    assert office.attachments.about(paper.document).sha256 == event.sha256
    assert [each.number for each in office.documents.of(HOUSEHOLD)] == [FIRST]


def test_the_same_command_again_gets_the_same_document_and_no_second_number(
    office: Installation, owner: psycopg.Connection[tuple[object, ...]]
) -> None:
    first = office.documents.issue(acceptance())
    again = office.documents.issue(acceptance())
    assert (again.document, again.number) == (first.document, first.number)
    assert (first.handled.repeated, again.handled.repeated) == (False, True)
    assert counted(owner, "es_attachment") == counted(owner, "es_number") == 1
    changed = replace(acceptance(), command=IssueDocument(ON, "verification-authorisation"))
    with pytest.raises(ChangedCommand):
        office.documents.issue(changed)


def test_another_command_about_the_same_step_gets_the_document_there_is(
    office: Installation, owner: psycopg.Connection[tuple[object, ...]]
) -> None:
    first = office.documents.issue(acceptance())
    other = office.documents.issue(acceptance("another click"))
    assert (other.document, other.number, other.handled.news) == (first.document, first.number, False)
    assert counted(owner, "es_number") == 1


def test_a_command_interrupted_after_its_number_goes_on_with_that_number(office: Installation) -> None:
    request = acceptance()
    taken = Numbers(office.pool).take(TOWNSHIP, 2025, "acceptance-notice", request.id)
    Numbers(office.pool).take(TOWNSHIP, 2025, "acceptance-notice", uuid5(PAPERS, "somebody else"))
    assert taken == 1
    assert office.documents.issue(request).number == FIRST


def test_a_page_rendered_and_not_issued_is_not_shown_and_does_no_harm(office: Installation) -> None:
    orphan = uuid5(PAPERS, "orphan")
    office.attachments.put(orphan, HOUSEHOLD, ATTACHED, "text/html", b"never issued")
    with pytest.raises(DocumentUnknown):
        office.documents.read(orphan, actor="w1", purpose="case-handling")
    with pytest.raises(DocumentUnknown):
        office.documents.read(uuid5(PAPERS, "nothing"), actor="w1", purpose="case-handling")


def test_the_same_command_at_the_same_moment_is_one_document(
    office: Installation, owner: psycopg.Connection[tuple[object, ...]]
) -> None:
    with ThreadPoolExecutor(4) as pool:
        papers = list(pool.map(lambda _: office.documents.issue(acceptance()), range(4)))
    assert len({(paper.document, paper.number) for paper in papers}) == 1
    assert len(office.documents.of(HOUSEHOLD)) == 1
    rows = owner.execute("SELECT count(*) FROM es_event WHERE name = 'household.document-issued.1'")
    assert rows.fetchone() == (1,)


def test_while_others_write_the_page_says_what_is_true_when_it_is_issued(office: Installation) -> None:
    member = stories.person(stories.ling_registered(ON), 0)

    def change(n: int) -> None:
        handled(office, ReportChange(date(2025, 4, 22 + n), member, "income"), TOWNSHIP)

    with ThreadPoolExecutor(3) as pool:
        changes = [pool.submit(change, n) for n in range(3)]
        paper = pool.submit(office.documents.issue, acceptance()).result()
        for each in changes:
            each.result()
    assert paper.number == FIRST
    assert FIRST in page_of(office, paper.document)


def test_what_is_refused_takes_no_number_and_leaves_no_page(
    office: Installation, owner: psycopg.Connection[tuple[object, ...]]
) -> None:
    with pytest.raises(StepNotTaken):
        issued(office, "refusal-decision", ON, COUNTY)
    stale = replace(acceptance(), expected=1)
    with pytest.raises(VersionConflict):
        office.documents.issue(stale)
    assert counted(owner, "es_number") == counted(owner, "es_attachment") == counted(owner, "es_access") == 0


def test_nothing_personal_lies_in_clear(
    office: Installation, owner: psycopg.Connection[tuple[object, ...]]
) -> None:
    paper = office.documents.issue(acceptance())
    row = owner.execute("SELECT data FROM es_event WHERE name = 'household.document-issued.1'").fetchone()
    assert row is not None
    data = bytes(row[0]).decode()  # type: ignore[call-overload]
    assert "岭某" not in data
    said = json.loads(data)
    assert [each["name"] for each in said["personal"]] == ["applicant"]
    applicant = office.households.get(HOUSEHOLD).people.members[0].person
    assert UUID(said["personal"][0]["value"]["owner"]) == applicant
    sealed = owner.execute("SELECT sealed FROM es_attachment WHERE id = %s", (paper.document,)).fetchone()
    assert sealed is not None
    assert "受理通知书".encode() not in bytes(sealed[0])  # type: ignore[call-overload]


def test_opening_a_name_to_print_it_and_looking_at_the_page_are_on_record(
    office: Installation, owner: psycopg.Connection[tuple[object, ...]]
) -> None:
    paper = office.documents.issue(acceptance())
    office.documents.read(paper.document, actor="w2", purpose="archive", organ=TOWNSHIP)
    rows = owner.execute(
        "SELECT subject, actor, organ, purpose, fields FROM es_access ORDER BY at"
    ).fetchall()
    assert rows == [
        (HOUSEHOLD, "w1", TOWNSHIP, PURPOSE, ["name"]),
        (HOUSEHOLD, "w2", TOWNSHIP, "archive", ["attachment:document"]),
    ]


def test_an_erased_household_has_no_page_any_more(office: Installation) -> None:
    paper = office.documents.issue(acceptance())
    office.store.erase(HOUSEHOLD)
    assert office.documents.read(paper.document, actor="w1", purpose="archive").data is None
    assert office.documents.of(HOUSEHOLD)[0].number == FIRST


def test_no_page_is_printed_with_an_erased_name(
    office: Installation, owner: psycopg.Connection[tuple[object, ...]]
) -> None:
    office.store.erase(office.households.get(HOUSEHOLD).people.members[0].person)
    with pytest.raises(OwnerErased):
        office.documents.issue(acceptance())
    assert counted(owner, "es_attachment") == 0


def test_a_decision_is_printed_by_whose_it_is(databases: Databases, tmp_path: Path) -> None:
    with installed(databases, tmp_path) as office:
        lived(office, stories.ling_in_dibao(ON))
        with pytest.raises(IssuedByAnother):
            issued(office, "confirmation-notice", date(2025, 5, 6), TOWNSHIP)
        paper = issued(office, "confirmation-notice", date(2025, 5, 6), COUNTY)
        assert paper.number == "试验三一民救确〔2025〕1号"


def test_what_people_wrote_cannot_become_markup(databases: Databases, tmp_path: Path) -> None:
    story = stories.on_the_road(stories.ling_registered(ON), ON)
    case = story.household.case
    assert case is not None
    assert case.file_received_on is not None
    on = case.file_received_on
    story = story.when(RefuseApplication(on, "other", "<script>alert(1)</script>收入&财产"))
    with installed(databases, tmp_path) as office:
        lived(office, story)
        page = page_of(office, issued(office, "refusal-decision", on, COUNTY).document)
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;收入&amp;财产" in page


def test_a_document_is_delivered_and_its_receipt_says_how(office: Installation) -> None:
    paper = office.documents.issue(acceptance())
    head = office.households.get(HOUSEHOLD).people.members[0].person
    answer = handled(office, DeliverDocument(ON, paper.document, received_by=head), TOWNSHIP)
    assert [type(event) for event in answer.events] == [DocumentDelivered]
    receipt = page_of(office, issued(office, "delivery-receipt", ON, TOWNSHIP).document)
    for said in ("文书送达回证", FIRST, "直接送达", "2025年4月21日", "岭某"):
        assert said in receipt


def test_a_wrong_document_is_printed_anew_under_a_number_of_its_own(office: Installation) -> None:
    wrong = office.documents.issue(acceptance())
    command = IssueDocument(ON, "acceptance-notice", replaces=wrong.document, reason="住址有误")
    right = office.documents.issue(asked(command, TOWNSHIP))
    assert right.number == "试验救受〔2025〕2号"
    assert f"更正重发，替换{FIRST}" in page_of(office, right.document)
    assert FIRST in page_of(office, wrong.document)
    assert [each.replaced for each in office.documents.of(HOUSEHOLD)] == [True, False]


def test_each_year_begins_with_one(databases: Databases, tmp_path: Path) -> None:
    with installed(databases, tmp_path) as office:
        numbers = []
        for n, on in enumerate((date(2025, 12, 31), date(2026, 1, 4))):
            members = (NewMember("H", "甲", "head", birth=date(1980, 1, 1)),)
            request = Request(
                uuid5(PAPERS, f"register/{n}"),
                RegisterHousehold(on, "990301100201", members),
                Actor("w1", TOWNSHIP),
            )
            household = office.handler.handle(request).household
            head = office.households.get(household).people.members[0].person
            applied = Request(uuid5(PAPERS, f"apply/{n}"), Apply(on, head), Actor("w1", TOWNSHIP), household)
            office.handler.handle(applied)
            command = IssueDocument(on, "verification-authorisation")
            numbers.append(
                office.documents.issue(
                    Request(uuid5(PAPERS, f"issue/{n}"), command, Actor("w1", TOWNSHIP), household)
                ).number
            )
    assert numbers == ["试验救授〔2025〕1号", "试验救授〔2026〕1号"]


SCRIPT = """
title: 受理并送达
regions: ["990301"]
persons:
  C1: {name: 岭某, id: "990301198105050038"}
households:
  ling: {region: "990301100201", members: {C1: head}}
steps:
  - on: 2025-04-21
    by: &township {organ: 990301100/township, officer: w1}
    do: apply
    household: ling
    applicant: C1
  - {on: 2025-04-21, by: *township, do: authorise-verification, household: ling, persons: [C1]}
  - {on: 2025-04-21, by: *township, do: issue-document, household: ling, kind: acceptance-notice,
     refused: step-not-taken}
  - {on: 2025-04-21, by: *township, do: accept-application, household: ling}
  - {on: 2025-04-22, by: *township, do: issue-document, household: ling, kind: acceptance-notice}
  - {on: 2025-04-23, by: *township, do: deliver-document, household: ling, received_by: C1}
"""


def test_a_script_issues_and_delivers_like_anybody_else(server: TestServer) -> None:
    script = read_script(SCRIPT, "documents")
    with trial(server) as installation:
        run = run_script(script, installation.handler)
        (household,) = run.households.values()
        (document,) = installation.documents.of(household)
    assert (document.number, document.delivered_on) == (FIRST, date(2025, 4, 23))
