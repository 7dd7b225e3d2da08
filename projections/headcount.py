"""Heads (在册人数): how many households and persons are in each category, as changes on days that add up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import chain
from typing import Final
from uuid import UUID

import msgspec

from domain.arrival import MemberArrived
from domain.correction import ResidenceCorrected
from domain.death import MemberDied
from domain.decision import DibaoConfirmed
from domain.exit import BenefitTerminated
from domain.household import Household
from domain.identification import PersonIdentified
from domain.irregular import IrregularlyConfirmed, IrregularlyEnded
from domain.joining import JoinedInto
from domain.member_correction import DeathCorrected, MemberCorrected
from domain.members import MemberChanged, MemberJoined, MemberLeft
from domain.membership import HouseholdRegistered, MemberAdded
from domain.message import Event
from domain.moving import FileHandedOver, HouseholdMoved
from domain.person import HouseholdId, PersonId, Relation
from domain.procedure import Procedure
from domain.spells import Category, CategorySpell, Dated, Membership, Residence, current, holds
from domain.split import HouseholdSplitFrom, MemberMovedOut, MembersSplitOff
from domain.succession import HeadChanged
from domain.transfer import MarginalConfirmed


class Lives(msgspec.Struct, frozen=True, array_like=True):
    """Where the household lives from a day (居住)."""

    region: str
    start: date
    end: date | None = None


class Belongs(msgspec.Struct, frozen=True, array_like=True):
    """One member over `[start, end)`, with what later facts about membership ask for, nothing else."""

    person: UUID
    start: date
    end: date | None = None
    relation: Relation = "other"
    cause: str | None = None


class Standing(msgspec.Struct, frozen=True):
    """What heads are counted from: where the household lives, who belongs, what it is; and its open cases."""

    lives: tuple[Lives, ...] = ()
    members: tuple[Belongs, ...] = ()
    spells: tuple[CategorySpell, ...] = ()
    cases: dict[UUID, str] = {}


Change = tuple[date, str, str, int, int]
"""A day, a region, a category, and by how many households and persons more or fewer it has from then on."""

_read = msgspec.json.Decoder(Standing).decode
_write = msgspec.json.Encoder().encode


def standing_of(text: str) -> Standing:
    """The standing kept in a text."""
    return _read(text)


def text_of(standing: Standing) -> str:
    """The text that keeps a standing."""
    return _write(standing).decode()


def follow(standing: Standing, event: Event) -> Standing:
    """The standing after a fact: what the household's own state makes of it, as far as heads are counted."""
    if type(event) not in CHANGING:
        return standing
    household = event.evolve(_household(standing))
    return Standing(
        tuple(Lives(each.region, each.start, each.end) for each in household.residences),
        tuple(Belongs(m.person, m.start, m.end, m.relation, m.cause) for m in household.members),
        household.categories,
        standing.cases,
    )


def _household(standing: Standing) -> Household:
    return Household(
        _ANY,
        residences=tuple(Residence(each.region, "rural", each.start, each.end) for each in standing.lives),
        members=tuple(
            Membership(
                PersonId(m.person), m.relation, None, False, None, "full", m.start, m.end, cause=m.cause
            )
            for m in standing.members
        ),
        categories=standing.spells,
        procedures=(_CASE,),
    )


CHANGING: Final[frozenset[type[Event]]] = frozenset(
    {
        *(HouseholdRegistered, HouseholdSplitFrom, JoinedInto),
        *(HouseholdMoved, FileHandedOver, ResidenceCorrected),
        *(MemberAdded, MemberJoined, MemberArrived, PersonIdentified, MemberChanged, HeadChanged),
        *(MemberLeft, MemberDied, MembersSplitOff, MemberMovedOut, MemberCorrected, DeathCorrected),
        *(DibaoConfirmed, IrregularlyConfirmed, MarginalConfirmed, BenefitTerminated, IrregularlyEnded),
    }
)
"""The facts that change where a household lives, who belongs to it or what it is."""

# facts about a case write its outcome down; which case it is does not matter here
_ANY: Final = HouseholdId(UUID(int=0))
_CASE: Final = Procedure(UUID(int=0), Category.DIBAO, "application", date.min, PersonId(UUID(int=0)))


def changes(before: Standing, after: Standing) -> Iterator[Change]:
    """What to add to the changes counted for `before` so that they become those of `after`, in order."""
    if (before.spells, before.members, before.lives) == (after.spells, after.members, after.lives):
        return
    old, new = dict(_steps(before)), dict(_steps(after))
    for key in sorted(old.keys() | new.keys()):
        (old_homes, old_heads), (homes, heads) = old.get(key, (0, 0)), new.get(key, (0, 0))
        if (homes, heads) != (old_homes, old_heads):
            yield (*key, homes - old_homes, heads - old_heads)


def _steps(standing: Standing) -> Iterator[tuple[tuple[date, str, str], tuple[int, int]]]:
    if not standing.spells:
        return
    every: chain[Dated] = chain(standing.lives, standing.members, standing.spells)
    days = sorted({day for each in every for day in (each.start, each.end) if day is not None})
    before: dict[tuple[str, str], tuple[int, int]] = {}
    for day in days:
        now = _heads(standing, day)
        for key in now.keys() | before.keys():
            (homes, heads), (old_homes, old_heads) = now.get(key, (0, 0)), before.get(key, (0, 0))
            if (homes, heads) != (old_homes, old_heads):
                yield (day, *key), (homes - old_homes, heads - old_heads)
        before = now


def _heads(standing: Standing, day: date) -> dict[tuple[str, str], tuple[int, int]]:
    # before its first residence a household lives where it first did, as its own state has it
    home = current(standing.lives, day) or next(iter(standing.lives), None)
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for spell in standing.spells:
        if home is not None and holds(spell, day):
            key = (home.region, str(spell.category))
            homes, heads = found.get(key, (0, 0))
            members = sum(holds(member, day) for member in standing.members) if spell.person is None else 1
            found[key] = (homes + 1, heads + members)
    return found
