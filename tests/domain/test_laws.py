"""What holds in every life, whatever is asked in whatever order: laws of the chain."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from uuid import UUID

from hypothesis import HealthCheck, given, settings

from domain.aid.payments import (
    AidDelivered,
    OrderPayment,
    PaymentOrdered,
    PaymentReturned,
    ReturnPayment,
    SettlePayment,
)
from domain.aid.temporary_aid import TemporaryAidGranted
from domain.catalogue import COMMANDS, RULES
from domain.change.adjustment import ReassessmentConcluded
from domain.change.grace import GraceExpiryWarned
from domain.change.monitoring import ReturnedToMonitoring
from domain.change.review import ChangeReported
from domain.clock.supervision import DeadlineMissed
from domain.correction.fact_correction import ResidenceCorrected
from domain.correction.irregular import (
    AnswerSuspicion,
    IrregularlyConfirmed,
    IrregularRecorded,
    SuspicionAnswered,
)
from domain.correction.member_correction import DeathCorrected, MemberCorrected
from domain.decision.objection import ObjectToNotice
from domain.decision.status import Classified, Exited
from domain.decision.transfer import TransferConsented
from domain.guards.conflict_of_interest import ConflictDeclared
from domain.household.claims import claims_of
from domain.household.command import Command
from domain.household.event import Event
from domain.household.replay import follow, replayed
from domain.household.state import Household
from domain.inquiry.complaint import AnswerComplaint, ComplaintAnswered, ComplaintReceived, ReceiveComplaint
from domain.intake.application import Applied
from domain.intake.application_closure import ApplicationNotAccepted
from domain.intake.proactive_discovery import HelpOffered, NeedFound
from domain.members.death import MemberDied
from domain.members.identification import PersonIdentified
from domain.members.member_changes import AddMember, MemberChanged, MemberJoined, MemberLeft
from domain.members.moving import FileHandedOver, FileTakenOver, HouseholdMoved
from domain.members.registration import HouseholdRegistered, MemberAdded
from domain.members.split import MembersSplitOff
from domain.members.succession import HeadChanged
from domain.papers.notification import DeliverNotice
from domain.values.month import Month
from domain.values.person import PersonId
from domain.values.receipt import Decision, Receipt, replay
from domain.watching.alerts import (
    AlertFedBack,
    AlertMerged,
    AlertRaised,
    AlertVerified,
    FeedBackAlert,
    VerifyAlert,
)
from tests.domain.walks import Life, lives, walked, whole
from tests.scenario import HOUSEHOLD

# of these a family may have several at once, and the command names none: the next in turn is meant
IN_TURN = (
    OrderPayment,
    SettlePayment,
    ReturnPayment,
    DeliverNotice,
    VerifyAlert,
    FeedBackAlert,
    ObjectToNotice,
    ReceiveComplaint,
    AnswerComplaint,
    AnswerSuspicion,
    AddMember,
)

BEFORE_AN_APPLICATION = (
    HouseholdRegistered,
    MemberAdded,
    AlertRaised,
    AlertMerged,
    AlertVerified,
    AlertFedBack,
    NeedFound,
    HelpOffered,
    ApplicationNotAccepted,
    ChangeReported,
    TransferConsented,
    TemporaryAidGranted,
    PaymentOrdered,
    AidDelivered,
    PaymentReturned,
    DeadlineMissed,
    ComplaintReceived,
    ComplaintAnswered,
    ConflictDeclared,
    IrregularRecorded,
    SuspicionAnswered,
    MemberJoined,
    MemberLeft,
    MemberChanged,
    MemberDied,
    HeadChanged,
    MembersSplitOff,
    PersonIdentified,
    HouseholdMoved,
    FileHandedOver,
    FileTakenOver,
    ResidenceCorrected,
    MemberCorrected,
    DeathCorrected,
    ReassessmentConcluded,
)


laws = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)


@laws
@given(lives)
def test_before_an_application_there_is_nothing_of_a_case(life: Life) -> None:
    for event in whole(life).events:
        if isinstance(event, Applied | IrregularlyConfirmed):  # the latter is recorded as lacking one
            return
        assert isinstance(event, BEFORE_AN_APPLICATION)


@laws
@given(lives)
def test_asking_again_makes_no_second_fact(life: Life) -> None:
    for walk, command, actor in walked(life):
        told = walk.ask(command, actor)
        again = walk.ask(command, actor)
        if told and not isinstance(command, IN_TURN):
            assert again == [], command


@laws
@given(lives)
def test_every_prefix_replays_and_always_to_the_same(life: Life) -> None:
    walk = whole(life)
    household = Household(HOUSEHOLD)
    for n, event in enumerate(walk.events):
        household = follow(household, event)
        if n % 10 == 0:
            assert replayed(HOUSEHOLD, walk.events[: n + 1]) == household
    assert household == walk.household == replayed(HOUSEHOLD, walk.events)
    assert hash(household) == hash(walk.household)


def receipts(event: Event) -> Iterator[Receipt]:
    decision = getattr(event, "decision", None)
    if isinstance(decision, Decision):
        yield decision.receipt
    receipt = getattr(event, "receipt", None)
    if isinstance(receipt, Receipt):
        yield receipt


@laws
@given(lives)
def test_every_receipt_replays_to_the_same_result(life: Life) -> None:
    for event in whole(life).events:
        for receipt in receipts(event):
            assert len(receipt.packs) >= 2
            assert receipt.rules
            replay(receipt, RULES)


@laws
@given(lives)
def test_nobody_is_claimed_twice_at_a_time_and_no_day_has_two_categories(
    life: Life,
) -> None:
    walk = whole(life)
    household = Household(HOUSEHOLD)
    for event in walk.events:
        before, household = household.categories, follow(household, event)
        if before == household.categories:
            continue
        spells = sorted((s for s in household.categories if s.person is None), key=lambda s: s.start)
        for spell in spells:
            assert spell.end is None or spell.start <= spell.end
        for earlier, later in pairwise(spells):
            assert earlier.end is not None
            assert earlier.end <= later.start
        claimed: set[PersonId] = set()
        for claim in claims_of(household):
            assert claim.person not in claimed
            claimed.add(claim.person)


@laws
@given(lives)
def test_no_month_is_paid_twice_or_without_being_owed(life: Life) -> None:
    walk = whole(life)
    out: set[tuple[UUID, Month]] = set()
    for event in walk.events:
        if isinstance(event, PaymentOrdered) and event.programme == "DIBAO":
            assert (event.benefit, event.month) not in out
            out.add((event.benefit, event.month))
        elif isinstance(event, PaymentReturned) and event.programme == "DIBAO":
            out.remove((event.benefit, event.month))
    benefits = {spell.id: spell for spell in walk.household.benefits}
    assert all(benefits[benefit].covers(month) for benefit, month in out)
    months = [month for _, month in out]
    assert len(months) == len(set(months))
    assert all(aid.fen > 0 for aid in walk.household.temporary)


@laws
@given(lives)
def test_the_system_warns_notes_and_watches_and_decides_nothing(life: Life) -> None:
    walk = whole(life)
    assert {type(event) for event in walk.by_system} <= {
        GraceExpiryWarned,
        DeadlineMissed,
        ReturnedToMonitoring,
    }
    end = max(event.on for event in walk.events)
    before = walk.household
    walk.pass_days(end + timedelta(days=900))
    after = walk.household
    assert (after.categories, after.benefits) == (before.categories, before.benefits)
    told = len(walk.events)
    walk.pass_days(end + timedelta(days=900))
    assert len(walk.events) == told


@laws
@given(lives)
def test_what_was_decided_stands_in_the_order_of_its_days(life: Life) -> None:
    """Days are those of the acts: in a life told in order they never run back."""
    days = [event.on for event in whole(life).events]
    assert days == sorted(days)


def test_the_walks_get_somewhere() -> None:
    """Laws about lives in which nothing happens would be cheap."""
    met: set[type[Event]] = set()
    asked: set[type[Command]] = set()

    @settings(laws, max_examples=220)
    @given(lives)
    def walk(life: Life) -> None:
        for state, command, _ in walked(life):
            asked.add(type(command))
            met.update(type(event) for event in state.events)

    walk()
    assert {Classified, Exited, AidDelivered, GraceExpiryWarned, ReturnedToMonitoring} <= met
    assert len(asked) >= len(COMMANDS) - 4
