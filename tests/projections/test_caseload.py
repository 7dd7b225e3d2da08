"""Who is counted in a category: the changes of days add up to the household's own state, whatever happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.catalogue import EVENTS
from domain.correction.member_correction import CorrectDeath
from domain.household.event import Event
from domain.household.replay import follow
from domain.household.state import Household
from domain.members.arrival import Mover
from domain.members.death import MemberDied, RecordDeath
from domain.members.moving import MoveHousehold
from domain.values.spells import holds
from projections import caseload
from tests.domain.test_split_and_join import LING, MO, both, join, people, split
from tests.domain.walks import Life as Walk
from tests.domain.walks import lives as walks
from tests.domain.walks import whole
from tests.projections.test_state import Chance


def heads_by_tally(events: Iterable[Event]) -> Counter[tuple[date, str, str]]:
    """The changes of households and persons that the tallies of these events say."""
    state = caseload.CountedState()
    found: Counter[tuple[date, str, str]] = Counter()
    for event in events:
        after = caseload.Heads(state)
        for day, region, category, homes, heads in after.follow(event):
            found[day, region, category] += homes * 1_000 + heads
        state = caseload.state_of(caseload.text_of(after.state({})))
    return found


def assert_counted(events: Sequence[Event], household: Household) -> None:
    found = heads_by_tally(events)
    days = {day for day, _, _ in found} | {each.start for each in household.status.categories}
    for day in days | {day - timedelta(days=1) for day in days}:
        there: Counter[str] = Counter()
        for spell in household.status.categories:
            if holds(spell, day):
                members = household.counted(day) if spell.person is None else (spell.person,)
                there[str(spell.category)] += 1_000 + len(members)
        summed: Counter[str] = Counter()
        for (changed, _, category), change in found.items():
            if changed <= day:
                summed[category] += change
        assert {k: n for k, n in summed.items() if n} == dict(there), day


@settings(max_examples=150, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), count=st.integers(0, 40))
def test_heads_add_up_to_the_households_state_whatever_happened(seed: int, count: int) -> None:
    chance = Chance(seed)
    events = list(chance.events(count))
    state = Household(chance.household)
    for event in events:
        state = follow(state, event)
    assert_counted(events, state)


@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(walk=walks)
def test_whatever_changes_who_is_counted_is_followed(walk: Walk) -> None:
    life = whole(walk)
    assert_counted(life.events, life.household)


def test_families_that_split_join_move_and_mourn_are_followed() -> None:
    families = both()
    head, spouse, child = people(families, LING)
    new = split(families, 1, 2)
    (moved,) = people(families, MO)
    families.ask(MO, join((Mover(moved, "other"),), on=date(2025, 6, 9)))
    families.ask(LING, MoveHousehold(date(2025, 6, 16), "990301100202"))
    families.ask(LING, RecordDeath(date(2025, 7, 1), moved, date(2025, 6, 28), "death-certificate"))
    step = len(families.chains[LING])
    died = next(n for n in range(step, 0, -1) if isinstance(families.chains[LING][n - 1], MemberDied))
    families.ask(LING, CorrectDeath(date(2025, 7, 7), died, "日期有误", date(2025, 6, 20)))
    for id in (LING, MO, new):
        assert_counted(families.chains[id], families.household(id))
    said = headcount_of(families.chains[LING])
    assert {(day, region, homes, heads) for day, region, homes, heads in said} >= {
        (date(2025, 6, 2), "990301100201", 0, -2),  # two split off
        (date(2025, 6, 9), "990301100201", 0, 1),  # one joined
        (date(2025, 6, 16), "990301100201", -1, -2),  # all moved
        (date(2025, 6, 16), "990301100202", 1, 2),
        (date(2025, 6, 29), "990301100202", 0, -1),  # one died
        (date(2025, 6, 29), "990301100202", 0, 1),  # on another day, as was known later
        (date(2025, 6, 21), "990301100202", 0, -1),
    }
    assert head != spouse != child


def headcount_of(events: Iterable[Event]) -> list[tuple[date, str, int, int]]:
    heads = caseload.Heads(caseload.CountedState())
    return [
        (day, at, homes, persons) for event in events for day, at, _, homes, persons in heads.follow(event)
    ]


WRITES = {
    *("residences", "members", "categories"),  # fields of the state
    *("without", "changed", "with_member", "settled", "_known_as"),  # what writes them on behalf of a fact
}


@pytest.mark.parametrize("name", [name for name in EVENTS if name.startswith("household.")])
def test_every_fact_that_changes_who_is_counted_is_in_the_table(name: str) -> None:
    code = EVENTS[name].evolve.__code__
    told = {word for each in code.co_consts if isinstance(each, tuple) for word in each}
    assert EVENTS[name] in caseload.CHANGING or not WRITES & {*told, *code.co_names}
