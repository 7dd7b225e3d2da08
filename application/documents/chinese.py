"""Chinese forms for paper (公文用字): dates, months, amounts in capitals (大写), articles of the law."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from domain.values.money import yuan
from domain.values.month import Month

_DIGITS: Final = "零壹贰叁肆伍陆柒捌玖"
_PLACES: Final = ("仟", "佰", "拾", "")
_PLAIN: Final = "零一二三四五六七八九"

PAPERS: Final[Mapping[str, str]] = {
    "C2020": "《关于改革完善社会救助制度的意见》",
    "G39": "《关于加强低收入人口动态监测做好分层分类社会救助工作的意见》（国办发〔2023〕39号）",
    "L26": "《中华人民共和国社会救助法》",
    "M57": "《最低生活保障审核确认办法》（民发〔2021〕57号）",
    "M83": "《关于进一步做好最低生活保障等社会救助兜底保障工作的通知》（民发〔2022〕83号）",
    "R649": "《社会救助暂行办法》（国务院令第649号）",
    "S001": "《山东省社会救助实施通知》",
}
"""The papers documents rest on, as they are named on paper."""


def day(on: date) -> str:
    """`2026年2月14日`."""
    return f"{on.year}年{on.month}月{on.day}日"


def month(of: Month) -> str:
    """`2026年2月`."""
    return f"{of.year}年{of.month}月"


def amount(fen: int) -> str:
    """`735.00 元`, thousands by commas."""
    return f"{yuan(fen)} 元"


def capitals(fen: int) -> str:
    """An amount in capitals (大写): 100510 fen → 壹仟零伍元壹角; 0 → 零元整; raises ValueError below 0.

    整 follows whole yuan and never jiao or fen, 零 stands once for any run of empty places
    (支付结算办法, 正确填写票据和结算凭证的基本规定).
    """
    if fen < 0:
        raise ValueError("大写金额不能为负")
    whole, jiao, cents = fen // 100, fen // 10 % 10, fen % 10
    said = f"{_whole(whole)}元" if whole or not fen else ""
    if jiao:
        said += f"{_DIGITS[jiao]}角"
    if cents:
        said += ("零" if whole and not jiao else "") + f"{_DIGITS[cents]}分"
    return said if jiao or cents else f"{said}整"


def _whole(number: int) -> str:
    if number == 0:
        return "零"
    groups = []
    while number:
        number, group = divmod(number, 10_000)
        groups.append(group)
    said, gap = "", False
    for n in reversed(range(len(groups))):
        group = groups[n]
        for place, digit in zip(_PLACES, f"{group:04d}", strict=True):
            if digit == "0":
                gap = bool(said)
                continue
            said += ("零" if gap else "") + _DIGITS[int(digit)] + place
            gap = False
        # above 亿 the count goes on in 万亿
        if n == 1 and group:
            said += "万"
        elif n == 2 and (group or len(groups) > 3):
            said += "亿"
        elif n == 3 and group:
            said += "万"
    return said


def number(n: int) -> str:
    """A number up to 99 as articles count: 三十三, 十, 二十."""
    tens, ones = divmod(n, 10)
    if not tens:
        return _PLAIN[ones]
    return ("" if tens == 1 else _PLAIN[tens]) + "十" + (_PLAIN[ones] if ones else "")


def papers(cited: str) -> list[str]:
    """Citations (`M57 art.10, 22; L26 art.45`) as a page names them: 《…》第十条、第二十二条."""
    named = []
    for citation in filter(None, cited.split("; ")):
        code, _, articles = citation.partition(" art.")
        numbers = [f"第{number(int(each))}条" for each in articles.split(", ") if each]
        named.append(PAPERS[code] + "、".join(numbers))
    return named
