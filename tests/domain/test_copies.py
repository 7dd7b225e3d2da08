"""A changed copy is what `dataclasses.replace` would make."""

from __future__ import annotations

import dataclasses
from dataclasses import FrozenInstanceError, dataclass
from typing import Any
from uuid import UUID

import pytest

from domain.household.state import Household
from domain.values.immutables import replace
from domain.values.month import Month, Months, MonthUnreadable
from domain.values.person import HouseholdId
from tests import stories

ID = HouseholdId(UUID(int=1))


@dataclass(frozen=True)
class Roomy:
    """A class without slots."""

    day: int


@pytest.mark.parametrize("changes", [{}, {"cycle": 2}, {"cycle": 2, "labels": ()}, {"categories": ()}])
def test_a_changed_copy_equals_that_of_dataclasses(changes: dict[str, Any]) -> None:
    status = stories.ling_confirmed().household.status
    copy = replace(status, **changes)
    assert copy == dataclasses.replace(status, **changes)
    assert hash(copy) == hash(dataclasses.replace(status, **changes))


def test_the_original_stays_and_the_copy_is_frozen_too() -> None:
    household = Household(ID)
    copy = replace(household, status=replace(household.status, cycle=2))
    assert (household.status.cycle, copy.status.cycle) == (1, 2)
    with pytest.raises(FrozenInstanceError):
        copy.status.cycle = 3  # type: ignore[misc]


def test_none_is_a_value_like_any_other() -> None:
    household = stories.ling_graced().household
    assert household.management.review is not None
    assert replace(household, management=replace(household.management, review=None)).management.review is None


def test_a_field_there_is_not_is_refused() -> None:
    with pytest.raises(TypeError):
        replace(Household(ID), nothing=1)  # type: ignore[call-arg]


def test_what_a_class_demands_of_its_values_holds_for_copies() -> None:
    months = Months(Month(2026, 1), Month(2026, 3))
    with pytest.raises(MonthUnreadable):
        replace(months, last=Month(2025, 12))


def test_a_class_without_slots_is_refused() -> None:
    with pytest.raises(TypeError, match="slots"):
        replace(Roomy(1), day=2)
