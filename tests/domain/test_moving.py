"""A family that moves keeps its chain; who may act follows from the day, and so does the standard (M57 art.5, M83)."""

from __future__ import annotations

from datetime import date, timedelta

from domain.change.adjustment import AdjustBenefit, BenefitAdjusted
from domain.change.review import Recertify, ReportChange
from domain.guards.order_of_steps import StepsOutOfOrder
from domain.household.as_of import valid_on
from domain.household.context import NotTheDepartment, OutsideJurisdiction
from domain.members.moving import (
    AcrossCounties,
    CaseStays,
    FileHandedOver,
    FileTakenOver,
    HandOverFile,
    HouseholdMoved,
    LivesThere,
    MoveHousehold,
    NothingHandedOver,
    TakeOverFile,
    WithinCounty,
)
from domain.values.person import HouseholdId
from domain.values.receipt import Actor
from domain.values.spells import Category
from tests import stories
from tests.domain.families import COUNTY, TOWNSHIP, Families
from tests.scenario import SEED, Life

ON = date(2025, 4, 21)
MOVED = date(2025, 6, 2)
HERE, NEXT_DOOR, TOWN, FAR = "990301100201", "990301100202", "990301100001", "990801100201"
THERE, THERE_TOWNSHIP = Actor("c8", "990801/civil-affairs"), Actor("w8", "990801100/township")
LING = HouseholdId(SEED)


def ling(story: Life | None = None) -> Families:
    return Families.of(story or stories.ling_in_dibao(ON), ids=(LING,))


def handed() -> Families:
    families = ling()
    families.ask(LING, HandOverFile(MOVED, FAR, "河东1号"), COUNTY)
    return families


def test_within_the_county_the_home_changes_from_its_day_and_nothing_else() -> None:
    families = ling()
    told = MOVED + timedelta(days=5)
    (moved,) = families.ask(LING, MoveHousehold(told, NEXT_DOOR, MOVED))[LING]
    assert isinstance(moved, HouseholdMoved)
    assert moved.due is None
    homes = [families.household(LING).region(day) for day in (MOVED - timedelta(days=1), MOVED)]
    assert homes == [HERE, NEXT_DOOR]
    assert families.ask(LING, MoveHousehold(told, NEXT_DOOR, MOVED)) == {LING: []}
    assert isinstance(families.refused(LING, MoveHousehold(told, NEXT_DOOR)), LivesThere)
    assert isinstance(
        families.refused(LING, MoveHousehold(told, HERE, told + timedelta(days=1))), StepsOutOfOrder
    )


def test_from_the_countryside_to_town_the_standard_is_another_and_the_family_looked_at_again() -> None:
    families = ling()
    (moved,) = families.ask(LING, MoveHousehold(MOVED, TOWN))[LING]
    assert isinstance(moved, HouseholdMoved)
    assert moved.due is not None
    families.ask(LING, Recertify(MOVED))
    (adjusted,) = families.ask(LING, AdjustBenefit(MOVED, "城乡标准不同"), COUNTY)[LING]
    assert isinstance(adjusted, BenefitAdjusted)
    assert (adjusted.was, adjusted.fen) == (108_000, 180_000)


def test_across_counties_the_old_county_hands_over_and_the_new_one_takes() -> None:
    families = ling()
    assert isinstance(families.refused(LING, MoveHousehold(MOVED, FAR)), AcrossCounties)
    assert isinstance(families.refused(LING, HandOverFile(MOVED, NEXT_DOOR), COUNTY), WithinCounty)
    assert isinstance(families.refused(LING, HandOverFile(MOVED, FAR), THERE), OutsideJurisdiction)
    (out,) = families.ask(LING, HandOverFile(MOVED, FAR), COUNTY)[LING]
    assert isinstance(out, FileHandedOver)
    assert (out.from_region, out.due.what, out.due.day) == (HERE, "DL-MOV", date(2025, 6, 16))
    assert families.ask(LING, HandOverFile(MOVED, FAR), THERE) == {LING: []}
    (taken,) = families.ask(LING, TakeOverFile(date(2025, 6, 9)), THERE)[LING]
    assert isinstance(taken, FileTakenOver)
    running = {o.due.what for o in families.household(LING).limits.dues}
    assert "DL-MOV" not in running
    assert "DL-CHG" in running
    assert families.ask(LING, TakeOverFile(date(2025, 6, 9)), THERE) == {LING: []}
    assert isinstance(families.refused(LING, TakeOverFile(date(2025, 6, 10)), THERE), NothingHandedOver)


def test_the_old_county_loses_its_access_on_the_day() -> None:
    families = handed()
    check = Recertify(MOVED)
    assert isinstance(families.refused(LING, check, TOWNSHIP), OutsideJurisdiction)
    assert families.ask(LING, check, THERE_TOWNSHIP)[LING]
    before = families.household(LING).people.members[0].person
    late = ReportChange(MOVED - timedelta(days=1), before, "income")
    assert families.ask(LING, late, TOWNSHIP)[LING]


def test_only_civil_affairs_hands_over_and_takes() -> None:
    other = Actor("h1", "990801/human-resources")
    assert isinstance(handed().refused(LING, TakeOverFile(MOVED), other), NotTheDepartment)


def test_the_category_goes_on_and_the_new_standard_counts_once_checked_there() -> None:
    families = handed()
    families.ask(LING, TakeOverFile(MOVED), THERE)
    state = families.household(LING)
    held = state.category(MOVED)
    assert held is not None
    assert (held.category, held.start, held.end) == (Category.DIBAO, date(2025, 4, 28), None)
    assert all(end is None for _, _, end in families.claims.values())
    families.ask(LING, Recertify(MOVED), THERE_TOWNSHIP)
    (adjusted,) = families.ask(LING, AdjustBenefit(MOVED, "迁入地标准"), THERE)[LING]
    assert isinstance(adjusted, BenefitAdjusted)
    assert (adjusted.was, adjusted.fen) == (108_000, 120_000)
    june, july = (valid_on(families.household(LING), date(2025, month, 15)) for month in (6, 7))
    assert (june.region, june.fen, july.region, july.fen) == (FAR, 108_000, FAR, 120_000)


def test_a_case_is_decided_where_it_was_accepted() -> None:
    families = ling(stories.on_the_road(stories.ling_registered(ON), ON, until="accept"))
    assert isinstance(families.refused(LING, HandOverFile(MOVED, FAR), COUNTY), CaseStays)
