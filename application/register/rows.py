"""What a register (申请登记册) says once it is understood: typed rows, faults, and what may go on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from domain.values.assessment import IncomeKind, Period
from domain.values.money import Fen
from domain.values.person import Disability, Relation, Sex, WorkCapacity

Channel = Literal["window", "online", "village", "agent"]
Side = Literal["income", "expenditure"]
ExpenditureKind = Literal["medical", "education", "rehabilitation", "housing", "other"]
Tenure = Literal["owned", "rented", "public", "borrowed", "none", "other"]
Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A person of a household (家庭成员); `row` is the sheet row, counted from 1.

    `id_number` is None only where the clerk wrote 无 (somebody not yet registered).
    """

    name: str = field(repr=False)
    id_number: str | None = field(repr=False)
    relation: Relation
    sex: Sex
    birth: date
    disability: Disability | None
    work_capacity: WorkCapacity
    student: bool
    row: int


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One income or rigid expenditure (收入、刚性支出): fen a month or a year.

    `person_index` counts in the household's members; None when it is the whole household's.
    """

    person_index: int | None
    side: Side
    kind: IncomeKind | ExpenditureKind
    period: Period
    fen: Fen
    document: str | None
    row: int


@dataclass(frozen=True, slots=True)
class Housing:
    """The dwelling as declared (住房情况): how held, dwellings owned, square metres."""

    tenure: Tenure
    dwellings: int
    area: Decimal | None


@dataclass(frozen=True, slots=True)
class Assets:
    """Property as declared (家庭财产): financial assets in fen, motor vehicles, a registered business."""

    financial: Fen
    vehicles: int
    business: bool
    note: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Account:
    """Where aid would be paid (银行账户)."""

    bank: str
    number: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class HouseholdRow:
    """A household ready to be registered and its application accepted (申请家庭), without a fault."""

    local_number: str
    region: str
    address: str = field(repr=False)
    channel: Channel
    applied_on: date
    applicant_index: int
    members: tuple[MemberRow, ...]
    items: tuple[ItemRow, ...]
    housing: Housing
    assets: Assets
    account: Account | None
    row: int

    @property
    def applicant(self) -> MemberRow:
        """The member who applies (申请人)."""
        return self.members[self.applicant_index]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one cell: where, why and how to mend it, in Chinese, personal values masked.

    `row` counts from 1 and `column` is the letter, as the spreadsheet shows them; `code` is stable English.
    `household` is the local number written in the row, None when it is empty. A warning turns nobody away.
    """

    sheet: str
    row: int
    column: str
    header: str
    code: str
    reason: str
    advice: str
    household: str | None
    severity: Severity = "error"


@dataclass(frozen=True, slots=True)
class Checked:
    """A register after checking: households without any error, in file order, and every fault by place.

    `seen` counts the rows of sheet 家庭.
    """

    seen: int
    good: tuple[HouseholdRow, ...]
    faults: tuple[Fault, ...]

    @property
    def errors(self) -> tuple[Fault, ...]:
        """The faults that keep a household out."""
        return tuple(fault for fault in self.faults if fault.severity == "error")

    @property
    def warnings(self) -> tuple[Fault, ...]:
        """The faults worth a second look that keep nobody out."""
        return tuple(fault for fault in self.faults if fault.severity == "warning")
