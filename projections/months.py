"""Months as text (月份文字): how read models write a month, each written out once."""

from __future__ import annotations

from functools import lru_cache

from domain.values.month import Month

text_of = lru_cache(maxsize=4096)(Month.__str__)
"""The month as `YYYY-MM`."""
