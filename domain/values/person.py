"""Persons (人员): an id known through memberships; what rules must read stays in clear, names are sealed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal, NewType
from uuid import UUID

PersonId = NewType("PersonId", UUID)
"""A random-looking id that is never the ID number; one a person nationwide."""

HouseholdId = NewType("HouseholdId", UUID)

Sex = Literal["male", "female"]
Relation = Literal[
    "head",
    "spouse",
    "son",
    "daughter",
    "child",
    "parent",
    "sibling",
    "grandparent",
    "grandchild",
    "other",
]
DisabilityKind = Literal["visual", "hearing", "speech", "physical", "intellectual", "mental", "multiple"]
WorkCapacity = Literal["none", "partial", "full"]


@dataclass(frozen=True, slots=True)
class Disability:
    """A certified disability: kind and grade, 1 (most severe) to 4."""

    kind: DisabilityKind
    grade: Literal[1, 2, 3, 4]


def age_on(birth: date, day: date) -> int:
    """Full years lived by `day`; a birthday counts from its own day (born 29 February: from 1 March)."""
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))
