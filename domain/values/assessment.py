"""Economic assessment (家庭经济状况认定): income counted, sum first, rounded once (M57 art.13, 23)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from domain.values.money import Fen, round_half_up, round_up_to
from domain.values.person import PersonId
from domain.values.receipt import Value, fraction, ratio

IncomeKind = Literal["wage", "business", "property", "transfer", "other"]
Period = Literal["monthly", "yearly"]


@dataclass(frozen=True, slots=True)
class IncomeItem:
    """One income (收入): its kind, whose it is, and fen a month or a year; never imputed (N31)."""

    kind: IncomeKind
    period: Period
    fen: Fen
    person: PersonId | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a household was found to have: counted members, exact yearly income, per-capita month, standard.

    `annual` is `(numerator, denominator)` fen a year after deductions, exact; `per_capita` is that a
    head and month, rounded once to the fen, for people to read; comparisons use the exact value.
    `standard` and `line` (marginal) are fen a head and month; `line` is None where the province has not
    set it since 2026-07-01 (L26 art.21).
    """

    members: int
    annual: tuple[int, int]
    per_capita: Fen
    standard: Fen
    line: Fen | None

    @property
    def below_standard(self) -> bool:
        """Strictly below the Dibao standard (低于低保标准)."""
        return Fraction(*self.annual) / 12 / self.members < self.standard

    @property
    def below_line(self) -> bool:
        """Strictly below the marginal line."""
        return self.line is not None and Fraction(*self.annual) / 12 / self.members < self.line


def annual_income(
    *,
    monthly: Value,
    yearly: Value,
    monthly_wages: Value,
    yearly_wages: Value,
    wage_deduction: Value,
) -> Value:
    """Σ(monthly × 12) + Σ yearly − the employment-cost share of wages, in fen a year, exact."""
    gross = 12 * _total(monthly) + _total(yearly)
    wages = 12 * _total(monthly_wages) + _total(yearly_wages)
    return ratio(gross + wages - wages * fraction(wage_deduction))


def _total(amounts: Value) -> Fraction:
    return Fraction(sum(amounts)) if isinstance(amounts, list) else fraction(amounts)


def per_capita_month(*, annual: Value, members: Value) -> Value:
    """Income a head and month in fen, rounded once."""
    return round_half_up(fraction(annual) / 12 / fraction(members))


def is_below(*, annual: Value, members: Value, line: Value) -> Value:
    """Whether income a head and month lies strictly below a line in fen a month."""
    return fraction(annual) / 12 / fraction(members) < fraction(line)


def marginal_line(*, standard: Value, times: Value) -> Value:
    """The marginal line in fen a head and month: the Dibao standard times the ratio in force."""
    return round_half_up(fraction(standard) * fraction(times))


def gap_benefit(*, standard: Value, members: Value, annual: Value, step: Value) -> Value:
    """The monthly benefit by difference (补差): standard × heads − income, raised to `step` fen, never below 0."""
    gap = fraction(standard) * fraction(members) - fraction(annual) / 12
    return round_up_to(gap, int(fraction(step))) if gap > 0 else 0
