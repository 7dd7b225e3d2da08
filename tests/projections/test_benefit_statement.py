"""The benefit statement says everything a family was given, and what of it holds today."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.aid.payments import AidDelivered, OrderPayment, PaymentReturned, ReturnPayment
from domain.aid.temporary_aid import GrantTemporaryAid
from domain.values.money import Fen
from domain.values.spells import Programme
from projections.benefit_statement import BenefitStatement, statement_of
from projections.engine.projector import Projector
from tests import stories
from tests.database import Databases
from tests.projections.conftest import caught_up
from tests.projections.lives import fill, folded, lives, told
from tests.projections.test_state import Chance, enclosed
from tests.scenario import Life


def lived(databases: Databases, projector: Projector, *every: Life) -> list[UUID]:
    """Tell these lives to the store and project them; answers their households."""
    given = list(lives(len(every), templates=[told(each) for each in every]))
    fill(databases.store, given)
    caught_up(projector, 17)
    return [life[0].originator_id for life in given]


def said(databases: Databases, household: UUID, today: date) -> BenefitStatement:
    with psycopg.connect(databases.app) as connection:
        return statement_of(connection, household, today)


def test_s1_received_27537_yuan_over_three_years(databases: Databases, projector: Projector) -> None:
    (household,) = lived(databases, projector, stories.yu_exited())
    statement = said(databases, household, date(2023, 6, 1))
    assert statement.received == 2_753_700
    assert [(row.year, row.kind, row.state, row.fen, row.count) for row in statement.years] == [
        (2021, "DIBAO", "settled", 500_000, 5),
        (2021, "TEMPORARY", "settled", 553_700, 1),
        (2022, "DIBAO", "settled", 1_200_000, 12),
        (2023, "DIBAO", "settled", 500_000, 5),
    ]
    (aid,) = statement.aids
    assert (aid.fen, aid.state, aid.granted_on, aid.state_on, aid.organ) == (
        553_700,
        "settled",
        date(2021, 7, 8),
        date(2021, 7, 9),
        "370786/civil-affairs",
    )


def test_s1_holds_on_each_day_what_held_then(databases: Databases, projector: Projector) -> None:
    (household,) = lived(databases, projector, stories.yu_exited())

    def held(day: date) -> set[tuple[str, str]]:
        return {(each.kind, each.code) for each in said(databases, household, day).current}

    assert held(date(2021, 7, 25)) == set()
    # in Dibao from the day of decision, paid from the month after
    assert held(date(2021, 7, 26)) == {("category", "DIBAO")}
    assert held(date(2021, 8, 1)) == {("category", "DIBAO"), ("benefit", "DIBAO")}
    assert held(date(2022, 12, 1)) == {("category", "DIBAO"), ("benefit", "DIBAO"), ("label", "GRACE")}
    assert held(date(2023, 6, 1)) == {("label", "EXITED")}
    assert said(databases, household, date(2023, 5, 31)).monthly == 100_000
    assert said(databases, household, date(2023, 6, 1)).monthly == 0


def test_a_marginal_family_is_told_what_it_may_claim_without_another_check(
    databases: Databases, projector: Projector
) -> None:
    (household,) = lived(databases, projector, stories.ling_marginal())
    statement = said(databases, household, date(2026, 10, 1))
    current = {each.kind: each for each in statement.current}
    assert current["category"].code == "MARGINAL"
    assert current["category"].organ == "990301/civil-affairs"
    assert "specialised-aid" in current
    before = said(databases, household, date(2026, 9, 30))
    assert {each.code for each in before.current if each.kind == "category"} == {"DIBAO"}
    assert not [each for each in before.current if each.kind == "specialised-aid"]


def test_what_came_back_is_no_money_received(databases: Databases, projector: Projector) -> None:
    story = stories.county(stories.ling_confirmed()).when(
        GrantTemporaryAid(date(2025, 6, 2), Fen(100_000), "突发疾病"),
        OrderPayment(date(2025, 6, 3), Programme.TEMPORARY),
        ReturnPayment(date(2025, 6, 4), "account-wrong", Programme.TEMPORARY),
        OrderPayment(date(2025, 6, 10)),
        ReturnPayment(date(2025, 6, 12), "account-closed"),
    )
    (household,) = lived(databases, projector, story)
    statement = said(databases, household, date(2025, 7, 1))
    assert statement.received == 0
    assert [(row.kind, row.state, row.count) for row in statement.years] == [
        ("DIBAO", "returned", 1),
        ("TEMPORARY", "returned", 1),
    ]
    assert statement.aids[0].state == "returned"


def test_a_household_that_was_given_nothing_has_an_empty_statement(
    databases: Databases, projector: Projector
) -> None:
    (household,) = lived(databases, projector, stories.yu_accepted())
    statement = said(databases, household, date(2021, 7, 2))
    assert (statement.holdings, statement.aids, statement.years) == ([], [], [])
    assert said(databases, UUID(int=7), date(2021, 7, 2)).received == 0


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(seed=st.integers(0, 2**32), count=st.integers(0, 40), page=st.integers(1, 30))
def test_any_facts_leave_the_statement_the_state_folds_to(
    databases: Databases, projector: Projector, seed: int, count: int, page: int
) -> None:
    life = enclosed(Chance(seed), count)
    household = life[0].originator_id
    with psycopg.connect(databases.store) as connection:
        known = connection.execute("SELECT FROM es_stream WHERE stream_id = %s", [household])
        if known.fetchone() is not None:
            return
    fill(databases.store, [life], by_day=False)
    caught_up(projector, page)
    state = folded(life)
    statement = said(databases, household, date(2024, 6, 1))

    def of(kind: str) -> list[tuple[str, date, date | None]]:
        found = sorted((row.version, row) for row in statement.holdings if row.kind == kind)
        return [(row.code, row.since, row.until) for _, row in found]

    assert of("category") == [(spell.category, spell.start, spell.end) for spell in state.categories]
    assert of("label") == [(label.label, label.start, label.end) for label in state.labels]
    assert of("benefit") == [
        (spell.kind, spell.first.first_day, (spell.last + 1).first_day if spell.last else None)
        for spell in state.benefits
    ]
    events = [envelope.event for envelope in life]
    for state_word, kind in (("settled", AidDelivered), ("returned", PaymentReturned)):
        paid = sum(row.fen for row in statement.years if row.state == state_word)
        assert paid == sum(event.fen or 0 for event in events if isinstance(event, kind))
