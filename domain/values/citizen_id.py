"""Citizen ID numbers (公民身份号码, GB 11643): 18 characters that tell birth date and sex, with a check digit.

Residence permits of Hong Kong, Macao and Taiwan people (81, 82, 83) and foreigners' permanent residence
cards (9…) are built alike. 99 is allotted to nobody and marks made-up people. The county in front is that
of first registration, perhaps long abolished: a hint, never a ground to turn anybody away.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from domain.values.person import Sex

_FORM = re.compile(r"[0-9]{17}[0-9X]")
_PROVINCES = re.compile(r"1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]|9[0-9]")


class CitizenIdRefused(ValueError):
    """身份证号不正确。"""

    code: ClassVar[str] = "id-refused"
    advice: ClassVar[str] = "请对照证件原件逐位核对。"

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


class WrongLength(CitizenIdRefused):
    """身份证号不是18位。"""

    code = "id-wrong-length"


class OldFifteenDigits(WrongLength):
    """身份证号是15位旧号码，2013年起已停止使用。"""

    code = "id-old-15-digits"
    advice = "请填写现行18位号码，可查户口簿或向派出所查询。"


class WrongCharacters(CitizenIdRefused):
    """身份证号含有不该有的字符：前17位只能是数字，末位是数字或X。"""

    code = "id-wrong-characters"
    advice = "请核对是否把数字0写成字母O、把1写成l，或把末位X写成乘号。"


class ImpossibleBirthDate(CitizenIdRefused):
    """身份证号第7至14位不是真实存在的日期。"""

    code = "id-impossible-date"


class WrongCheckDigit(CitizenIdRefused):
    """身份证号末位校验码不符，至少有一位抄错。"""

    code = "id-wrong-check-digit"


class BornInFuture(CitizenIdRefused):
    """身份证号中的出生日期晚于今天。"""

    code = "id-born-in-future"


@dataclass(frozen=True, slots=True)
class CitizenId:
    """A well-formed number and what it says of its holder; `repr` shows it masked."""

    number: str
    birth: date
    sex: Sex

    def __repr__(self) -> str:
        return f"CitizenId({masked(self.number)})"


def parse(text: str, *, today: date | None = None) -> CitizenId:
    """What an ID number says; spaces, full-width forms and a small x are put right.

    Raises a `CitizenIdRefused` subclass with `code`, Chinese sentence and `advice`; it never repeats the
    number. A birth date after `today` is refused only when `today` is given.
    """
    number = normalised(text)
    if len(number) == 15 and number.isdigit():
        raise OldFifteenDigits
    if len(number) != 18:
        raise WrongLength
    if _FORM.fullmatch(number) is None:
        raise WrongCharacters
    try:
        birth = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise ImpossibleBirthDate from None
    if check_digit(number[:17]) != number[17]:
        raise WrongCheckDigit
    if today is not None and birth > today:
        raise BornInFuture
    return CitizenId(number, birth, "male" if int(number[16]) % 2 else "female")


def normalised(text: str) -> str:
    """The number as it should be written: half-width, without white space, capital X."""
    return "".join(unicodedata.normalize("NFKC", text).split()).upper()


def check_digit(first17: str) -> str:
    """The eighteenth character for the first seventeen digits (ISO 7064, MOD 11-2): `0`-`9` or `X`."""
    check = 0
    for digit in first17:
        check = (check + int(digit)) * 2 % 11
    return "0123456789X"[(12 - check) % 11]


def masked(number: str) -> str:
    """A number fit to be shown: `990101********0013`; shorter than 15 characters, nothing but stars."""
    if len(number) < 15:
        return "*" * len(number)
    return f"{number[:6]}{'*' * (len(number) - 10)}{number[-4:]}"


def prefix_hint(number: str) -> str | None:
    """What is unusual about the first two digits, in Chinese; None if a province, a permit or made up."""
    return None if _PROVINCES.match(number) else "身份证号前两位不是已知的省级代码。"
