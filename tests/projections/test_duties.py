"""Each fact ends and begins the duties the law says, and none is forgotten in the table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

import pytest

from domain.aid.payments import OrderPayment, ReturnPayment, SettlePayment
from domain.aid.temporary_aid import GrantTemporaryAid
from domain.catalogue import EVENTS
from domain.change.review import Recertify, ReportChange
from domain.clock.duty_kinds import DUTY_KINDS
from domain.clock.duty_rules import turned
from domain.decision.confirmation import RefuseApplication
from domain.decision.file import ReceiveFile
from domain.decision.objection import ObjectToNotice, Reinvestigate
from domain.decision.transfer import ConsentToTransfer
from domain.household.duty import Duty
from domain.household.duty_context import DutyContext
from domain.household.event import Event
from domain.inquiry.verification import VisitHome
from domain.intake.application import AcceptApplication
from domain.intake.completeness import NotifyMissingItems, SupplementMaterials
from domain.members.death import RecordDeath
from domain.papers.delivery import DocumentDelivered
from domain.papers.documents import DocumentIssued
from domain.papers.notification import DeliverNotice
from domain.values.issued import DocumentKind
from domain.values.money import Fen
from domain.values.month import Month
from domain.values.spells import Programme
from domain.watching.alerts import FeedBackAlert, RaiseAlert, VerifyAlert
from tests import stories
from tests.scenario import Life

START = date(2025, 4, 21)


def awaited(events: Sequence[Event], household: UUID) -> list[Duty]:
    """The duties open after these facts, by the table alone."""
    standing, duties = DutyContext(), list[Duty]()
    for event in events:
        standing = event.bears_on_duties(standing)
        ended, begun = turned(event, household, standing, duties)
        duties = [duty for duty in duties if duty not in ended] + begun
    return duties


def steps_of(life: Life) -> set[str]:
    return {duty.step for duty in awaited(life.events, life.household.id)}


def test_the_table_names_only_steps_there_are() -> None:
    every = [turn for kind in EVENTS.values() for turn in kind.turns]
    named = {step for turn in every for step in (*turn.opens, *turn.closes, *turn.once_done)}
    assert named - {"*"} == set(DUTY_KINDS)


@pytest.mark.parametrize("step", DUTY_KINDS)
def test_what_can_begin_can_end(step: str) -> None:
    every = [turn for kind in EVENTS.values() for turn in kind.turns]
    assert any(step in turn.opens for turn in every)
    assert any({step, "*"} & {*turn.closes} for turn in every)


ROAD = {
    "apply": {"accept-or-notify"},
    "accept": {"start-investigation", "request-verification", "visit-home"},
    "investigate": {"request-verification", "visit-home"},
    "request": {"start-verification", "visit-home"},
    "start": {"report-verification", "visit-home"},
    "report": {"visit-home"},
    "visit": {"give-opinion"},
    "opine": {"post-notice"},
    "post": {"close-notice"},
    "close": {"send-file"},
    "receive": {"decide"},
}


@pytest.mark.parametrize("until", ROAD)
def test_on_the_road_each_step_leads_to_the_next(until: str) -> None:
    life = stories.on_the_road(stories.ling_registered(START), START, until=until)
    assert steps_of(life) == ROAD[until]


def test_the_opinion_waits_for_whatever_step_of_the_investigation_is_last() -> None:
    story = stories.on_the_road(stories.ling_registered(START), START, until="accept")
    story = stories.township(story).when(VisitHome(START, ("w1", "w2"), stories.person(story, 0)))
    assert "give-opinion" not in steps_of(story)
    late = stories.on_the_road(stories.ling_registered(START), START, until="visit", without="investigate")
    assert steps_of(late) == {"start-investigation"}


def test_a_new_objection_puts_the_opinion_off_again() -> None:
    posted = stories.township(stories.on_the_road(stories.ling_registered(START), START, until="post"))
    on = posted.events[-1].on
    inquired = posted.when(
        ObjectToNotice(on, "income", "该户有务工收入", "赵某"), Reinvestigate(on, ("w3", "w4"), "不实")
    )
    assert steps_of(inquired) == {"give-opinion"}
    assert steps_of(inquired.when(ObjectToNotice(on, "income", "该户有房出租", "钱某"))) == {"inquire"}


def test_a_second_visit_does_not_call_for_another_opinion() -> None:
    story = stories.on_the_road(stories.ling_registered(START), START, until="opine")
    story = stories.township(story).when(VisitHome(START, ("w3", "w4"), stories.person(story, 0)))
    assert steps_of(story) == {"post-notice"}


def test_a_delegated_case_is_decided_by_the_township() -> None:
    story = stories.on_the_road(stories.ling_registered(START), START, until="close", delegated=True)
    assert steps_of(story) == {"decide-delegated"}
    assert DUTY_KINDS["decide-delegated"].office == "township"


def test_the_county_visits_a_registered_relative_before_it_decides() -> None:
    story = stories.on_the_road(stories.ling_registered(START), START, relatives=True)
    assert steps_of(story) == {"decide", "visit-home-county"}
    on = story.household.procedures[-1].file_received_on
    assert on is not None
    assert steps_of(story.when(VisitHome(on, ("c1", "c2"), stories.person(story, 0)))) == {"decide"}


def test_a_proposed_refusal_goes_to_the_county_without_notice_and_then_to_the_family() -> None:
    rich = (stories.wage(9_000),)
    story = stories.on_the_road(
        stories.ling_registered(START), START, until="opine", income=rich, eligible=False
    )
    assert steps_of(story) == {"send-file", "tell-result"}
    story = stories.on_the_road(
        stories.ling_registered(START), START, without="post", until="opine", income=rich
    )
    story = stories.county(story).when(
        ReceiveFile(START), RefuseApplication(START, "income-above-standard", "人均收入超过标准")
    )
    assert steps_of(story) == {"deliver-notice"}
    story = stories.township(story).when(DeliverNotice(START, stories.person(story, 0)))
    assert steps_of(story) == set()


def test_a_returned_payment_is_ordered_again_for_its_own_month() -> None:
    story = stories.ling_confirmed()
    story = stories.county(story).when(
        OrderPayment(date(2025, 6, 10)), ReturnPayment(date(2025, 6, 12), "account-closed")
    )
    story = story.when(OrderPayment(date(2025, 7, 10)))
    payments = [d for d in awaited(story.events, story.household.id) if d.month]
    assert {(d.step, d.month) for d in payments} == {
        ("order-again", "2025-06"),
        ("confirm-payment", "2025-07"),
    }
    story = story.when(
        OrderPayment(date(2025, 7, 11), month=Month(2025, 6)), SettlePayment(date(2025, 7, 12))
    )
    assert {(d.step, d.month) for d in awaited(story.events, story.household.id) if d.month} == {
        ("confirm-payment", "2025-06")
    }


def test_temporary_aid_is_paid_once_whatever_the_month_its_payment_bears() -> None:
    story = stories.county(stories.ling_confirmed())
    story = story.when(GrantTemporaryAid(date(2025, 6, 30), Fen(100_000), "突发疾病"))
    assert "pay-temporary-aid" in steps_of(story)
    story = story.when(OrderPayment(date(2025, 7, 1), Programme.TEMPORARY))
    assert {"confirm-payment"} <= steps_of(story)
    returned = story.when(ReturnPayment(date(2025, 7, 2), "account-wrong", Programme.TEMPORARY))
    assert "order-again" in steps_of(returned)
    again = returned.when(
        OrderPayment(date(2025, 8, 3), Programme.TEMPORARY),
        SettlePayment(date(2025, 8, 4), Programme.TEMPORARY),
    )
    for done in (story.when(SettlePayment(date(2025, 7, 2), Programme.TEMPORARY)), again):
        assert steps_of(done) & {"pay-temporary-aid", "confirm-payment", "order-again"} == set()


def test_income_over_the_line_calls_for_a_decision_until_grace_is_granted() -> None:
    story = stories.paid(stories.yu_confirmed(), Month(2021, 8), Month(2021, 8), 10)
    story = stories.township(story).when(
        ReportChange(date(2021, 9, 1), stories.person(story, 0), "employment")
    )
    assert "check-change" in steps_of(story)
    story = story.when(Recertify(date(2021, 9, 3), (stories.other(2080),)))
    assert steps_of(story) >= {"decide-after-check", "recertify"}
    assert "check-change" not in steps_of(story)
    back = story.when(Recertify(date(2021, 9, 5), (stories.other(300),)))
    assert "decide-after-check" not in steps_of(back)


def test_an_alert_is_visited_then_answered_then_done() -> None:
    story = stories.ling_registered(START).when(RaiseAlert(START, "E-EXP-01", "RED"))
    assert steps_of(story) == {"verify-alert"}
    alike = story.when(VerifyAlert(START, ("w1", "w2"), False))
    assert steps_of(alike) == {"answer-alert"}
    assert steps_of(alike.when(FeedBackAlert(START, "watch"))) == set()
    need = story.when(VerifyAlert(START, ("w1", "w2"), True))
    assert steps_of(need) == {"answer-alert", "offer-help"}
    assert steps_of(need.when(FeedBackAlert(START, "temporary-aid"))) == set()
    assert steps_of(stories.on_the_road(need, START, until="apply")) == {"answer-alert", "accept-or-notify"}


def test_a_transfer_is_started_only_with_consent() -> None:
    story = stories.township(stories.ling_confirmed())
    on = date(2025, 9, 1)
    yes = story.when(ConsentToTransfer(on, True, stories.person(story, 0)))
    assert "start-transfer" in steps_of(yes)
    no = yes.when(ConsentToTransfer(on + timedelta(days=1), False, stories.person(story, 0)))
    assert "start-transfer" not in steps_of(no)


def test_nothing_is_left_of_a_case_at_the_end_of_the_stories() -> None:
    # yu was never handed the paper that ended its Dibao; ling is marginal and checked again
    assert steps_of(stories.yu_exited()) == {"deliver-notice"}
    assert steps_of(stories.ling_marginal()) == {"recertify"}


def test_supplemented_papers_bring_the_case_back_to_the_township() -> None:
    story = stories.on_the_road(stories.ling_registered(START), START, until="authorise")
    story = stories.township(story).when(NotifyMissingItems(START, ("户口簿", "收入证明")))
    assert steps_of(story) == {"await-materials"}
    assert DUTY_KINDS["await-materials"].office == "applicant"
    story = story.when(SupplementMaterials(START + timedelta(days=1), ("户口簿",)))
    assert steps_of(story) == {"await-materials"}
    story = story.when(SupplementMaterials(START + timedelta(days=2), ("收入证明",)))
    assert steps_of(story) == {"accept"}
    assert "start-investigation" in steps_of(story.when(AcceptApplication(START + timedelta(days=2))))


def test_a_death_is_settled_by_what_is_decided_of_the_amount() -> None:
    story = stories.township(stories.ling_confirmed())
    story = story.when(
        RecordDeath(date(2025, 7, 3), stories.person(story, 1), date(2025, 7, 1), "death-certificate")
    )
    assert "adjust-after-death" in steps_of(story)
    (due,) = [each.due for each in story.household.dues if each.due.what == "DL-DTH"]
    assert any(
        duty.subject == due.subject and DUTY_KINDS[duty.step].is_limited_by("DL-DTH")
        for duty in awaited(story.events, story.household.id)
    )


def delivered(kind: DocumentKind, document: UUID, subject: UUID) -> DocumentDelivered:
    return DocumentDelivered(START, document, kind, subject, "direct", START, None, None, None, None, ())


def issued(kind: DocumentKind, document: UUID, subject: UUID, replaces: UUID | None = None) -> DocumentIssued:
    return DocumentIssued(
        START,
        document,
        kind,
        "号",
        "990301/civil-affairs",
        "t",
        subject,
        None,
        "",
        None,
        "",
        {},
        (),
        replaces,
    )


def test_a_paper_for_the_family_is_delivered_once_and_anew_when_it_was_corrected() -> None:
    house, case, first, second = (UUID(int=n) for n in range(1, 5))

    def left(*events: Event) -> set[tuple[str, UUID]]:
        return {(duty.step, duty.subject) for duty in awaited(events, house)}

    paper = issued("acceptance-notice", first, case)
    assert left(paper) == {("deliver-document", first)}
    assert left(paper, delivered("acceptance-notice", first, case)) == set()
    assert left(issued("approval-form", first, case)) == set()
    # a decision's own paper is awaited since the decision, by the decision's subject
    assert left(issued("refusal-decision", first, case)) == set()
    again = issued("refusal-decision", second, case, replaces=first)
    assert left(again) == {("deliver-notice", case)}
    assert left(again, delivered("refusal-decision", second, case)) == set()
    assert left(paper, issued("acceptance-notice", second, case, replaces=first)) == {
        ("deliver-document", second)
    }
