"""The stories of the fact sheet as the read models tell them."""

from __future__ import annotations

from collections import Counter
from datetime import date
from uuid import UUID

import msgspec
import pytest

from domain.values.spells import Category, Label
from domain.watching.alerts import AlertRaised
from projections.card import card_of
from projections.card_list import cards_in
from projections.chain import Step, chain_of
from projections.dues import awaiting, dues_of
from projections.engine.projector import Projector
from projections.payments import payments_of
from tests import stories
from tests.database import Databases
from tests.projections.conftest import caught_up, reading
from tests.projections.lives import fill, lives, told
from tests.scenario import Life


def lived(databases: Databases, projector: Projector, *every: Life) -> list[UUID]:
    """Tell these lives to the store and project them; answers their households."""
    given = list(lives(len(every), templates=[told(each) for each in every]))
    fill(databases.store, given)
    caught_up(projector)
    return [life[0].originator_id for life in given]


def steps(chain: list[Step], name: str) -> list[Step]:
    return [step for step in chain if step.name == f"household.{name}.1"]


def test_the_chain_of_s1_says_when_what_and_whether_in_time(
    databases: Databases, projector: Projector
) -> None:
    (household,) = lived(databases, projector, stories.yu_exited())
    with reading(databases) as connection:
        chain = chain_of(connection, household)
        assert chain_of(connection, household, after=2, limit=3) == chain[2:5]
        assert chain_of(connection, UUID(int=7)) == []
    assert [step.effective_on for step in chain] == sorted(step.effective_on for step in chain)
    (alert,) = steps(chain, "alert-raised")
    assert (alert.title, alert.basis) == (AlertRaised.title, AlertRaised.basis)
    assert msgspec.json.decode(alert.opened or "")[0]["day"] == "2021-07-01"
    assert msgspec.json.decode(alert.facts or "") == {"code": "E-EXP-01", "level": "RED", "fen": 7_000_000}
    (confirmed,) = steps(chain, "classified")
    assert confirmed.effective_on == date(2021, 7, 26)
    # county's ten days end 08-02, the thirty on 08-12: the nearer one is shown, both were kept
    assert (confirmed.due, confirmed.in_time) == (date(2021, 8, 2), True)
    assert {met["what"] for met in msgspec.json.decode(confirmed.met or "")} == {"DL-DIB-CTY", "DL-DIB-TOT"}
    assert msgspec.json.decode(confirmed.facts or "")["fen"] == 100_000
    returned = chain[-1]
    assert (returned.name, returned.cycle) == ("household.returned-to-monitoring.1", 2)
    assert {step.cycle for step in chain[:-1]} == {1}
    assert returned.in_time is None


def test_s1_was_paid_27537_yuan(databases: Databases, projector: Projector) -> None:
    (household,) = lived(databases, projector, stories.yu_exited())
    with reading(databases) as connection:
        payments = payments_of(connection, household)
    assert {payment.state for payment in payments} == {"settled"}
    assert sum(payment.fen for payment in payments) == 2_753_700
    assert Counter(payment.kind for payment in payments) == {"DIBAO": 22, "TEMPORARY": 1}
    assert payments[0].kind == "TEMPORARY"
    assert [payment.month for payment in payments[1:]] == sorted(payment.month for payment in payments[1:])


def test_the_card_of_s3_holds_its_spells(databases: Databases, projector: Projector) -> None:
    (household,) = lived(databases, projector, stories.ling_marginal())
    with reading(databases) as connection:
        whole = card_of(connection, household)
        assert card_of(connection, UUID(int=7)) is None
    assert whole is not None
    assert [(c.category, c.since, c.until) for c in whole.categories] == [
        (Category.DIBAO, date(2025, 5, 20), date(2026, 10, 1)),
        (Category.MARGINAL, date(2026, 10, 1), None),
    ]
    assert [(label.label, label.since, label.until) for label in whole.labels] == [
        (Label.GRACE, date(2026, 4, 1), date(2026, 10, 1))
    ]
    assert [(b.fen, b.first_month, b.last_month) for b in whole.benefits] == [(108_000, "2025-06", "2026-09")]
    assert [member.relation for member in whole.members] == ["head", "spouse", "son"]
    assert whole.card.head == whole.members[0].person
    assert whole.card.head_name == whole.members[0].name
    assert whole.card.case_id is None
    assert whole.card.next_what in ("DL-REC-HALF", "DL-REC-YEAR")


def test_the_card_shows_the_case_under_way(databases: Databases, projector: Projector) -> None:
    (household,) = lived(databases, projector, stories.yu_received())
    with reading(databases) as connection:
        whole = card_of(connection, household)
    assert whole is not None
    card = whole.card
    assert (card.case_category, card.case_since) == (Category.DIBAO, date(2021, 7, 1))
    assert (card.case_step, card.case_step_on) == ("household.file-received.1", date(2021, 7, 19))
    assert (card.next_what, card.next_due) == ("DL-DIB-CTY", date(2021, 8, 2))


def test_dues_await_the_system_until_they_are_done(databases: Databases, projector: Projector) -> None:
    graced, received = lived(databases, projector, stories.yu_graced(), stories.yu_received())
    with reading(databases) as connection:
        # the grace ends 2023-05-31: its warning is due thirty days before
        assert graced not in awaiting(connection, date(2023, 4, 30))
        assert graced in awaiting(connection, date(2023, 5, 1))
        # a limit is missed the day after its day
        assert received not in awaiting(connection, date(2021, 8, 2))
        assert received in awaiting(connection, date(2021, 8, 3))
        assert len(awaiting(connection, date(2030, 1, 1))) == 2
        assert len(awaiting(connection, date(2030, 1, 1), limit=1)) == 1
        done = dues_of(connection, graced)
        assert [due.version for due in done] == sorted(due.version for due in done)
        first = done[0]
        assert (first.what, first.day, first.done_on) == ("DL-ALERT-R", date(2021, 7, 1), date(2021, 6, 29))
        running = dues_of(connection, graced, running=True)
        assert {due.what for due in running} == {"warn-grace-expiry", "DL-GRC", "DL-REC-HALF"}


def test_no_sealed_value_but_the_copied_tokens_and_no_clear_one_stands_in_a_read_model(
    databases: Databases, projector: Projector
) -> None:
    lived(databases, projector, stories.yu_exited(), stories.ling_marginal())
    with reading(databases) as connection:
        chain = connection.execute("SELECT string_agg(s::text, '') FROM read_chain.step s").fetchone()
        tokens = connection.execute("SELECT name FROM read_card.member").fetchall()
    assert chain is not None
    assert not [word for word in ("1973-04-12", "2001-09-03", "birth", "住院", "token") if word in chain[0]]
    assert all(len(token) > 16 for (token,) in tokens)


@pytest.mark.parametrize("page", [1, 7, 50])
def test_a_list_goes_through_every_household_of_a_place_once(
    databases: Databases, projector: Projector, page: int
) -> None:
    given = list(lives(60))
    fill(databases.store, given)
    caught_up(projector)
    yu = {life[0].originator_id for life in given[::2]}
    found: list[UUID] = []
    after = None
    with reading(databases) as connection:
        while listed := cards_in(connection, "370786", date(2022, 1, 1), after=after, limit=page):
            assert len(listed) <= page
            found += [row.household for row in listed]
            after = listed[-1].after
        assert sorted(found) == sorted(yu)
        assert len(cards_in(connection, None, date(2022, 1, 1), limit=100)) == 60
        assert len(cards_in(connection, "99", date(2022, 1, 1), limit=100)) == 30
        with pytest.raises(ValueError, match="3707861"):
            cards_in(connection, "3707861", date(2022, 1, 1))


def test_a_list_says_what_holds_on_the_day(databases: Databases, projector: Projector) -> None:
    fill(databases.store, lives(20))
    caught_up(projector)
    with reading(databases) as connection:
        (listed, *_) = cards_in(connection, "370786", date(2023, 1, 5), limit=1)
        assert (listed.category, listed.labels, listed.fen) == ("DIBAO", "GRACE", 100_000)
        (listed, *_) = cards_in(connection, "370786", date(2023, 6, 1), limit=1)
        assert (listed.category, listed.labels, listed.fen) == (None, "EXITED", None)
        assert len(cards_in(connection, None, date(2026, 10, 5), category="MARGINAL")) == 10
        assert len(cards_in(connection, None, date(2026, 9, 30), category="MARGINAL")) == 0
        assert len(cards_in(connection, "37", date(2022, 1, 1), category="DIBAO")) == 10
