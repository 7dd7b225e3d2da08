"""Separation of duties and avoidance (岗位分离、回避): who may not act in a case, asked by several chapters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Literal

from domain.guards.procedure_guards import require_impartial
from domain.household.context import Context
from domain.household.parts import Procedure
from domain.household.state import Household
from domain.values.refusals import Refusal

Pair = Literal["investigate-then-decide", "propose-then-approve-extension", "investigate-then-sample"]
"""Two acts of one case that one officer may not both do; a place's rules list the pairs in force."""

_WORDS: Mapping[Pair, tuple[str, str]] = {
    "investigate-then-decide": ("调查核实", "作出决定"),
    "propose-then-approve-extension": ("提出延长办理期限", "批准延长办理期限"),
    "investigate-then-sample": ("调查核实", "抽查"),
}


class DutiesNotSeparate(Refusal):
    """按照岗位分离规定，同一事项的{first}与{second}不得由同一人办理，请由其他经办人办理。"""

    article = "M57 art.35"


class MustAvoid(Refusal):
    """按照回避规定，已申报与该户有利害关系的人员不得办理该户事项，请由其他经办人办理。"""

    article = "M57 art.11, 35"


def require_separate(pair: Pair, earlier: Iterable[str], officer: str, on: date, context: Context) -> None:
    """Refuse the second act of a pair to an officer who did the first; the rule is named, never the person."""
    first, second = _WORDS[pair]
    if pair in context.rules(on).words("duties.separate") and officer in set(earlier):
        raise DutiesNotSeparate(first=first, second=second)


def require_disinterested(household: Household, context: Context, *others: str) -> None:
    """Refuse the acting officer, or another who takes part, with an interest in the family (回避).

    Those are who declared one, and of the case under way its agent and the registered close relatives.
    """
    case = household.case
    interested = set(household.oversight.conflicts)
    if case is not None:
        require_impartial(case, context)
        interested |= {relative.officer for relative in case.known_relatives if relative.officer}
        if case.agent is not None and case.agent.officer:
            interested.add(case.agent.officer)
    if {context.actor.officer, *others} & interested:
        raise MustAvoid


def investigators_of(case: Procedure) -> frozenset[str]:
    """The officers who looked into the case on site or again after an objection."""
    return frozenset(case.inquirers).union(*(visit.investigators for visit in case.visits))
