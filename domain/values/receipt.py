"""Decisions and their receipts (决定与凭据): who decided, on what authority, and a computation that replays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Literal, cast

Value = int | str | bool | list[int] | None
"""What a rule reads and answers: JSON without floats; a ratio is `[numerator, denominator]`."""

Level = Literal["village", "township", "county", "city", "province", "nation"]
LEVELS: Mapping[int, Level] = {
    2: "province",
    4: "city",
    6: "county",
    9: "township",
    12: "village",
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts (经办): a pseudonymous officer of an organ, a person, or `system:<worker>`.

    `organ` is region code / department (`370786101/township`), empty for persons and the system.
    """

    officer: str
    organ: str = ""

    @property
    def level(self) -> Level | None:
        """The organ's level by its region code; None for persons and the system."""
        return LEVELS.get(len(self.organ.partition("/")[0]))

    @property
    def region(self) -> str:
        return self.organ.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Decider:
    """Who took a legal decision: officer, organ, level, and the paper when the power was delegated."""

    officer: str
    organ: str
    level: Level
    delegated_by: str | None = None


@dataclass(frozen=True, slots=True)
class RuleApplied:
    """One rule as it was applied: its name, article, the day its value holds from, inputs and result."""

    rule: str
    article: str
    since: date | None
    inputs: dict[str, Value]
    result: Value


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a decision rested on: pack hashes nation → county, and each rule applied, in order."""

    packs: tuple[str, ...]
    rules: tuple[RuleApplied, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """A legal decision (决定): the day it was taken, by whom, and its receipt."""

    on: date
    decider: Decider
    receipt: Receipt


Rule = Callable[..., Value]


class ReceiptDiffers(Exception):
    """A replayed rule answered something else than the receipt says."""


def apply(name: str, rule: Rule, article: str, since: date | None, **inputs: Value) -> RuleApplied:
    """Apply a rule to plain values and keep what went in and came out."""
    return RuleApplied(name, article, since, inputs, rule(**inputs))


def replay(receipt: Receipt, rules: Mapping[str, Rule]) -> None:
    """Apply every rule of a receipt again; raises `ReceiptDiffers` unless each answers the same."""
    for applied in receipt.rules:
        answer = rules[applied.rule](**applied.inputs)
        if answer != applied.result:
            raise ReceiptDiffers(f"{applied.rule}: {answer!r} instead of {applied.result!r}")


def ratio(value: Fraction) -> list[int]:
    """A fraction as a receipt keeps it: `[numerator, denominator]`."""
    return [value.numerator, value.denominator]


def fraction(value: Value) -> Fraction:
    """The fraction a receipt value stands for: `[2180, 3]`, or a whole number."""
    return Fraction(*value) if isinstance(value, list) else Fraction(cast(int, value))


def whole(value: object) -> int:
    """A whole number out of a receipt or a pack; raises `TypeError` for anything else."""
    if not isinstance(value, int):
        raise TypeError(f"a whole number is needed, not {value!r}")
    return value
