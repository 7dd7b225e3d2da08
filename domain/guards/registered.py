"""Who is known (已登记): no act on a household or a person that the chain does not know."""

from __future__ import annotations

from datetime import date

from domain.household.state import Household
from domain.values.person import PersonId
from domain.values.refusals import Refusal


class HouseholdUnknown(Refusal):
    """该户尚未登记，请先登记家庭及成员。"""


class NotAMember(Refusal):
    """所指人员不是该户的共同生活成员。"""

    article = "M57 art.7"


class NobodyCounted(Refusal):
    """该户在{on}没有共同生活成员，不能核算收入或者待遇。"""

    article = "M57 art.7"


def require_registered(household: Household) -> None:
    """Refuse any act on a household that is not known yet."""
    if not household.registered:
        raise HouseholdUnknown


def require_member(household: Household, person: PersonId, on: date) -> None:
    """Refuse a person who is not counted in the household on the day."""
    if not household.has_member(person, on):
        raise NotAMember
