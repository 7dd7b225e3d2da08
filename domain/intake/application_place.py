"""The place of the application (申请地): where the family is registered and lives, and who may accept (M57 art.5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar
from uuid import UUID

from domain.guards.order_of_steps import require_order
from domain.guards.procedure_guards import open_case
from domain.household.command import Command
from domain.household.context import Context
from domain.household.event import Event
from domain.household.parts import FiledAt, Procedure
from domain.household.state import Household
from domain.values.pack import DIGITS
from domain.values.refusals import Refusal
from domain.values.region import UnknownRegion


class WrongPlace(Refusal):
    """申请人户籍在{place}，应当向户籍所在地乡镇（街道）申请；本地未开放{how}。"""

    article = "M57 art.4, 5; L26 art.37"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the applicant is registered (户籍地) and the family lives, as region codes of a county or below.

    `lives_in` None is where he is registered; `elsewhere` are the places where other members are
    registered; `permit` tells that he holds a residence permit (居住证) of the county applied to.
    """

    registered_in: str
    lives_in: str | None = None
    elsewhere: tuple[str, ...] = ()
    permit: bool = False


@dataclass(frozen=True, slots=True)
class ApplicationPlaced(Event):
    """Where the family is registered and lives was put on the case (户籍与居住地登记).

    `away`, `spread` (异地申办) and `apart` (人户分离) are later grounds to extend the term (M83 §4.1).
    """

    title: ClassVar[str] = "户籍与居住地登记"
    basis: ClassVar[str] = "M57 art.4, 5; L26 art.37"
    none: ClassVar[str] = (
        "limits case home members cycle status benefit money aid stage duties count ruling paper found"
    )

    on: date
    case: UUID
    registered_in: str
    lives_in: str | None
    elsewhere: tuple[str, ...]
    permit: bool
    away: bool
    spread: bool
    apart: bool

    def evolve(self, household: Household) -> Household:
        filed = FiledAt(
            self.registered_in,
            self.lives_in,
            self.elsewhere,
            self.permit,
            self.away,
            self.spread,
            self.apart,
        )
        return household.with_case(filed_at=filed)


@dataclass(frozen=True, slots=True)
class RecordPlace(Command):
    """Put on the case where the family is registered and lives, or what was found out later (登记户籍与居住地)."""

    on: date
    place: Place

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = open_case(household)
        filed = filed_at(self.place, context, self.on)
        if case.filed_at == filed:
            return
        context.require("village", "township", "county")
        require_order(self.on, case.started_on)
        yield placed(filed, self.on, case.id)


def placed(filed: FiledAt, on: date, case: UUID) -> ApplicationPlaced:
    """The fact of where the application was made."""
    return ApplicationPlaced(
        on,
        case,
        filed.registered_in,
        filed.lives_in,
        filed.elsewhere,
        filed.permit,
        filed.away,
        filed.spread,
        filed.apart,
    )


def filed_at(place: Place, context: Context, on: date) -> FiledAt:
    """The place seen from the county applied to; a code may be of a county the register does not hold.

    People live apart from their registration when the townships differ, as far as the codes tell.
    """
    away = _county(place.registered_in, context, on) not in context.path
    spread = any(_county(code, context, on) not in context.path for code in place.elsewhere)
    apart = False
    if place.lives_in is not None:
        _county(place.lives_in, context, on)
        known = min(len(place.lives_in), len(place.registered_in), _TOWNSHIP)
        apart = place.lives_in[:known] != place.registered_in[:known]
    return FiledAt(place.registered_in, place.lives_in, place.elsewhere, place.permit, away, spread, apart)


def require_place(case: Procedure, context: Context, on: date) -> None:
    """Refuse a place that may not accept this application (M57 art.4, 5).

    Accepted is where the applicant is registered; where he lives with a permit, if the place has opened
    that; and in another county of the same province, if the province provides for it.
    """
    filed = case.filed_at
    if filed is None or not filed.away:
        return
    here = context.path[0]
    same_province = filed.registered_in.startswith(here)
    how = "持居住证在居住地申办" if filed.permit else "省内异地申办" if same_province else "异地申办"
    if filed.permit and _opened("procedure.residence-permit", context, on):
        return
    if same_province and _opened("procedure.same-province", context, on):
        return
    raise WrongPlace(place=name_of(filed.registered_in, context, on), how=how)


def name_of(code: str, context: Context, on: date) -> str:
    """A region's name, or its code where the register does not hold it."""
    try:
        return context.regions.at(code, on).name
    except UnknownRegion:
        return f"区划代码“{code}”的地方"


_TOWNSHIP = 9


def _opened(key: str, context: Context, on: date) -> bool:
    rules = context.rules(on)
    return key in rules and rules.flag(key)


def _county(code: str, context: Context, on: date) -> str:
    try:
        return context.regions.ancestor(code, "county", on)
    except UnknownRegion:
        if not (code.isdecimal() and DIGITS["county"] <= len(code)) or _held(code, context, on):
            raise
        return code[: DIGITS["county"]]


def _held(code: str, context: Context, on: date) -> bool:
    try:
        context.regions.at(code, on)
    except UnknownRegion:
        return False
    return True
