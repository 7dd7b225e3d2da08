"""What holds among several households, whatever is asked of whichever: people are in one place and one category."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from uuid import uuid5

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.catalogue import RULES
from domain.change.adjustment import AdjustBenefit, BenefitAdjusted
from domain.change.review import Recertify
from domain.correction.fact_correction import CorrectResidence
from domain.correction.member_correction import CorrectDeath, CorrectMember, DeathCorrected, MemberCorrected
from domain.household.as_of import ValidOn, valid_on
from domain.household.claims import claims_of
from domain.household.command import Command
from domain.household.event import Event
from domain.household.replay import follow
from domain.household.state import Household
from domain.members.arrival import Mover
from domain.members.death import MemberDied, RecordDeath
from domain.members.joining import JoinedInto, JoinHousehold
from domain.members.member_changes import AddMember, ChangeMember, RemoveMember
from domain.members.moving import MoveHousehold
from domain.members.registration import NewMember, RegisterHousehold
from domain.members.split import MembersSplitOff, MoveMember, SplitHousehold
from domain.values.person import HouseholdId, PersonId, Relation
from domain.values.receipt import Actor, Decision, replay
from domain.values.refusals import Refusal
from tests import stories
from tests.domain.families import COUNTY, TOWNSHIP, Families, Held
from tests.scenario import SEED, life

LING, MO = HouseholdId(uuid5(SEED, "ling")), HouseholdId(uuid5(SEED, "mo"))
ON = date(2025, 4, 21)
VILLAGES = ("990301100201", "990301100202", "990301100001")

laws = settings(
    max_examples=50, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)
Step = tuple[int, int, int, int, int]
steps = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 1, 8, 30]),
        st.integers(0, 2),
        st.integers(0, 13),
        st.integers(0, 5),
        st.integers(0, 5),
    ),
    min_size=10,
    max_size=35,
)


def begun() -> Families:
    """A family in Dibao and a single man in none, in one township."""
    head = NewMember("M1", "莫某", "head", birth=date(1960, 2, 3))
    nowhere = replace(life(VILLAGES[1], "990301100/township"), steps=1_000)
    mo = nowhere.when(RegisterHousehold(ON, VILLAGES[1], (head,)))
    return Families.of(stories.ling_in_dibao(ON), mo, ids=(LING, MO))


def command_of(
    families: Families,
    id: HouseholdId,
    on: date,
    which: int,
    a: int,
    b: int,
    villages: tuple[str, ...] = VILLAGES,
) -> tuple[Command, Actor]:
    """Any of the commands that move people about, plausible in its fields, fitting or not."""
    household = families.household(id)
    people = [m.person for m in household.people.members] or [PersonId(SEED)]
    one, other = people[a % len(people)], people[b % len(people)]
    ids = list(families.chains)
    into = ids[(ids.index(id) + 1 + a) % len(ids)]
    since = on - timedelta(days=(0, 1, 20)[b % 3])
    steps = len(families.chains[id])
    relation: Relation = ("head", "other", "son")[a % 3]
    child = NewMember("K", "小某", "child", birth=date(2025, 4, 1))
    movers = tuple(Mover(m.person, "other") for m in household.counted(since))
    commands: list[tuple[Command, Actor]] = [
        (AddMember(on, child, "birth", since), TOWNSHIP),
        (RemoveMember(on, one, "marriage", since, other), TOWNSHIP),
        (RemoveMember(on, one, "prison", since), TOWNSHIP),
        (ChangeMember(on, one, since, student=bool(b % 2), work_capacity="partial"), TOWNSHIP),
        (RecordDeath(on, one, since, "cremation-record", other if b % 2 else None), TOWNSHIP),
        (SplitHousehold(on, (Mover(one, "head"),), since, new_head=other if b % 2 else None), TOWNSHIP),
        (MoveMember(on, into, one, relation, since), TOWNSHIP),
        (JoinHousehold(on, into, movers, since), TOWNSHIP),
        (MoveHousehold(on, villages[b % 3], since), TOWNSHIP),
        (Recertify(on), TOWNSHIP),
        (AdjustBenefit(on, "核定"), COUNTY),
        (
            CorrectMember(on, _step(families, id, a, steps), "更正", since=since),
            TOWNSHIP,
        ),
        (
            CorrectDeath(on, _step(families, id, a, steps, MemberDied), "更正", since if b % 2 else None),
            TOWNSHIP,
        ),
        (CorrectResidence(on, 1, "更正", villages[b % 3]), TOWNSHIP),
    ]
    return commands[which % len(commands)]


def _step(families: Families, id: HouseholdId, n: int, steps: int, kind: type[Event] = Event) -> int:
    found = [s for s, event in enumerate(families.chains[id], 1) if isinstance(event, kind)]
    return found[-1 - n % len(found)] if found and kind is not Event else n % steps + 1


Told = tuple[Families, HouseholdId, Command, dict[HouseholdId, list[Event]]]


def walked(walk: list[Step]) -> Iterator[Told]:
    """The families after each command that made something true."""
    families = begun()
    on = date(2025, 6, 2)
    for days, whose, which, a, b in walk:
        on += timedelta(days=days)
        ids = list(families.chains)
        id = ids[whose % len(ids)]
        command, actor = command_of(families, id, on, which, a, b)
        if families.household(id).lineage.joined_into is not None and not isinstance(
            command, JoinHousehold | MoveMember
        ):
            continue
        try:
            facts = families.ask(id, command, actor)
        except (Refusal, Held):
            continue
        if any(facts.values()):
            yield families, id, command, facts


@laws
@given(steps)
def test_nobody_is_claimed_by_two_households_at_a_time(walk: list[Step]) -> None:
    for families, *_ in walked(walk):
        spans: dict[PersonId, list[tuple[date, date]]] = {}
        for id in families.chains:
            for claim in claims_of(families.household(id)):
                spans.setdefault(claim.person, []).append((claim.start, claim.end or date.max))
        for held in spans.values():
            held.sort()
            for (_, end), (start, _) in pairwise(held):
                assert end <= start


@laws
@given(steps)
def test_the_claims_kept_by_differences_are_those_the_states_say(walk: list[Step]) -> None:
    for families, *_ in walked(walk):
        latest: dict[PersonId, tuple[date, HouseholdId, date | None]] = {}
        for id in families.chains:
            for claim in claims_of(families.household(id)):
                here = (claim.start, id, claim.end)
                if claim.person not in latest or latest[claim.person][0] < claim.start:
                    latest[claim.person] = here
        kept = {person: (start, id, end) for person, (id, start, end) in families.claims.items()}
        assert kept == latest


@laws
@given(steps)
def test_every_household_but_an_emptied_one_has_one_head_and_nobody_twice(walk: list[Step]) -> None:
    for families, id, *_ in walked(walk):
        household = families.household(id)
        days = {m.start for m in household.people.members} | {
            m.end for m in household.people.members if m.end
        }
        for day in days:
            counted = household.counted(day)
            assert len({m.person for m in counted}) == len(counted)
            heads = sum(m.relation == "head" for m in counted)
            assert heads == 1 or not counted or _before_the_head(household, day)


def _before_the_head(household: Household, day: date) -> bool:
    """A first day corrected to earlier than the head's own: the roster had no head then, and nobody says it had."""
    return day < min(m.start for m in household.people.members if m.relation == "head")


@laws
@given(steps)
def test_a_chain_replays_by_itself_and_asking_again_is_no_news(walk: list[Step]) -> None:
    for families, id, command, facts in walked(walk):
        for each in facts:
            alone = Household(each)
            for event in families.chains[each]:
                alone = follow(alone, event)
            assert alone == families.household(each)
            assert hash(alone) == hash(families.household(each))
        if not isinstance(command, AddMember):
            actor = COUNTY if isinstance(command, AdjustBenefit) else TOWNSHIP
            try:
                again = families.ask(id, command, actor)
            except (Refusal, Held):
                continue
            assert not any(again.values()), command


@laws
@given(steps)
def test_what_was_said_of_a_day_is_said_again_of_what_was_known_then(walk: list[Step]) -> None:
    """After each step some days are asked about; in the end every such answer is found again, exactly."""
    answers: list[tuple[HouseholdId, int, date, ValidOn]] = []
    families = begun()
    for families, _, _, facts in walked(walk):
        for id, events in facts.items():
            known = len(families.chains[id])
            for day in (
                ON,
                date(2025, 5, 1),
                events[-1].on - timedelta(days=20),
                events[-1].on,
                date(2026, 1, 1),
            ):
                answers.append((id, known, day, valid_on(families.household(id), day)))
    for id, known, day, answer in answers:
        assert valid_on(families.household(id, known), day) == answer


@laws
@given(steps)
def test_every_receipt_of_an_adjustment_replays(walk: list[Step]) -> None:
    for *_, facts in walked(walk):
        for event in (event for events in facts.values() for event in events):
            decision = getattr(event, "decision", None)
            if isinstance(decision, Decision):
                replay(decision.receipt, RULES)


def test_the_walks_get_somewhere() -> None:
    met: set[type[Event]] = set()

    @settings(laws, max_examples=120)
    @given(steps)
    def walk(told: list[Step]) -> None:
        for *_, facts in walked(told):
            met.update(type(event) for events in facts.values() for event in events)

    walk()
    assert {MembersSplitOff, JoinedInto, MemberDied, BenefitAdjusted, MemberCorrected, DeathCorrected} <= met
