"""What a single cell (单元格) says: ID, date, amount, word; or why it cannot be understood."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar

from application.register.layout import Choice
from domain.values import citizen_id
from domain.values.citizen_id import CitizenId, CitizenIdRefused
from domain.values.money import Fen, fen_of_yuan

Cell = str | float | date | None
"""A cell as read: text without outer white space, a number, a day, or None when nothing is in it."""

C = TypeVar("C")

_DIGITS_KEPT = 10**15  # a spreadsheet keeps 15 significant digits; what is longer has been damaged
_SCIENTIFIC = re.compile(r"[0-9.]+E\+?[0-9]+", re.IGNORECASE)
_DATE = re.compile(r"(\d{4})([-/.年])(\d{1,2})(?:\2|月)(\d{1,2})日?|(\d{4})(\d{2})(\d{2})", re.ASCII)
_AMOUNT = re.compile(r"-?(?:\d{1,12}|\d{1,3}(?:,\d{3}){1,3})(\.\d*)?", re.ASCII)
_BESIDE_CHINESE = re.compile(r" (?=[^\x00-\x7f])|(?<=[^\x00-\x7f]) ")
_DOTS = str.maketrans(dict.fromkeys("•・‧∙⋅．", "·"))


class CellRefused(ValueError):
    """A cell that cannot be understood: stable English `code`, Chinese `reason` and `advice`.

    None of them repeats what is in the cell, which may be personal.
    """

    def __init__(self, code: str, reason: str, advice: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.advice = advice


def plain(text: str) -> str:
    """Text for comparing: full-width forms made half-width, all white space removed."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def text(cell: Cell) -> str:
    """What is written, as it is written: rare characters are never folded into common ones."""
    return _written(cell)


def name(cell: Cell) -> str:
    """A person's name: no space beside Chinese characters, one middle dot, rare characters (生僻字) kept."""
    if not isinstance(cell, str):
        raise CellRefused("name-unreadable", "姓名不是文字。", "请填写与证件一致的姓名。")
    return _BESIDE_CHINESE.sub("", " ".join(cell.split())).translate(_DOTS)


def local_number(cell: Cell) -> str:
    """A household's number in the township (户编号); a typed 7 and a text `7` are the same."""
    return plain(_written(cell))


def digits(cell: Cell, *, least: int, most: int, what: str, code: str) -> str:
    """A number of `least` to `most` digits that is not a quantity: a region code, an account."""
    if isinstance(cell, float) and (cell >= _DIGITS_KEPT or cell != int(cell)):
        raise _damaged(what, f"{code}-as-number")
    written = plain(_written(cell)).replace("-", "")
    if _SCIENTIFIC.fullmatch(written):
        raise _damaged(what, f"{code}-as-number")
    if not (least <= len(written) <= most and re.fullmatch("[0-9]+", written)):
        length = f"{least}位" if least == most else f"{least}至{most}位"
        raise CellRefused(f"{code}-malformed", f"{what}应为{length}数字。", f"请核对后填写完整的{what}。")
    return written


def id_number(cell: Cell, today: date) -> CitizenId:
    """The citizen ID in a cell; a number is refused however it looks, its last digits are lost."""
    if not isinstance(cell, str):
        raise _damaged("身份证号", "id-as-number")
    written = citizen_id.normalised(cell.lstrip("'’‘`"))
    if _SCIENTIFIC.fullmatch(written):
        raise _damaged("身份证号", "id-as-number")
    try:
        return citizen_id.parse(written, today=today)
    except CitizenIdRefused as refused:
        raise CellRefused(refused.code, str(refused), refused.advice) from None


def day(cell: Cell) -> date:
    """A date cell, or text such as 2026-07-01, 2026年7月1日, 2026/7/1, 2026.7.1, 20260701."""
    if isinstance(cell, date):
        return cell
    match = _DATE.fullmatch(plain(_written(cell)))
    if match is not None:
        year, month, number = (match[1], match[3], match[4]) if match[1] else (match[5], match[6], match[7])
        try:
            return date(int(year), int(month), int(number))
        except ValueError:
            pass
    raise CellRefused("date-unreadable", "日期无法识别或不存在。", "请填写为“2026-07-01”这样的日期。")


def amount(cell: Cell) -> Fen:
    """Fen of an amount in yuan, never negative, at most two places; exact, also for number cells."""
    if isinstance(cell, float):
        # fifteen significant digits are what the spreadsheet keeps and shows: 0.1+0.2 is 0.3 there
        written = f"{Decimal(f'{cell:.15g}'):f}"
    elif isinstance(cell, str):
        written = plain(cell).replace("，", ",")
    else:
        written = ""
    match = _AMOUNT.fullmatch(written)
    if match is None:
        raise CellRefused(
            "amount-unreadable", "金额不是数字。", "只填数字，不写“元”“约”等文字，例如 1200.50。"
        )
    if written.startswith("-") and written.strip("-0.,"):
        raise CellRefused("amount-negative", "金额是负数。", "请填写正数；支出请在“收支类别”中选择支出类。")
    if len((match[1] or "").rstrip("0")) > 3:
        raise CellRefused("amount-too-precise", "金额多于两位小数。", "请按实际金额填写到分。")
    return fen_of_yuan(written.strip("-").rstrip("."))


def square_metres(cell: Cell) -> Decimal:
    """A floor area in square metres, at most two places."""
    try:
        return Decimal(amount(cell)) / 100
    except CellRefused:
        raise CellRefused(
            "area-unreadable", "面积不是数字，或多于两位小数。", "只填数字，例如 86.5。"
        ) from None


def count(cell: Cell) -> int:
    """How many there are, 0 to 99."""
    written = plain(_written(cell))
    if re.fullmatch("[0-9]{1,2}", written) is None:
        raise CellRefused("count-unreadable", "数量不是0至99的整数。", "只填整数，没有请填0。")
    return int(written)


def choice(cell: Cell, choices: Sequence[Choice[C]], header: str) -> C:
    """What one of the column's words stands for; other words people write for it count too."""
    written = plain(_written(cell))
    for one in choices:
        if any(written == plain(word) for word in (one.word, *one.also)):
            return one.code
    words = "、".join(one.word for one in choices)
    raise CellRefused("word-unknown", f"“{header}”中的内容不在可选项之内。", f"请从下拉列表选择：{words}。")


def _written(cell: Cell) -> str:
    if isinstance(cell, float):
        return str(int(cell)) if cell == int(cell) and abs(cell) < _DIGITS_KEPT else repr(cell)
    return cell.isoformat() if isinstance(cell, date) else cell or ""


def _damaged(what: str, code: str) -> CellRefused:
    return CellRefused(
        code,
        f"{what}被存成了数字，超过15位的部分已经丢失。",
        f"请将该列设为文本，再重新录入完整的{what}。",
    )


def calendar_day(value: datetime | date) -> date:
    """The day of a date cell, whatever the hour."""
    return value.date() if isinstance(value, datetime) else value
