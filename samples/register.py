"""A filled register (登记册样例): thirty made-up households, ten with the mistakes people really make.

`python -m samples.register [FILE]` writes it again, byte for byte the same.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from application.register.template import write_register
from domain.values.citizen_id import check_digit

SAMPLE = Path(__file__).with_name("register-sample.xlsx")
VILLAGES = {
    "990801100201": "河东一村",
    "990801100202": "河东二村",
    "990801100222": "顺北村",
    "990801101001": "河西社区",
    "990801101203": "河西村",
}

Row = dict[str, str | float]

_SEED = 20260701
_COUNTY = "990801"
_SURNAMES = "王李张刘陈杨赵黄周吴徐孙马朱胡林郭何高罗"
_MALE = ("建国", "志强", "永福", "德顺", "春生", "海涛", "文斌", "家旺", "长河", "玉林", "小军", "浩然")
_FEMALE = ("秀英", "桂兰", "玉珍", "春梅", "丽娟", "凤霞", "巧云", "小燕", "雪琴", "冬梅", "雨桐", "欣怡")
_DISABILITIES = (("肢体", "二级"), ("智力", "三级"), ("精神", "二级"), ("视力", "一级"), ("听力", "三级"))


@dataclass
class _Family:
    """A household being filled in: its row, its people, its income and spending."""

    household: Row
    members: list[Row] = field(default_factory=list)
    items: list[Row] = field(default_factory=list)


class _Clerk:
    """Fills in the register, the same way every time."""

    def __init__(self) -> None:
        self._random = random.Random(_SEED)
        self._born: Counter[str] = Counter()

    def family(self, number: int) -> _Family:
        """One household without a mistake."""
        region, village = self._random.choice(tuple(VILLAGES.items()))
        family = _Family(
            {
                "household": f"{number:03d}",
                "region": region,
                "address": f"{village}{self._random.randint(1, 9)}组{self._random.randint(1, 80)}号",
                "channel": self._random.choice(("窗口", "窗口", "网上", "村（社区）代办", "委托他人")),
                "applied_on": f"2026-07-{self._random.randint(1, 24):02d}",
                "tenure": self._random.choice(("自有", "自有", "自有", "公租房", "借住")),
                "area": float(self._random.randint(80, 240)) / 2,
                "financial": float(self._random.randint(0, 80) * 100),
                "vehicles": 0.0,
                "business": "否",
                "bank": "试验八一县农村商业银行",
                "account": self._card(),
            }
        )
        family.household["dwellings"] = 1.0 if family.household["tenure"] == "自有" else 0.0
        shape = (self._old_alone, self._old_couple, self._single_mother, self._ill_father, self._grandchild)
        shape[number % len(shape)](family)
        family.household["applicant"] = family.members[0]["name"]
        return family

    def _old_alone(self, family: _Family) -> None:
        sex = self._random.choice(("男", "女"))
        person = self._person(family, "本人", sex, 1938, 1958, capacity="无")
        self._item(family, person, "转移净收入", "每月", 203, "养老金发放记录")

    def _old_couple(self, family: _Family) -> None:
        head = self._person(family, "本人", "男", 1945, 1956, capacity="无")
        self._person(family, "配偶", "女", 1946, 1958, capacity="部分")
        self._item(family, head, "财产净收入", "每年", self._random.randint(8, 30) * 100, "土地流转合同")
        self._item(family, head, "医疗支出", "每年", self._random.randint(300, 1500) * 10.5, "医保结算单")

    def _single_mother(self, family: _Family) -> None:
        head = self._person(family, "本人", "女", 1980, 1990, capacity="部分")
        self._person(family, "女儿", "女", 2011, 2016, capacity="无", student="是")
        self._item(family, head, "工资性收入", "每月", self._random.randint(6, 14) * 100, "银行流水")
        self._item(family, None, "其他收入", "每年", self._random.randint(5, 20) * 100, "")

    def _ill_father(self, family: _Family) -> None:
        head = self._person(family, "本人", "男", 1972, 1982, capacity="无", disability=True)
        wife = self._person(family, "配偶", "女", 1974, 1984, capacity="有")
        self._person(family, "儿子", "男", 2005, 2010, capacity="无", student="是")
        self._item(family, wife, "工资性收入", "每月", self._random.randint(9, 20) * 100, "银行流水")
        self._item(family, head, "残疾康复支出", "每年", self._random.randint(10, 60) * 100, "康复机构票据")
        self._item(family, None, "经营净收入", "每年", self._random.randint(12, 60) * 100, "村委会证明")

    def _grandchild(self, family: _Family) -> None:
        head = self._person(family, "本人", "女", 1948, 1960, capacity="无")
        child = self._person(family, "孙子女", "男", 2010, 2017, capacity="无", student="是")
        self._item(family, head, "转移净收入", "每月", 203, "养老金发放记录")
        self._item(family, child, "教育支出", "每年", self._random.randint(6, 24) * 50, "学校收据")

    def _person(
        self,
        family: _Family,
        relation: str,
        sex: str,
        earliest: int,
        latest: int,
        *,
        capacity: str,
        student: str = "否",
        disability: bool = False,
    ) -> Row:
        choose = self._random.choice
        birth = (
            self._random.randint(earliest, latest),
            self._random.randint(1, 12),
            self._random.randint(1, 28),
        )
        given = choose(_MALE if sex == "男" else _FEMALE)
        name = choose(_SURNAMES) + given
        # two of one name in a family could not be told apart on the sheet of incomes
        taken = {member["name"] for member in family.members}
        while name in taken:
            name = _SURNAMES[(_SURNAMES.index(name[0]) + 1) % len(_SURNAMES)] + given
        person: Row = {
            "household": family.household["household"],
            "name": name,
            "id_number": self._id_number("{:04d}{:02d}{:02d}".format(*birth), sex),
            "relation": relation,
            "sex": sex,
            "birth": "{:04d}-{:02d}-{:02d}".format(*birth),
            "work_capacity": capacity,
            "student": student,
        }
        if disability:
            person["disability_kind"], person["disability_grade"] = choose(_DISABILITIES)
        family.members.append(person)
        return person

    def _item(
        self, family: _Family, person: Row | None, kind: str, period: str, yuan: float, document: str
    ) -> None:
        family.items.append(
            {
                "household": family.household["household"],
                **({"person": person["name"]} if person else {}),
                "kind": kind,
                "period": period,
                "amount": float(yuan),
                **({"document": document} if document else {}),
            }
        )

    def _id_number(self, birth: str, sex: str) -> str:
        self._born[birth] += 1
        first17 = f"{_COUNTY}{birth}{2 * self._born[birth] + (sex == '男'):03d}"
        return first17 + check_digit(first17)

    def _card(self) -> str:
        digits = "620099" + "".join(str(self._random.randint(0, 9)) for _ in range(12))
        doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in digits[::-2])
        return digits + str(-(doubled + sum(map(int, digits[-2::-2]))) % 10)


def _id_as_number(family: _Family) -> None:
    family.members[-1]["id_number"] = float(str(family.members[-1]["id_number"])[:15]) * 1000


def _wrong_check_digit(family: _Family) -> None:
    number = str(family.members[0]["id_number"])
    family.members[0]["id_number"] = number[:-1] + ("2" if number[-1] == "1" else "1")


def _member_without_household(family: _Family) -> None:
    family.members[-1]["household"] = "O" + str(family.household["household"])[1:]


def _unknown_region(family: _Family) -> None:
    family.household["region"] = "990801100299"


def _same_person_twice(family: _Family) -> None:
    family.members.append(dict(family.members[-1]))


def _empty_amount(family: _Family) -> None:
    del family.items[0]["amount"]


def _date_in_future(family: _Family) -> None:
    family.household["applied_on"] = str(family.household["applied_on"]).replace("2026", "2062")


def _sex_contradicts_id(family: _Family) -> None:
    family.members[-1]["sex"] = "女" if family.members[-1]["sex"] == "男" else "男"


def _missing_applicant(family: _Family) -> None:
    name = family.members.pop(0)["name"]
    family.items = [item for item in family.items if item.get("person") != name]


def _amount_with_letters(family: _Family) -> None:
    family.items[0]["amount"] = "约800元"


MISTAKES: dict[int, Callable[[_Family], None]] = {
    2: _id_as_number,
    5: _wrong_check_digit,
    10: _member_without_household,
    12: _unknown_region,
    14: _same_person_twice,
    17: _empty_amount,
    19: _date_in_future,
    23: _sex_contradicts_id,
    26: _missing_applicant,
    28: _amount_with_letters,
}
"""Which household has which mistake, by its number."""


def families(count: int = 30, *, mistakes: bool = True) -> list[_Family]:
    """The households of the sample, mistakes included; beyond 30, more of the kind without mistakes."""
    clerk = _Clerk()
    made = [clerk.family(number) for number in range(1, count + 1)]
    for number, mistake in MISTAKES.items() if mistakes else ():
        mistake(made[number - 1])
    return made


def write_sample(target: Path) -> None:
    """Write the sample register; stored without compression, so that no library version changes a byte."""
    made = families()
    written = BytesIO()
    write_register(
        written,
        [family.household for family in made],
        [member for family in made for member in family.members],
        [item for family in made for item in family.items],
    )
    with ZipFile(written) as packed, ZipFile(target, "w", ZIP_STORED) as stored:
        for part in packed.infolist():
            plain = ZipInfo(part.filename, (1980, 1, 1, 0, 0, 0))
            plain.create_system = 0
            stored.writestr(plain, packed.read(part))


if __name__ == "__main__":
    write_sample(Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE)
