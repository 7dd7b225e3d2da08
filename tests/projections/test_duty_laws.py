"""Whatever an office does, somebody has on a list what is still to be done, and nobody what is done."""

from __future__ import annotations

from datetime import date

from hypothesis import given, settings

from domain.clock.duty_kinds import DUTY_KINDS, TOTALS
from domain.clock.duty_rules import turned
from domain.household.duty import Duty
from domain.household.duty_context import DutyContext
from domain.household.parts import Procedure
from domain.household.replay import follow
from domain.household.state import Household
from domain.inquiry.recheck import open_objection
from domain.values.spells import Category
from tests.domain.walks import Life, lives, whole
from tests.scenario import HOUSEHOLD

NOBODY = {"DL-FXS-FILE", "DL-XSL-FILE"}
"""Terms the family has, and nobody has to keep."""
AFTERWARDS = {"deliver-notice", "publish-confirmation", "tell-result", "recheck"}
"""What may still be owed of a case that is over."""


def next_of(case: Procedure, state: Household) -> set[str]:
    """What an application under way awaits, read off what has been done of it."""
    if case.accepted_on is None:
        if not case.missing_notified:
            return {"accept-or-notify"}
        return {"accept"} if set(case.missing_notified) <= set(case.supplemented) else {"await-materials"}
    if open_objection(case, "notice") is not None:
        return {"inquire"} if case.inquired_on is None else {"give-opinion"}
    if case.opinion_on is None:
        steps = {
            "start-investigation": case.investigation_on is None,
            "request-verification": case.verification_requested_on is None,
            "start-verification": case.verification_requested_on and not case.verification_started_on,
            "report-verification": case.verification_started_on and not case.reported_on,
            "visit-home": not case.visits,
        }
        return {step for step, awaited in steps.items() if awaited} or {"give-opinion"}
    if case.file_received_on is not None:
        complained = [each.on for each in state.complaints if each.case == case.id]
        visits = [visit.on for visit in case.visits if visit.level == "county"]
        looked_at = case.relatives or complained
        if looked_at and max(visits, default=date.min) < max(complained, default=date(1, 1, 2)):
            return {"decide", "visit-home-county"}
        return {"decide"}
    if case.returns and case.returns[-1].resubmitted_on is None:
        return {"mend-file"}
    if case.opinion_approves and case.category == Category.DIBAO:
        if case.notice_on is None:
            return {"post-notice"}
        if case.notice_closed_on is None:
            return {"close-notice"}
    if case.returns and case.returns[-1].on >= case.opinion_on:
        return {"receive-file"}
    return {"decide-delegated"} if case.delegated else {"send-file"}


def _seen_on_the_day_of_a_complaint(case: Procedure, state: Household) -> set[str]:
    """The county visited and heard of a complaint on one day: which came first, the days do not tell."""
    complained = {each.on for each in state.complaints if each.case == case.id}
    visits = {visit.on for visit in case.visits if visit.level == "county"}
    return {"visit-home-county"} if visits & complained else set()


def check(state: Household, duties: list[Duty]) -> None:
    keys = [(duty.step, duty.subject, duty.month) for duty in duties]
    assert len(keys) == len(set(keys))
    steps = {(duty.step, duty.subject) for duty in duties}
    for due in (each.due for each in state.dues if each.due.kind == "limit"):
        mine = [DUTY_KINDS[step] for step, subject in steps if subject == due.subject]
        held = any(step.is_limited_by(due.what) or due.what in TOTALS for step in mine)
        assert held or due.what in NOBODY, f"{due.what}: nobody has it on a list"
    of_case = {step for step, subject in steps if state.case is not None and subject == state.case.id}
    assert state.case is None or of_case, "a case under way that nobody has to go on with"
    if state.case is not None and state.case.origin == "application":
        beside = {"tell-result", "recheck"} | _seen_on_the_day_of_a_complaint(state.case, state)
        assert of_case - beside == next_of(state.case, state) - beside
        assert ("recheck" in of_case) == (open_objection(state.case, "report") is not None)
    for case in state.procedures:
        if case.outcome is not None:
            assert {step for step, subject in steps if subject == case.id} <= AFTERWARDS
    assert ("check-change", HOUSEHOLD) not in steps or state.changes
    told = {duty.subject for duty in duties if duty.step == "deliver-notice"}
    assert told == {each.subject for each in state.undelivered}
    unseen = {subject for step, subject in steps if step == "verify-alert"}
    assert unseen == {a.id for a in state.alerts if a.outcome is None and a.verified_on is None}
    checked = {subject for step, subject in steps if step in ("verify-alert", "answer-alert")}
    assert checked == {alert.id for alert in state.alerts if alert.outcome is None}
    answered = {subject for step, subject in steps if step == "answer-complaint"}
    assert answered == {each.id for each in state.complaints if each.answered_on is None}
    suspected = {subject for step, subject in steps if step == "answer-suspicion"}
    assert suspected == {each.id for each in state.suspicions if each.answered_on is None}
    ordered = {(duty.subject, duty.month) for duty in duties if duty.step == "confirm-payment" and duty.month}
    assert ordered == {(spell.id, str(order.month)) for spell in state.benefits for order in spell.open}
    again = {(duty.subject, duty.month) for duty in duties if duty.step == "order-again" and duty.month}
    assert again == {(spell.id, str(month)) for spell in state.benefits for month in spell.returned}
    unpaid = {subject for step, subject in steps if step == "pay-temporary-aid"}
    assert unpaid == {aid.id for aid in state.temporary if aid.state == "granted"}


@settings(max_examples=150, deadline=None)
@given(life=lives)
def test_at_every_step_the_open_duties_are_those_the_state_awaits(life: Life) -> None:
    state, standing, duties = Household(HOUSEHOLD), DutyContext(), list[Duty]()
    events = whole(life).events
    for n, event in enumerate(events):
        state, standing = follow(state, event), event.bears_on_duties(standing)
        ended, begun = turned(event, HOUSEHOLD, standing, duties)
        duties = [duty for duty in duties if duty not in ended] + begun
        if n + 1 == len(events) or events[n + 1].on > event.on:
            # several facts of one command belong together: looked at when the day is over
            check(state, duties)
