"""Joining (并户): a household goes on in another; its own chain ends with the way there (M57 art.7, 30)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar
from uuid import UUID

from domain.guards.order_of_steps import require_order
from domain.guards.registered import NotAMember
from domain.household.command import JointCommand
from domain.household.context import Context
from domain.household.duty import MEMBERS_CHANGED, Turn, of_every
from domain.household.event import Event
from domain.household.memberships import last_month, without
from domain.household.notions import BenefitChange, Carried, ClockMove, Limit, StatusChange
from domain.household.parts import Alert
from domain.household.state import Household
from domain.members.arrival import (
    Mover,
    SameHousehold,
    arrival,
    looked_at_again,
    require_here,
    require_movers,
    require_same_county,
)
from domain.members.succession import soundly
from domain.values.deadline import Due
from domain.values.immutables import replace
from domain.values.person import HouseholdId, PersonId
from domain.values.refusals import Refusal
from domain.values.spells import Label, ended


def unseen_alerts(event: HouseholdJoined, household: UUID) -> tuple[UUID, ...]:
    """The alerts that came along and nobody has checked on site."""
    return tuple(alert.alert for alert in event.alerts if alert.verified_on is None)


def seen_alerts(event: HouseholdJoined, household: UUID) -> tuple[UUID, ...]:
    """The alerts that came along checked and unanswered."""
    return tuple(alert.alert for alert in event.alerts if alert.verified_on is not None)


class CaseUnderWay(Refusal):
    """{which}有正在办理的申请，应当先作出决定或者撤回申请，再办理并户。"""

    article = "M57 art.28"


class CategoriesDiffer(Refusal):
    """转出户是{category}，与转入户的类别不一致；应当先就转出户的救助作出终止决定，自终止生效之日起并户。"""

    article = "M57 art.32; S001; G39"


class MoneyUnderWay(Refusal):
    """转出户尚有未到账或者退回后未补发的款项，应当先办结发放。"""

    article = "M57 art.25"


class NoticeUnderWay(Refusal):
    """转出户尚有未送达的决定文书，应当先送达。"""

    article = "M57 art.21; L26 art.48"


class MembersLeftBehind(Refusal):
    """并户应当写明全部成员在转入户中的关系，还缺{missing}名。"""

    article = "M57 art.7"


@dataclass(frozen=True, slots=True)
class CarriedAlert:
    """An alert not yet answered that goes along (随转预警)."""

    alert: UUID
    code: str
    person: PersonId | None
    raised_on: date
    merged_on: date | None
    verified_on: date | None
    need: bool


@dataclass(frozen=True, slots=True)
class JoinedInto(Event):
    """The chain ends: from `since` the family goes on in another household (并入他户)."""

    title: ClassVar[str] = "并户：并入他户"
    basis: ClassVar[str] = "M57 art.7, 30; L26 art.46"
    none: ClassVar[str] = "case home money aid stage count ruling paper found"
    changes_members: ClassVar[bool] = True
    turns: ClassVar[tuple[Turn, ...]] = (Turn(of_every, closes=("*",)),)

    on: date
    into: HouseholdId
    into_version: int
    since: date

    def closes(self) -> tuple[Limit, ...]:
        return (("*", None),)

    def goes_on_in(self) -> UUID | None:
        return self.into

    def changes_status(self) -> StatusChange | None:
        return StatusChange(ends_on=self.since, ends_labels=tuple(Label))

    def changes_benefit(self) -> BenefitChange | None:
        return BenefitChange(ends_before=last_month(self.since) + 1)

    def evolve(self, household: Household) -> Household:
        persons = {member.person for member in household.members}
        benefits = tuple(
            replace(spell, last=last_month(self.since)) if spell.last is None else spell
            for spell in household.benefits
        )
        # a home of no day at all where it was registered and joined on one day: it says where the family was
        home = replace(household.residences[-1], end=self.since)
        return replace(
            without(household, persons, self.since, "joined"),
            categories=ended(household.categories, self.since),
            labels=ended(household.labels, self.since),
            residences=(*household.residences[:-1], home),
            benefits=benefits,
            joined_into=self.into,
        )


@dataclass(frozen=True, slots=True)
class HouseholdJoined(Event):
    """Another household's family came in, with its alerts and their deadlines (他户并入)."""

    title: ClassVar[str] = "并户：他户并入"
    basis: ClassVar[str] = "M57 art.7, 30; L26 art.46"
    none: ClassVar[str] = "case home members cycle status benefit money aid count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(unseen_alerts, opens=("verify-alert",)),
        Turn(seen_alerts, opens=("answer-alert",)),
        *MEMBERS_CHANGED,
    )

    on: date
    origin: HouseholdId
    origin_version: int
    since: date
    alerts: tuple[CarriedAlert, ...]
    carried: tuple[Due, ...]
    due: Due | None

    def opens(self) -> tuple[Due, ...]:
        return (*self.carried, self.due) if self.due else self.carried

    def moves_clock(self) -> ClockMove | None:
        return ClockMove(
            carried=tuple(
                Carried(each.alert, each.raised_on, each.verified_on is not None) for each in self.alerts
            )
        )

    def evolve(self, household: Household) -> Household:
        alerts = tuple(
            Alert(
                each.alert,
                each.code,
                each.person,
                each.raised_on,
                each.merged_on,
                each.verified_on,
                need=each.need,
            )
            for each in self.alerts
        )
        return replace(household, alerts=(*household.alerts, *alerts))


@dataclass(frozen=True, slots=True)
class JoinHousehold(JointCommand):
    """Let a whole household go on in another of the same county (并户); also a provisional one in the right one.

    `members` says what each is there, the one head excepted. Neither may have a case under way. The category
    of the one that ends must be the other's, or its termination take effect by `since` (left out: `on`).
    """

    on: date
    into: HouseholdId
    members: tuple[Mover, ...]
    since: date | None = None

    def households(self) -> tuple[HouseholdId, ...]:
        return (self.into,)

    def decide(
        self, households: Mapping[HouseholdId, Household], context: Context
    ) -> Iterator[tuple[HouseholdId, Event]]:
        yield from soundly(households, self._facts(households, context))

    def _facts(
        self, households: Mapping[HouseholdId, Household], context: Context
    ) -> Iterator[tuple[HouseholdId, Event]]:
        household, other = next(iter(households.values())), households[self.into]
        if household.id == other.id:
            raise SameHousehold
        if household.joined_into == other.id:
            return
        require_here(household)
        require_here(other)
        since = self.since or self.on
        require_order(self.on, since)
        require_order(since, household.residences[-1].start)
        context.require("township", "county")
        require_same_county(household.region(self.on), other.region(self.on), self.on, context)
        context.require_for(other, self.on, "township", "county")
        movers = tuple(m for m in self.members if not other.has_member(m.person, since))
        require_movers(household, movers, since, heads=0)
        if any(not household.has_member(m.person, since) for m in self.members):
            raise NotAMember
        named = {mover.person for mover in self.members}
        missing = [m for m in household.counted(since) if m.person not in named]
        if missing:
            raise MembersLeftBehind(missing=len(missing))
        _require_settled(household, other, since)
        alerts = tuple(alert for alert in household.alerts if alert.outcome is None)
        about = {alert.id for alert in alerts}
        yield household.id, JoinedInto(self.on, other.id, context.versions.get(other.id, 0), since)
        yield (
            other.id,
            HouseholdJoined(
                self.on,
                household.id,
                context.versions.get(household.id, 0),
                since,
                tuple(
                    CarriedAlert(a.id, a.code, a.person, a.raised_on, a.merged_on, a.verified_on, a.need)
                    for a in alerts
                ),
                tuple(o.due for o in household.dues if o.due.subject in about),
                looked_at_again(other, context, self.on),
            ),
        )
        for mover in movers:
            yield other.id, arrival(mover, household, since, self.on, context)


def _require_settled(household: Household, other: Household, since: date) -> None:
    """Refuse while something is still to be done in the chain that would end."""
    for each, which in ((household, "转出户"), (other, "转入户")):
        if each.case is not None:
            raise CaseUnderWay(which=which)
    held, there = household.category(since), other.category(since)
    if held is not None and (there is None or there.category != held.category or there.end is not None):
        raise CategoriesDiffer(category=held.category.word)
    if household.undelivered:
        raise NoticeUnderWay
    unpaid = any(spell.open or spell.returned for spell in household.benefits)
    if unpaid or any(aid.state != "settled" for aid in household.temporary):
        raise MoneyUnderWay
