"""Telling the result of a check (核对结果): lines for a terminal, data for programs, nothing personal."""

from __future__ import annotations

import unicodedata
from dataclasses import asdict

from application.register.faults import shown
from application.register.rows import Checked, Fault

_HEADINGS = ("工作表", "位置", "户编号", "列", "问题", "怎么改")


def summary_table(checked: Checked) -> list[str]:
    """What was found, line by line: the count first, then every error, then every warning."""
    lines = [
        f"共 {checked.seen} 户：可受理 {len(checked.good)} 户，退回 {checked.seen - len(checked.good)} 户；"
        f"差错 {len(checked.errors)} 处，提示 {len(checked.warnings)} 处。"
    ]
    for title, faults in (
        ("差错（整户退回，改正后再导入）", checked.errors),
        ("提示（不影响受理）", checked.warnings),
    ):
        if faults:
            lines += ["", f"{title}：", *_table([_line(fault) for fault in faults])]
    return lines


def to_json(checked: Checked) -> dict[str, object]:
    """The result as plain data: counts, numbers and rows of the good households, all faults with codes."""
    return {
        "seen": checked.seen,
        "good": [
            {
                "household": shown(household.local_number),
                "row": household.row,
                "members": len(household.members),
            }
            for household in checked.good
        ],
        "faults": [asdict(fault) for fault in checked.faults],
    }


def _line(fault: Fault) -> tuple[str, ...]:
    place = f"{fault.column}{fault.row}"
    return fault.sheet, place, fault.household or "", fault.header, fault.reason, fault.advice


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    lines = [_HEADINGS, *rows]
    widths = [max(_width(line[n]) for line in lines) for n in range(len(_HEADINGS) - 1)]
    return [
        "  ".join(
            [
                *(text + " " * (width - _width(text)) for text, width in zip(line, widths, strict=False)),
                line[-1],
            ]
        )
        for line in lines
    ]


def _width(text: str) -> int:
    """Columns a terminal needs: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
