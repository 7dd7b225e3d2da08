"""Amounts as people write them, and as they are shown."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.values.money import AmountUnreadable, fen_of_yuan, yuan


@pytest.mark.parametrize(
    ("said", "fen"),
    [
        ("70000.5", 7_000_050),
        ("70,000.50", 7_000_050),
        ("1，234，567", 123_456_700),
        (" 12 ", 1_200),
        ("12.", 1_200),
        ("12.500", 1_250),
        ("+3", 300),
        ("-0.01", -1),
        (5537, 553_700),
        (Decimal("5537.10"), 553_710),
        (Decimal("7E+4"), 7_000_000),
    ],
)
def test_an_amount_in_yuan_is_whole_fen(said: str | int | Decimal, fen: int) -> None:
    assert fen_of_yuan(said) == fen


@pytest.mark.parametrize(
    "said",
    [
        "",
        ".5",
        "1e30",
        "1_000",
        "1.005",
        "12,34",
        "1,2345",
        ",123",
        "NaN",
        "Infinity",
        "一百",
        "５５",
        "5 5",
        "1" * 13,
        Decimal("NaN"),
        Decimal("0.001"),
        Decimal("1E+300"),
    ],
)
def test_anything_else_is_unreadable(said: str | Decimal) -> None:
    with pytest.raises(AmountUnreadable):
        fen_of_yuan(said)


def test_amounts_are_shown_in_yuan_with_two_places() -> None:
    assert [yuan(fen) for fen in (2_753_700, 1, -150)] == ["27,537.00", "0.01", "-1.50"]
