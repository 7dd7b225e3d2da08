"""Places in a sheet (单元格位置): column letters as spreadsheets show them."""

from __future__ import annotations

import re

_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


def letter(index: int) -> str:
    """The letter of a column counted from 0: 0 → `A`, 26 → `AA`."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def place_of(reference: str) -> tuple[int, int] | None:
    """Row and column counted from 0: `B3` → (2, 1); None for anything else."""
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        return None
    column = 0
    for character in match[1]:
        column = column * 26 + ord(character) - ord("A") + 1
    return int(match[2]) - 1, column - 1
