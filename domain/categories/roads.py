"""All roads (各类别程序): the categories whose procedures are built, and what they have in common."""

from __future__ import annotations

from functools import cache
from uuid import UUID

from domain.categories import dibao, marginal
from domain.categories.road import LimitRole, Road
from domain.household.notions import Limit
from domain.values.refusals import Refusal
from domain.values.spells import Category

ROADS: dict[Category, Road] = {road.category: road for road in (dibao.ROAD, marginal.ROAD)}
"""The road of every category whose procedure is built, by category."""


class CategoryNotOpen(Refusal):
    """“{category}”的办理程序尚未开通，不能在本系统提出申请或者转办；请按当地现行办法办理。"""

    article = "M57 art.4; L26 art.37"


def road_of(category: Category) -> Road:
    """The road of a category; refuses one whose procedure is not built, so that nobody is led into a dead end."""
    road = ROADS.get(category)
    if road is None:
        raise CategoryNotOpen(category=category.word)
    return road


def is_paid(category: Category) -> bool:
    """Whether a category brings a monthly benefit."""
    road = ROADS.get(category)
    return road is not None and road.programme is not None


@cache
def codes(*roles: LimitRole) -> tuple[str, ...]:
    """The codes by which any category limits these stretches of the road, each once."""
    found = (road.limits[role] for role in roles for road in ROADS.values() if role in road.limits)
    return tuple(dict.fromkeys(found))


def limits(case: UUID | None, *roles: LimitRole) -> tuple[Limit, ...]:
    """The limits of a case on these stretches, whatever its category calls them."""
    return tuple([(code, case) for code in codes(*roles)])
