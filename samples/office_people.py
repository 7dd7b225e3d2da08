"""The families of the sample office (样例家庭): made-up names, test ID numbers, plausible incomes, all by a seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from random import Random

from domain.values.citizen_id import check_digit

COUNTY = "990801"
VILLAGES: Mapping[str, str] = {
    "990801100201": "河东一村",
    "990801100202": "河东二村",
    "990801100222": "顺北村",
    "990801101001": "河西社区",
    "990801101203": "河西村",
}

_URBAN = "990801101001"

SURNAMES = "王李张刘陈杨赵黄周吴徐孙马朱胡林郭何高罗郑梁谢宋唐许邓冯韩曹"
# given names, two characters each
MALE = "建国志强永福德顺春生海涛文斌家旺长河玉林小军浩然根生立新国平庆丰大勇学文"
FEMALE = "秀英桂兰玉珍春梅丽娟凤霞巧云小燕雪琴冬梅雨桐欣怡素芬淑华月娥红霞晓芳艳玲"
YOUNG = "子涵浩宇梓轩一诺思远佳怡嘉豪诗雨俊杰可欣"
_DISABILITIES = (("physical", 2), ("intellectual", 3), ("mental", 2), ("visual", 1), ("hearing", 3))

Fields = dict[str, object]


@dataclass(slots=True)
class Family:
    """A household before anything happened to it: where it lives, its people as the command wants them.

    `incomes` are items of the application, in all well below the standard; `earner` can take up work.
    """

    region: str
    address: str
    phone: str
    account: str
    members: list[Fields] = field(default_factory=list)
    incomes: list[Fields] = field(default_factory=list)
    adults: list[str] = field(default_factory=list)
    earner: str = "A1"

    def name_of(self, key: str) -> str:
        """The name of a member."""
        return str(next(member["name"] for member in self.members if member["key"] == key))


class Registry:
    """Hands out families, no two people with one ID number; the same seed gives the same families."""

    def __init__(self, random: Random, today: date) -> None:
        self._random = random
        self._today = today
        self._numbers: set[str] = set()

    def family(self, adults: int = 1) -> Family:
        """One more family, of any of the usual shapes with so many adults."""
        choose = self._random.choice
        region, village = choose(tuple(VILLAGES.items()))
        family = Family(
            region,
            f"{village}{self._random.randint(1, 9)}组{self._random.randint(1, 80)}号",
            f"199{self._random.randint(0, 99_999_999):08d}",
            f"试验八一县农村商业银行 620099{self._random.randint(0, 9_999_999_999_999):013d}",
        )
        shapes = [self._couple, self._ill_parent, self._three_generations]
        choose(shapes if adults > 1 else [*shapes, self._single_parent])(family)
        return family

    def newborn(self, family: Family, born: date, key: str) -> Fields:
        """A child born into the family, with a number already."""
        surname = family.name_of("A1")[0]
        return self._described(key, surname + self._given(YOUNG), "child", born, "female")

    def _couple(self, family: Family) -> None:
        head = self._add(family, "head", (50, 59), "male", work="partial")
        self._add(family, "spouse", (48, 58), "female", work="none", disability=True)
        self._income(family, head, "wage", (300, 600))
        self._income(family, head, "property", (800, 2400), "yearly")

    def _single_parent(self, family: Family) -> None:
        head = self._add(family, "head", (32, 42), "female", work="partial")
        self._add(family, "daughter", (8, 15), "female", student=True)
        self._income(family, head, "wage", (200, 700))

    def _ill_parent(self, family: Family) -> None:
        self._add(family, "head", (44, 54), "male", work="none", disability=True)
        wife = self._add(family, "spouse", (42, 52), "female", work="full")
        self._add(family, "son", (12, 17), "male", student=True)
        family.earner = wife
        self._income(family, wife, "wage", (400, 1000))

    def _three_generations(self, family: Family) -> None:
        head = self._add(family, "head", (36, 46), "male", work="partial")
        self._add(family, "parent", (66, 80), "female", work="none")
        self._add(family, "son", (9, 15), "male", student=True)
        self._income(family, head, "wage", (300, 800))
        self._income(family, "A2", "transfer", (160, 230))

    def _add(
        self,
        family: Family,
        relation: str,
        ages: tuple[int, int],
        sex: str,
        *,
        work: str = "none",
        student: bool = False,
        disability: bool = False,
    ) -> str:
        random = self._random
        age = random.randint(*ages)
        born = date(self._today.year - age, random.randint(1, 10), random.randint(1, 28))
        key = f"A{len(family.members) + 1}"
        given = YOUNG if age < 20 else MALE if sex == "male" else FEMALE
        inherits = relation in ("son", "daughter") and family.members
        surname = family.name_of("A1")[0] if inherits else random.choice(SURNAMES)
        member = self._described(key, surname + self._given(given), relation, born, sex)
        member |= {"work_capacity": work, "student": student}
        if disability:
            kind, grade = random.choice(_DISABILITIES)
            member["disability"] = {"kind": kind, "grade": grade}
        family.members.append(member)
        if age >= 19:
            family.adults.append(key)
        return key

    def _given(self, names: str) -> str:
        place = 2 * self._random.randrange(len(names) // 2)
        return names[place : place + 2]

    def _described(self, key: str, name: str, relation: str, born: date, sex: str) -> Fields:
        return {"key": key, "name": name, "relation": relation, "id_number": self._number(born, sex)}

    def _number(self, born: date, sex: str) -> str:
        while True:
            sequence = 2 * self._random.randint(0, 499) + (sex == "male")
            first = f"{COUNTY}{born:%Y%m%d}{sequence:03d}"
            number = first + check_digit(first)
            if number not in self._numbers:
                self._numbers.add(number)
                return number

    def _income(
        self, family: Family, person: str, kind: str, yuan: tuple[int, int], period: str = "monthly"
    ) -> None:
        fen = f"{self._random.randint(*yuan) // 10 * 10} 元"
        family.incomes.append({"kind": kind, "period": period, "fen": fen, "person": person})


def wage(family: Family, times: float) -> int:
    """Yuan a month that lift a family to so many times the standard a head (990801's pack), more or less."""
    standard = 750 if family.region == _URBAN else 600
    return int(standard * len(family.members) * times) // 10 * 10


def earning(family: Family, yuan: int) -> Sequence[Fields]:
    """What the family declares when its earner has found work that pays so much a month."""
    return [{"kind": "wage", "period": "monthly", "fen": f"{yuan} 元", "person": family.earner}]
