"""The road of a category (类别程序): what one category has of its own on the road that all of them share.

The steps of a case are the same for every category; which limit governs a step, which test decides, whether there is a
notice and whether money is paid is said here, by one `Road` in the category's own module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from domain.household.context import Context
from domain.household.state import Household
from domain.values.assessment import Assessment
from domain.values.policy import Rules
from domain.values.receipt import RuleApplied
from domain.values.spells import Category, Programme

LimitRole = Literal[
    "investigate",
    "check",
    "tell",
    "notice",
    "send",
    "mend",
    "decide",
    "notify",
    "total",
    "total-delegated",
    "total-extended",
]
"""Which stretch of the road a limit governs; its code and its length are the category's own."""


@dataclass(frozen=True, slots=True)
class Road:
    """What a category has of its own: limits by their role, the means test, notice, money.

    `basis` are the articles a confirmation rests on. `fits` says whether what a household has is within the category.
    `test` applies the category's own rule to a decision and refuses where it is not met. `noticed`: a proposal is put
    on public notice and the confirmation is published; `notice_flag` is the parameter by which a place asks for a
    notice all the same. `programme` and `amount` are the monthly benefit, None where the decision only identifies.
    `rises_from` are categories that end when this one begins. `needs_clean_report`: a data check against the family must be answered before it is confirmed (M57 art.18).
    `entered_by_transfer`: a family may be passed on to it with its consent, without an application of its own.
    `aids` is the parameter that names the kinds of specialised aid it opens, `sampling` that of the share of its cases
    which the county checks; where the law sets none for a category, that of Dibao is taken.
    """

    category: Category
    limits: Mapping[LimitRole, str]
    basis: str
    fits: Callable[[Assessment], bool]
    test: Callable[[Household, Assessment, Context, date], tuple[RuleApplied, ...]]
    noticed: bool
    notice_flag: str | None = None
    programme: Programme | None = None
    amount: Callable[[Assessment, Context, date], RuleApplied] | None = None
    rises_from: frozenset[Category] = frozenset()
    needs_clean_report: bool = False
    entered_by_transfer: bool = False
    aids: str | None = None
    sampling: str = "dibao.sampling-ratio"

    def is_noticed(self, rules: Rules) -> bool:
        """Whether a proposal is put on notice by the rules of a day."""
        return self.noticed or (self.notice_flag is not None and rules.flag(self.notice_flag))
