"""Heads (在册人数): how many households and persons are in each category, as changes on days that add up."""

from __future__ import annotations

from datetime import date
from itertools import chain
from typing import Final
from uuid import UUID

import msgspec

from domain.catalogue import answering
from domain.household.event import Event
from domain.household.notions import Notion
from domain.household.parts import Procedure
from domain.household.state import Cases, Household, People, Place, Status
from domain.values.person import HouseholdId, PersonId, Relation
from domain.values.spells import Category, CategorySpell, Dated, Membership, Residence, current, holds


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


class CountedState(msgspec.Struct, frozen=True):
    """What heads are counted from: where the household lives, who belongs, what it is; and its open cases."""

    lives: tuple[Lives, ...] = ()
    members: tuple[Belongs, ...] = ()
    spells: tuple[CategorySpell, ...] = ()
    cases: dict[UUID, str] = {}


_Steps = dict[tuple[date, str, str], tuple[int, int]]
Change = tuple[date, str, str, int, int]
"""A day, a region, a category, and by how many households and persons more or fewer it has from then on."""

_read = msgspec.json.Decoder(CountedState).decode
_write = msgspec.json.Encoder().encode


def state_of(text: str) -> CountedState:
    """The state kept in a text."""
    return _read(text)


def text_of(state: CountedState) -> str:
    """The text that keeps a state."""
    return _write(state).decode()


COUNTED: Final = (Notion.HOME, Notion.MEMBERS, Notion.CYCLE, Notion.STATUS)
"""The notions of facts that change where a household lives, who belongs to it or what it is."""
CHANGING: Final = answering(*COUNTED)

# facts about a case write its outcome down; which case it is does not matter here
_ANY: Final = HouseholdId(UUID(int=0))
_CASE: Final = Procedure(UUID(int=0), Category.OTHER, "application", date.min, PersonId(UUID(int=0)))


class Heads:
    """Who is counted of one household, followed fact by fact."""

    __slots__ = ("_household", "_steps")

    def __init__(self, state: CountedState) -> None:
        self._household = _of(
            tuple([Residence(each.region, "rural", each.start, each.end) for each in state.lives]),
            tuple(
                [
                    Membership(
                        PersonId(m.person),
                        m.relation,
                        None,
                        False,
                        None,
                        "full",
                        m.start,
                        m.end,
                        cause=m.cause,
                    )
                    for m in state.members
                ]
            ),
            state.spells,
        )
        # made when first asked for
        self._steps: _Steps | None = None

    def follow(self, event: Event) -> list[Change]:
        """What a fact adds to the changes counted so far, in order: what the household's own state makes of it."""
        if type(event) not in CHANGING:
            return []
        before = self._household
        evolved = event.evolve(before)
        lives, members, spells = evolved.place.residences, evolved.people.members, evolved.status.categories
        if (
            lives is before.place.residences
            and members is before.people.members
            and spells is before.status.categories
        ):
            return []
        self._household = _of(lives, members, spells)
        if not spells and not before.status.categories:
            return []
        old = self._steps
        if old is None:
            old = _steps(before.place.residences, before.people.members, before.status.categories)
        new = self._steps = _steps(lives, members, spells)
        found = []
        for key in sorted(old.keys() | new.keys()):
            (old_homes, old_heads), (homes, heads) = old.get(key, (0, 0)), new.get(key, (0, 0))
            if (homes, heads) != (old_homes, old_heads):
                found.append((*key, homes - old_homes, heads - old_heads))
        return found

    def state(self, cases: dict[UUID, str]) -> CountedState:
        """What to keep for the next fact, beside the open cases."""
        household = self._household
        return CountedState(
            tuple([Lives(each.region, each.start, each.end) for each in household.place.residences]),
            tuple([Belongs(m.person, m.start, m.end, m.relation, m.cause) for m in household.people.members]),
            household.status.categories,
            cases,
        )


def _of(
    lives: tuple[Residence, ...], members: tuple[Membership, ...], spells: tuple[CategorySpell, ...]
) -> Household:
    return Household(
        _ANY,
        place=Place(residences=lives),
        people=People(members=members),
        status=Status(categories=spells),
        cases=Cases(procedures=(_CASE,)),
    )


def _steps(
    lives: tuple[Residence, ...], members: tuple[Membership, ...], spells: tuple[CategorySpell, ...]
) -> _Steps:
    """By day, region and category, how many households and persons more or fewer there are from then on."""
    found: _Steps = {}
    if not spells:
        return found
    every: chain[Dated] = chain(lives, members, spells)
    before: dict[tuple[str, str], tuple[int, int]] = {}
    for day in sorted({day for each in every for day in (each.start, each.end) if day is not None}):
        now = _heads(lives, members, spells, day)
        if now == before:
            continue
        for key in now.keys() | before.keys():
            (homes, heads), (old_homes, old_heads) = now.get(key, (0, 0)), before.get(key, (0, 0))
            if (homes, heads) != (old_homes, old_heads):
                found[day, *key] = (homes - old_homes, heads - old_heads)
        before = now
    return found


def _heads(
    lives: tuple[Residence, ...],
    members: tuple[Membership, ...],
    spells: tuple[CategorySpell, ...],
    day: date,
) -> dict[tuple[str, str], tuple[int, int]]:
    # before its first residence a household lives where it first did, as its own state has it
    home = current(lives, day) or next(iter(lives), None)
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for spell in spells:
        if home is not None and holds(spell, day):
            key = (home.region, str(spell.category))
            homes, heads = found.get(key, (0, 0))
            counted = sum([holds(member, day) for member in members]) if spell.person is None else 1
            found[key] = (homes + 1, heads + counted)
    return found
