"""How identifiers look when they are shown."""

from __future__ import annotations

import pytest

from api.access.masking import masked
from domain.values.private import PrivateKind
from eventstore.keys.keys import ERASED


@pytest.mark.parametrize(
    ("kind", "clear", "shown"),
    [
        ("name", "于某", "于*"),
        ("name", "于某某", "于**"),
        ("name", "阿卜杜拉·买买提", "阿**"),
        ("name", "于", "*"),
        ("name", "𠮷田", "𠮷*"),
        ("id-number", "990101197304120013", "990101********0013"),
        ("id-number", "99010119730412002X", "990101********002X"),
        ("id-number", "12345", "*****"),
        ("phone", "13812345678", "138****5678"),
        ("phone", "138 1234 5678", "138****5678"),
        ("phone", "0536-7654321", "****4321"),
        ("phone", "110", "****"),
        ("account", "6222 0212 3456 7890 123", "****0123"),
        ("account", "1234", "****"),
        ("address", "于家福宁村1号", "****"),
        ("text", "住院", "****"),
        ("name", None, None),
        ("name", ERASED, ERASED),
    ],
)
def test_identifiers_are_masked(kind: PrivateKind, clear: str | None, shown: str | None) -> None:
    assert masked(kind, clear) == shown
