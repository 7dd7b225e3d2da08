"""Money (金额): integer fen, computed sum-first and rounded once."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import NewType

Fen = NewType("Fen", int)
"""An amount in fen (分), 1/100 yuan. Never a float."""


_AMOUNT = re.compile(r"[+-]?(?:[0-9]{1,12}|[0-9]{1,3}(?:[,，][0-9]{3}){1,3})(?:\.(?:[0-9]{1,2}0*)?)?")


class AmountUnreadable(ValueError):
    """金额无法识别：请填写数字，单位为元，最多两位小数。"""


def fen_of_yuan(text: str | int | Decimal) -> Fen:
    """Fen of an amount said in yuan: `"70,000.5"` → 7000050.

    Raises `AmountUnreadable` for anything not a plain decimal number of at most two places and 12 digits
    before the point: no exponent, no underscore, no full-width digit, commas (half or full width) only
    between thousands.
    """
    plain = format(text, "f") if isinstance(text, Decimal) else str(text).strip()
    if _AMOUNT.fullmatch(plain) is None:
        raise AmountUnreadable(AmountUnreadable.__doc__)
    return Fen(int(Decimal(plain.replace(",", "").replace("，", "")) * 100))


def yuan(fen: int) -> str:
    """An amount for people, in yuan with two places: 100000 → `"1,000.00"`."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"


def round_half_up(value: Fraction) -> Fen:
    """The one rounding to a whole fen, halves upward (四舍五入)."""
    return Fen(floor(value + Fraction(1, 2)))


def round_up_to(value: Fraction, step: int) -> Fen:
    """`value` fen raised to the next multiple of `step` fen (100: whole yuan, 见分进元)."""
    return Fen(ceil(value / step) * step)
