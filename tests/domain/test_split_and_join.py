"""Households split, join and exchange members; each chain carries what it needs, and people are claimed once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from uuid import uuid5

import pytest

from domain.aid.temporary_aid import GrantTemporaryAid
from domain.change.termination import TerminateBenefit
from domain.decision.confirmation import ConfirmDibao
from domain.guards.registered import NotAMember
from domain.household.claims import claims_of
from domain.household.context import OutsideJurisdiction
from domain.household.replay import follow
from domain.household.state import Household
from domain.intake.application import Apply
from domain.members.arrival import JoinedElsewhere, MemberArrived, Mover, NotSameCounty, SameHousehold
from domain.members.identification import IdentifyPerson, PersonIdentified
from domain.members.joining import (
    CarriedAlert,
    CaseUnderWay,
    CategoriesDiffer,
    HouseholdJoined,
    JoinedInto,
    JoinHousehold,
    MembersLeftBehind,
    MoneyUnderWay,
    NoticeUnderWay,
)
from domain.members.member_changes import NobodyWouldRemain
from domain.members.registration import NewMember, NotOneHead, RegisterHousehold, SamePersonTwice
from domain.members.split import HouseholdSplitFrom, MembersSplitOff, MoveMember, SplitHousehold
from domain.members.succession import HeadChanged, HeadNeeded
from domain.values.money import Fen
from domain.values.person import HouseholdId, PersonId
from domain.values.receipt import Actor
from domain.values.spells import Category, CategorySpell
from domain.watching.alerts import FeedBackAlert, RaiseAlert, VerifyAlert
from tests import stories
from tests.domain.families import COUNTY, TOWNSHIP, Families
from tests.scenario import SEED, Life, life

ON = date(2025, 4, 21)
SPLIT = date(2025, 6, 2)
LING, MO = HouseholdId(uuid5(SEED, "ling")), HouseholdId(uuid5(SEED, "mo"))


def mo(village: str = "990301100202") -> Life:
    """Another family, one person, in no category."""
    head = NewMember("M1", "莫某", "head", birth=date(1960, 2, 3), work_capacity="none")
    # from other steps than the first family's, so that nobody gets the same id
    nowhere = replace(life(village, f"{village[:9]}/township"), steps=1_000)
    return nowhere.when(RegisterHousehold(ON, village, (head,), provisional=True))


def both(first: Life | None = None, second: Life | None = None) -> Families:
    return Families.of(first or stories.ling_in_dibao(ON), second or mo(), ids=(LING, MO))


def people(families: Families, id: HouseholdId) -> list[PersonId]:
    return [member.person for member in families.household(id).people.members]


def split(families: Families, *ordinals: int, on: date = SPLIT, **said: object) -> HouseholdId:
    """Members split off, the first of them head of the new household, whose id is answered."""
    persons = people(families, LING)
    movers = tuple(Mover(persons[n], "head" if n == ordinals[0] else "other") for n in ordinals)
    facts = families.ask(LING, SplitHousehold(on, movers, **said))  # type: ignore[arg-type]
    (new,) = set(facts) - {LING}
    return new


def join(movers: tuple[Mover, ...], into: HouseholdId = LING, on: date = SPLIT) -> JoinHousehold:
    return JoinHousehold(on, into, movers)


# --- split


def test_a_split_begins_a_chain_that_needs_no_other_to_be_read() -> None:
    families = both()
    persons = people(families, LING)
    new = split(families, 1, 2)
    assert [type(e) for e in families.chains[LING][-1:]] == [MembersSplitOff]
    assert [type(e) for e in families.chains[new]] == [HouseholdSplitFrom, MemberArrived, MemberArrived]
    alone = Household(new)
    for event in families.chains[new]:
        alone = follow(alone, event)
    assert [(m.person, m.relation, m.start) for m in alone.people.members] == [
        (persons[1], "head", SPLIT),
        (persons[2], "other", SPLIT),
    ]
    assert (alone.region(SPLIT), alone.lineage.split_from) == ("990301100201", LING)
    before = {m.person: m for m in families.household(LING).people.members}
    for member in alone.people.members:
        was = before[member.person]
        assert (member.birth, member.sex, member.name, member.student) == (
            was.birth,
            was.sex,
            was.name,
            was.student,
        )


def test_each_side_names_the_other_and_the_step_read_there() -> None:
    families = both()
    seen = len(families.chains[LING])
    new = split(families, 1)
    off, begun, arrived = families.chains[LING][-1], *families.chains[new]
    assert isinstance(off, MembersSplitOff)
    assert isinstance(begun, HouseholdSplitFrom)
    assert isinstance(arrived, MemberArrived)
    assert (off.into, off.into_version) == (new, 0)
    assert (begun.origin, begun.origin_version) == (arrived.origin, arrived.origin_version) == (LING, seen)


def test_who_split_off_leaves_the_category_and_both_are_looked_at_again() -> None:
    families = both()
    new = split(families, 1)
    old, begun = families.household(LING), families.household(new)
    gone = people(families, LING)[1]
    assert not begun.in_any_category(SPLIT)
    assert [claim.end for claim in claims_of(old) if claim.person == gone] == [SPLIT]
    assert claims_of(begun) == frozenset()
    assert [[o.due.what for o in each.limits.dues if o.due.what == "DL-CHG"] for each in (old, begun)] == [
        ["DL-CHG"],
        ["DL-CHG"],
    ]
    assert families.claims[gone] == (LING, date(2025, 4, 28), SPLIT)


def test_the_new_household_is_answered_by_the_decision_on_its_own_application() -> None:
    families = both()
    new = split(families, 1, 2)
    story = replace(stories.ling_registered(ON), events=tuple(families.chains[new]))
    on = date(2025, 6, 3)
    story = stories.on_the_road(story, on, income=(stories.other(300),))
    case = story.household.case
    assert case is not None
    assert case.file_received_on is not None
    confirmed = story.when(ConfirmDibao(case.file_received_on))
    assert not [o for o in confirmed.household.limits.dues if o.due.what == "DL-CHG"]
    assert confirmed.household.aid.benefits[-1].fen == 82_000


def test_a_split_leaves_somebody_and_each_side_one_head() -> None:
    families = both()
    head, spouse, son = people(families, LING)
    refusals = {
        NobodyWouldRemain: SplitHousehold(
            SPLIT, (Mover(head, "head"), Mover(spouse, "spouse"), Mover(son, "son"))
        ),
        NotOneHead: SplitHousehold(SPLIT, (Mover(spouse, "other"),)),
        SamePersonTwice: SplitHousehold(SPLIT, (Mover(spouse, "head"), Mover(spouse, "other"))),
        HeadNeeded: SplitHousehold(SPLIT, (Mover(head, "head"),)),
        NotAMember: SplitHousehold(SPLIT, (Mover(PersonId(SEED), "head"),)),
        NotSameCounty: SplitHousehold(SPLIT, (Mover(spouse, "head"),), region="990801100201"),
    }
    for kind, command in refusals.items():
        assert isinstance(families.refused(LING, command), kind)
    assert families.refused(LING, SplitHousehold(SPLIT, ())).code == "nobody-splits-off"
    outsider = families.refused(
        LING, SplitHousehold(SPLIT, (Mover(spouse, "head"),)), Actor("x", "990801100/township")
    )
    assert isinstance(outsider, OutsideJurisdiction)


def test_the_head_may_split_off_when_another_follows() -> None:
    families = both()
    head, spouse, _ = people(families, LING)
    new = split(families, 0, new_head=spouse)
    assert isinstance(families.chains[LING][-1], HeadChanged)
    assert (families.household(LING).head(SPLIT), families.household(new).head(SPLIT)) == (spouse, head)


def test_the_same_split_again_is_no_news() -> None:
    families = both()
    spouse = people(families, LING)[1]
    split(families, 1)
    assert families.ask(LING, SplitHousehold(SPLIT, (Mover(spouse, "head"),))) == {}


# --- one member


def test_a_member_who_moves_is_released_and_taken_in_one_step() -> None:
    families = both()
    spouse = people(families, LING)[1]
    facts = families.ask(LING, MoveMember(SPLIT, MO, spouse, "spouse"))
    assert list(facts) == [LING, MO]
    assert families.household(MO).has_member(spouse, SPLIT)
    assert not families.household(LING).has_member(spouse, SPLIT)
    assert families.ask(LING, MoveMember(SPLIT, MO, spouse, "spouse")) == {}


def test_a_member_moves_to_another_household_of_the_county_only() -> None:
    families = both(second=mo("990801100201"))
    spouse = people(families, LING)[1]
    assert isinstance(families.refused(LING, MoveMember(SPLIT, MO, spouse, "spouse"), COUNTY), NotSameCounty)
    assert isinstance(families.refused(LING, MoveMember(SPLIT, LING, spouse, "spouse")), SameHousehold)


def test_the_last_member_does_not_move_alone() -> None:
    families = both()
    (only,) = people(families, MO)
    assert isinstance(families.refused(MO, MoveMember(SPLIT, LING, only, "parent")), NobodyWouldRemain)


# --- join


def test_a_joined_chain_ends_with_the_way_to_the_other() -> None:
    families = both()
    (only,) = people(families, MO)
    facts = families.ask(MO, join((Mover(only, "parent"),)))
    assert [type(e) for e in facts[MO]] == [JoinedInto]
    assert [type(e) for e in facts[LING]] == [HouseholdJoined, MemberArrived]
    ended = families.household(MO)
    assert (ended.lineage.joined_into, ended.counted(SPLIT), ended.limits.dues) == (LING, (), ())
    assert families.household(LING).has_member(only, SPLIT)
    assert families.claims[only] == (LING, SPLIT, None)


def test_nothing_more_is_done_in_a_joined_household() -> None:
    families = both()
    (only,) = people(families, MO)
    families.ask(MO, join((Mover(only, "parent"),)))
    assert families.ask(MO, join((Mover(only, "parent"),))) == {}
    spouse = people(families, LING)[1]
    for id, command in (
        (MO, SplitHousehold(SPLIT, (Mover(only, "head"),))),
        (LING, MoveMember(SPLIT, MO, spouse, "spouse")),
    ):
        assert isinstance(families.refused(id, command), JoinedElsewhere)


def test_alerts_without_an_answer_go_along_with_their_deadlines() -> None:
    story = mo()
    story = story.when(
        RaiseAlert(ON, "E-EXP-01", "RED"),
        VerifyAlert(ON, ("w1", "w2"), True),
        FeedBackAlert(ON, "watch"),
        RaiseAlert(date(2025, 5, 26), "E-LOS-01", "RED"),
    )
    families = both(second=story)
    (only,) = people(families, MO)
    on = date(2025, 5, 27)
    joined = families.ask(MO, join((Mover(only, "parent"),), on=on))[LING][0]
    assert isinstance(joined, HouseholdJoined)
    (alert,) = joined.alerts
    assert isinstance(alert, CarriedAlert)
    assert alert.code == "E-LOS-01"
    ling = families.household(LING)
    assert [a.code for a in ling.clues.alerts if a.outcome is None] == ["E-LOS-01"]
    due = [o.due for o in ling.limits.dues if o.due.subject == alert.alert]
    assert [each.what for each in due] == ["DL-ALERT-R"]
    families.ask(LING, VerifyAlert(on, ("w1", "w2"), False))
    families.ask(LING, FeedBackAlert(on, "false-positive"))
    assert not [o for o in families.household(LING).limits.dues if o.due.subject == alert.alert]


def test_with_a_case_under_way_on_either_side_nothing_is_joined() -> None:
    applying = mo()
    applying = applying.when(Apply(ON, stories.person(applying, 0)))
    for families, which in (
        (both(second=applying), "转出户"),
        (both(first=stories.on_the_road(stories.ling_registered(ON), ON, until="apply")), "转入户"),
    ):
        (only,) = people(families, MO)
        refusal = families.refused(MO, join((Mover(only, "parent"),)))
        assert isinstance(refusal, CaseUnderWay)
        assert refusal.facts["which"] == which


def test_all_members_come_and_none_as_head() -> None:
    families = both()
    (only,) = people(families, MO)
    assert isinstance(families.refused(MO, join(())), MembersLeftBehind)
    assert isinstance(families.refused(MO, join((Mover(only, "head"),))), NotOneHead)


def test_an_aided_household_joins_one_of_its_category_only() -> None:
    families = both()
    movers = tuple(Mover(p, "other") for p in people(families, LING))
    assert isinstance(families.refused(LING, join(movers, MO)), CategoriesDiffer)


def terminated() -> tuple[Families, tuple[Mover, ...]]:
    day = date(2025, 6, 10)
    story = stories.ling_in_dibao(ON).when(TerminateBenefit(day, "own-request", "并户"))
    families = both(first=story)
    return families, tuple(Mover(p, "other") for p in people(families, LING))


def test_a_category_that_differs_is_terminated_first_and_the_notice_delivered() -> None:
    families, movers = terminated()
    assert isinstance(families.refused(LING, join(movers, MO, date(2025, 6, 30))), CategoriesDiffer)
    assert isinstance(families.refused(LING, join(movers, MO, date(2025, 7, 1))), NoticeUnderWay)
    (waiting,) = families.household(LING).papers.undelivered
    assert waiting.kind == "termination"


def test_money_on_its_way_is_settled_first() -> None:
    families = both()
    families.ask(MO, GrantTemporaryAid(SPLIT, Fen(50_000), "失火"), COUNTY)
    (only,) = people(families, MO)
    assert isinstance(families.refused(MO, join((Mover(only, "parent"),))), MoneyUnderWay)


def test_two_dibao_households_become_one_without_a_day_unclaimed() -> None:
    families = both()
    new = split(families, 1, 2)
    # both aided: the new one is confirmed by hand here, its road is another test's
    begun = families.household(new)
    dibao = replace(begun, status=replace(begun.status, categories=(CategorySpell(Category.DIBAO, SPLIT),)))
    assert {c.start for c in claims_of(dibao)} == {SPLIT}
    day = SPLIT + timedelta(days=30)
    ended = JoinedInto(day, LING, 0, day).evolve(dibao)
    assert {c.end for c in claims_of(ended)} == {day}
    assert ended.category(day) is None


# --- identity


@pytest.mark.parametrize("known", [True, False])
def test_a_provisional_person_turns_out_to_be_somebody(known: bool) -> None:
    families = both()
    (nobody,) = people(families, MO)
    families.ask(MO, RaiseAlert(ON, "E-EXP-01", "RED", nobody))
    families.ask(MO, Apply(ON, nobody, income=(replace(stories.other(300), person=nobody),)))
    number = "990301196002030019"
    somebody = PersonId(uuid5(SEED, "somebody"))
    persons = {number: somebody} if known else {}
    command = IdentifyPerson(SPLIT, nobody, "莫正", number)
    (identified,) = families.ask(MO, command, persons=persons)[MO]
    assert isinstance(identified, PersonIdentified)
    state = families.household(MO)
    is_now = somebody if known else nobody
    assert [m.person for m in state.people.members] == [is_now]
    assert [m.start for m in state.people.members] == [ON]
    case = state.case
    assert case is not None
    assert (case.applicant, case.income[0].person, state.clues.alerts[0].person) == (is_now, is_now, is_now)
    later = families.ask(MO, command, persons={number: is_now}) if known else {}
    assert not any(later.values())


def test_who_has_a_number_is_not_identified_again() -> None:
    families = both()
    refusal = families.refused(
        LING, IdentifyPerson(SPLIT, people(families, LING)[0], "岭某", stories.C1), TOWNSHIP
    )
    assert refusal.code == "already-identified"
