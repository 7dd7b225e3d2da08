"""The preview of an import (导入预览): what would happen to every household, before anything is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from application.register.faults import shown
from application.register.importing import Imported, Prospect
from application.register.rows import Checked, HouseholdRow
from domain.values.money import Fen, yuan

_MONTHS = 12
_NOTHING = Fen(0)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A household some of whose people are registered in another one: rows of sheet 成员, counted from 1."""

    local_number: str
    rows: tuple[int, ...]


@dataclass(slots=True)
class Preview:
    """Counted so far: households by what would become of them; of the new ones people and yearly fen.

    `bad` are those the check sent back; `stopped` those that would be refused, or are there with other content.
    """

    seen: int
    bad: int
    new: int = 0
    already: int = 0
    changed: int = 0
    refused: int = 0
    people: int = 0
    income: Fen = _NOTHING
    spending: Fen = _NOTHING
    financial: Fen = _NOTHING
    elsewhere: list[Elsewhere] = field(default_factory=list)
    stopped: list[Imported] = field(default_factory=list)

    def add(self, prospect: Prospect) -> None:
        """Count one more household."""
        outcome = prospect.outcome
        match outcome.state:
            case "accepted":
                self.new += 1
                self._sum_up(prospect.row)
            case "already":
                self.already += 1
            case "changed":
                self.changed += 1
                self.stopped.append(outcome)
            case "refused":
                self.refused += 1
                self.stopped.append(outcome)
        if prospect.elsewhere:
            rows = tuple(prospect.row.members[n].row for n in prospect.elsewhere)
            self.elsewhere.append(Elsewhere(prospect.row.local_number, rows))

    def lines(self) -> list[str]:
        """For a terminal; nothing personal in it."""
        people = sum(len(each.rows) for each in self.elsewhere)
        lines = [
            f"预览：共 {self.seen} 户。新受理 {self.new} 户（{self.people} 人），已导入、未变动 {self.already} 户，"
            f"已导入、内容有变 {self.changed} 户，按规定不予受理 {self.refused} 户，有差错退回 {self.bad} 户。",
            f"新受理各户合计：年收入 {yuan(self.income)} 元，年刚性支出 {yuan(self.spending)} 元，"
            f"金融资产 {yuan(self.financial)} 元。",
        ]
        if self.elsewhere:
            lines.append(f"已在其他户登记的 {people} 人，涉及 {len(self.elsewhere)} 户，请核对是否重复申请：")
        for each in sorted(self.elsewhere, key=lambda each: each.rows):
            rows = "、".join(map(str, each.rows))
            lines.append(f"  户编号 {shown(each.local_number)}：“成员”表第 {rows} 行")
        for stopped in sorted(self.stopped, key=lambda each: each.row):
            lines.append(
                f"  第 {stopped.row} 行 户编号 {shown(stopped.local_number)}：{stopped.reason} [{stopped.code}]"
            )
        return lines

    def to_json(self) -> dict[str, object]:
        """The same as plain data, money in fen."""
        counts = {
            name: getattr(self, name) for name in ("seen", "new", "already", "changed", "refused", "bad")
        }
        return counts | {
            "people": self.people,
            "yearly": {"income": self.income, "spending": self.spending},
            "financial": self.financial,
            "elsewhere": [
                {"household": shown(each.local_number), "rows": list(each.rows)} for each in self.elsewhere
            ],
            "stopped": [
                {
                    "household": shown(each.local_number),
                    "row": each.row,
                    "state": each.state,
                    "code": each.code,
                    "reason": each.reason,
                }
                for each in self.stopped
            ],
        }

    def _sum_up(self, row: HouseholdRow) -> None:
        self.people += len(row.members)
        self.financial = Fen(self.financial + row.assets.financial)
        sums: Counter[str] = Counter()
        for item in row.items:
            sums[item.side] += item.fen * (_MONTHS if item.period == "monthly" else 1)
        self.income = Fen(self.income + sums["income"])
        self.spending = Fen(self.spending + sums["expenditure"])


def preview(checked: Checked, prospects: Iterable[Prospect]) -> Preview:
    """What an import of the checked register would do; `prospects` as `importing.prospects` answers them."""
    counted = Preview(checked.seen, checked.seen - len(checked.good))
    for prospect in prospects:
        counted.add(prospect)
    return counted
