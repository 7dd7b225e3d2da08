"""Commands over several households on a real store: one append, one winner, claims right, names going along."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from uuid import uuid5

import psycopg
import pytest

from application.handling.request import Handled, Request
from bootstrap.wiring import Installation
from domain.correction.member_correction import CorrectDeath, CorrectMember
from domain.guards.registered import NotAMember
from domain.household.claims import claims_of
from domain.household.command import Command
from domain.members.arrival import JoinedElsewhere, MemberArrived, Mover
from domain.members.death import RecordDeath
from domain.members.identification import IdentifyPerson
from domain.members.joining import HouseholdJoined, JoinHousehold
from domain.members.member_changes import RemoveMember
from domain.members.registration import NewMember, RegisterHousehold
from domain.members.split import HouseholdSplitFrom, MoveMember, SplitHousehold
from domain.values.person import HouseholdId, PersonId
from domain.values.private import Private
from domain.values.refusals import Refusal
from domain.watching.alerts import RaiseAlert
from eventstore.errors import ClaimConflict, PastClaimConflict, StoreError, VersionConflict
from eventstore.events.recorded import StreamState
from eventstore.keys.keys import ERASED
from tests import stories
from tests.application.test_command_handler import SEED, asked, confirmed, registered
from tests.database import Databases
from tests.installations import installed

ON = date(2021, 9, 1)
VILLAGE, NEXT_DOOR = "370786101215", "370786101216"
OTHER_ID = "990301196002030019"


@pytest.fixture
def office(databases: Databases, tmp_path: Path) -> Iterator[Installation]:
    with installed(databases, tmp_path) as installation:
        yield installation


def single(office: Installation, what: str, **said: object) -> HouseholdId:
    """A single man next door, in no category, without an ID number."""
    man = NewMember("M", f"莫{what}", "head", birth=date(1960, 2, 3))
    command = RegisterHousehold(date(2021, 7, 1), NEXT_DOOR, (man,), **said)  # type: ignore[arg-type]
    return office.handler.handle(asked(what, command)).household


def people(office: Installation, household: HouseholdId) -> list[PersonId]:
    return [member.person for member in office.households.get(household).members]


def clear(office: Installation, *privates: Private[str] | None) -> list[str | None]:
    return office.store.keys.reveal(privates, purpose="test", actor="w1", subject=SEED)


def claims(databases: Databases) -> dict[PersonId, tuple[HouseholdId, date, date | None]]:
    with psycopg.connect(databases.store) as connection:
        rows = connection.execute("SELECT key, holder, valid_from, valid_to FROM es_claim").fetchall()
    return {PersonId(key): (HouseholdId(holder), start, end) for key, holder, start, end in rows}


def done(office: Installation, what: str, command: Command, household: HouseholdId) -> Handled:
    return office.handler.handle(asked(what, command, household))


# --- one append


def test_a_split_is_one_answer_for_both_households(office: Installation) -> None:
    household = confirmed(office, "first")
    before = office.households.get(household)
    daughter = before.members[1].person
    request = asked("split", SplitHousehold(ON, (Mover(daughter, "head"),)), household)
    handled = office.handler.handle(request)
    (other,) = handled.others
    assert other.household == HouseholdId(uuid5(request.id, "household/0"))
    assert [type(e) for e in other.events] == [HouseholdSplitFrom, MemberArrived]
    assert (other.version, len(handled.events)) == (2, 1)
    assert handled.reached[other.household.int & 0xFF] >= other.position
    again = office.handler.handle(request)
    assert (again.repeated, again.version, again.reached) == (True, handled.version, handled.reached)
    assert [(o.household, o.version, o.position) for o in again.others] == [
        (other.household, other.version, other.position)
    ]
    assert office.households.get(other.household).head(ON) == daughter


def test_a_name_goes_along_sealed_and_erasing_the_person_erases_both(office: Installation) -> None:
    household = confirmed(office, "first")
    daughter = office.households.get(household).members[1]
    split = done(office, "split", SplitHousehold(ON, (Mover(daughter.person, "head"),)), household)
    (arrived,) = office.households.get(split.others[0].household).members
    assert clear(office, arrived.name, arrived.id_number) == ["于某某", stories.A2]
    assert arrived.name is not None
    assert daughter.name is not None
    assert arrived.name.token == daughter.name.token
    office.store.erase(daughter.person)
    for member in (office.households.get(household).members[1], arrived):
        assert clear(office, member.name, member.id_number) == [ERASED, ERASED]


def test_what_is_the_households_is_sealed_anew_for_the_new_one(office: Installation) -> None:
    household = confirmed(office, "first")
    daughter = people(office, household)[1]
    split = done(office, "split", SplitHousehold(ON, (Mover(daughter, "head"),), phone="1"), household)
    new = office.households.get(split.others[0].household)
    old = office.households.get(household).residences[0].address
    moved = new.residences[0].address
    assert old is not None
    assert moved is not None
    assert (moved.owner, old.owner) == (new.id, household)
    assert moved.token != old.token
    assert clear(office, moved, old) == ["1号", "1号"]
    office.store.erase(household)
    assert clear(office, moved, old) == ["1号", ERASED]
    assert office.store.find_all("phone", "1") == [new.id]


def test_a_joined_stream_is_closed_and_says_where_the_family_went(office: Installation) -> None:
    first, second = confirmed(office, "first"), single(office, "second")
    (man,) = people(office, second)
    request = asked("join", JoinHousehold(ON, first, (Mover(man, "other"),)), second)
    handled = office.handler.handle(request)
    assert isinstance(handled.others[0].events[0], HouseholdJoined)
    assert office.households.get(second).joined_into == first
    assert office.households.on_day(second, ON).joined_into == first
    alert = RaiseAlert(date(2021, 9, 2), "E-EXP-01", "RED")
    with pytest.raises(JoinedElsewhere):
        done(office, "after", alert, second)
    assert done(office, "there", alert, first).news
    assert office.store.load(second).state is StreamState.CLOSED
    assert office.handler.handle(request).repeated


def test_a_refused_joint_command_writes_nothing_anywhere(office: Installation, databases: Databases) -> None:
    first, second = confirmed(office, "first"), single(office, "second")
    with pytest.raises(NotAMember):
        done(office, "move", MoveMember(ON, second, people(office, second)[0], "other"), first)
    unknown = HouseholdId(uuid5(SEED, "nowhere"))
    with pytest.raises(Refusal):
        done(office, "lost", MoveMember(ON, unknown, people(office, first)[1], "other"), first)
    with psycopg.connect(databases.store) as connection:
        row = connection.execute("SELECT count(*) FROM es_event WHERE name LIKE '%moved%'").fetchone()
    assert row == (0,)


# --- claims


def test_a_claim_is_released_by_one_and_free_for_the_other_from_the_same_day(
    office: Installation, databases: Databases
) -> None:
    first, second = confirmed(office, "first"), single(office, "second")
    father, daughter = people(office, first)
    done(office, "move", MoveMember(ON, second, daughter, "other"), first)
    assert claims(databases)[daughter] == (first, date(2021, 7, 26), ON)
    done(office, "back", MoveMember(date(2021, 10, 1), first, daughter, "daughter"), second)
    assert claims(databases) == {
        father: (first, date(2021, 7, 26), None),
        daughter: (first, date(2021, 10, 1), None),
    }
    held = {(c.person, c.start, c.end) for c in claims_of(office.households.get(first))}
    assert held == {(person, start, end) for person, (_, start, end) in claims(databases).items()}


def test_a_joined_member_is_taken_by_the_aided_household(office: Installation, databases: Databases) -> None:
    first, second = confirmed(office, "first"), single(office, "second")
    (man,) = people(office, second)
    done(office, "join", JoinHousehold(ON, first, (Mover(man, "other"),)), second)
    assert claims(databases)[man] == (first, ON, None)


def test_the_claim_of_a_provisional_person_becomes_the_persons(
    office: Installation, databases: Databases
) -> None:
    first, second = confirmed(office, "first"), single(office, "second")
    (man,) = people(office, second)
    done(office, "join", JoinHousehold(ON, first, (Mover(man, "other"),)), second)
    somebody = RegisterHousehold(ON, NEXT_DOOR, (NewMember("S", "莫正", "head", OTHER_ID),))
    known = people(office, office.handler.handle(asked("somebody", somebody)).household)[0]
    done(office, "identify", IdentifyPerson(ON, man, "莫正", OTHER_ID), first)
    assert man not in claims(databases)
    assert claims(databases)[known] == (first, ON, None)


def test_a_past_day_corrected_after_another_household_took_the_person_is_refused_with_the_reason(
    office: Installation, databases: Databases
) -> None:
    """Of a person only the latest claim is kept: whether one of before overlaps, nobody can tell."""
    first = confirmed(office, "first")
    daughter = people(office, first)[1]
    done(office, "away", RemoveMember(ON, daughter, "independent"), first)
    with psycopg.connect(databases.store) as connection:
        connection.execute(
            "UPDATE es_claim SET holder = %s, valid_from = %s, valid_to = NULL WHERE key = %s",
            (uuid5(SEED, "elsewhere"), date(2021, 10, 1), daughter),
        )
    version = registered_version(office, first)
    later = CorrectMember(date(2021, 11, 1), 3, "核对户口簿", since=date(2021, 8, 2))
    with pytest.raises(PastClaimConflict) as refused:
        done(office, "later", later, first)
    assert (refused.value.code, refused.value.kind) == ("past-claim-conflict", "category")
    assert "不规范事项" in refused.value.sentence
    assert registered_version(office, first) == version


# --- at the same time


def at_once(office: Installation, *requests: Request) -> list[Handled | Exception]:
    def handle(request: Request) -> Handled | Exception:
        try:
            return office.handler.handle(request)
        except (Refusal, StoreError) as refused:
            return refused

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(handle, requests))


def test_of_two_transfers_of_one_person_at_once_one_wins(office: Installation, databases: Databases) -> None:
    for n in range(4):
        first = confirmed(office, f"first/{n}") if n == 0 else single_again(office, n)
        daughter = people(office, first)[1]
        others = [single(office, f"{n}/{each}") for each in range(2)]
        moves = [asked(f"move/{n}/{each}", MoveMember(ON, each, daughter, "other"), first) for each in others]
        answers = at_once(office, *moves)
        won = [answer for answer in answers if isinstance(answer, Handled)]
        assert [type(answer) for answer in answers if not isinstance(answer, Handled)] == [NotAMember]
        assert len(won) == 1
        living = [each for each in (first, *others) if office.households.get(each).has_member(daughter, ON)]
        assert living == [won[0].others[0].household]
        if n == 0:
            assert claims(databases)[daughter] == (first, date(2021, 7, 26), ON)


def single_again(office: Installation, n: int) -> HouseholdId:
    """Another family of two without ID numbers."""
    pair = (NewMember("P", f"甲{n}", "head"), NewMember("Q", f"乙{n}", "daughter"))
    return office.handler.handle(asked(f"pair/{n}", RegisterHousehold(ON, VILLAGE, pair))).household


def test_of_two_merges_of_one_household_at_once_one_wins(office: Installation, databases: Databases) -> None:
    first, other = confirmed(office, "first"), single(office, "other")
    joining = single(office, "joining")
    (man,) = people(office, joining)
    answers = at_once(
        office,
        asked("join/1", JoinHousehold(ON, first, (Mover(man, "other"),)), joining),
        asked("join/2", JoinHousehold(ON, other, (Mover(man, "other"),)), joining),
    )
    (won,) = [answer for answer in answers if isinstance(answer, Handled)]
    assert [type(answer) for answer in answers if not isinstance(answer, Handled)] == [JoinedElsewhere]
    into = won.others[0].household
    assert office.households.get(joining).joined_into == into
    held = claims(databases).get(man)
    assert held == ((first, ON, None) if into == first else None)


def test_two_households_that_join_each_other_at_once_do_not_wait_for_ever(office: Installation) -> None:
    for n in range(4):
        one, other = single(office, f"one/{n}"), single(office, f"other/{n}")
        (a,), (b,) = people(office, one), people(office, other)
        answers = at_once(
            office,
            asked(f"a/{n}", JoinHousehold(ON, other, (Mover(a, "other"),)), one),
            asked(f"b/{n}", JoinHousehold(ON, one, (Mover(b, "other"),)), other),
        )
        assert sum(isinstance(answer, Handled) for answer in answers) == 1
        assert any(isinstance(answer, JoinedElsewhere) for answer in answers)


def test_the_expected_version_is_that_of_the_household_addressed(office: Installation) -> None:
    first, second = confirmed(office, "first"), single(office, "second")
    daughter = people(office, first)[1]
    move = asked("move", MoveMember(ON, second, daughter, "other"), first)
    version = registered_version(office, first)
    with pytest.raises(VersionConflict):
        office.handler.handle(replace(move, expected=version - 1))
    assert office.handler.handle(replace(move, expected=version)).version == version + 1


def registered_version(office: Installation, household: HouseholdId) -> int:
    return office.store.load(household).version


# --- corrections


def test_a_correction_names_the_recorded_event(office: Installation) -> None:
    household = registered(office).household
    second = office.store.load(household).rows[2]
    corrected = done(office, "correct", CorrectMember(ON, 3, "笔误", name="于晓晓"), household).events[0]
    assert (corrected.step, corrected.corrects) == (3, second.event_id)  # type: ignore[attr-defined]
    assert office.store.find("name", "于晓晓") == second.event.person  # type: ignore[attr-defined]
    assert clear(office, office.households.get(household).members[1].name) == ["于晓晓"]


def test_a_number_taken_by_somebody_else_meanwhile_is_told(office: Installation) -> None:
    household = registered(office).household
    single(office, "other")
    man = RegisterHousehold(ON, NEXT_DOOR, (NewMember("S", "莫正", "head", OTHER_ID),))
    office.handler.handle(asked("somebody", man))
    with pytest.raises(Refusal) as refused:
        done(office, "correct", CorrectMember(ON, 3, "笔误", id_number=OTHER_ID), household)
    assert refused.value.code == "number-is-anothers"


def test_who_is_reinstated_while_another_household_holds_them_is_a_conflict(
    office: Installation, databases: Databases
) -> None:
    """Declared dead here, confirmed there: one of the two is wrong, and both cannot stand."""
    first = confirmed(office, "first")
    father, daughter = people(office, first)
    done(office, "death", RecordDeath(ON, daughter, ON, "village-statement"), first)
    step = office.store.load(first).version
    with psycopg.connect(databases.store) as connection:
        connection.execute(
            "UPDATE es_claim SET holder = %s, valid_from = %s, valid_to = NULL WHERE key = %s",
            (uuid5(SEED, "elsewhere"), date(2021, 9, 2), daughter),
        )
    with pytest.raises(ClaimConflict):
        done(office, "alive", CorrectDeath(ON, step, "本人到场"), first)
    assert father in claims(databases)
