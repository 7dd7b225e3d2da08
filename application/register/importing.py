"""Importing a register (导入登记册): each good household becomes an accepted application, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid5

from application.handling import Desk, Request
from application.reference import NATURAL_KEYS
from application.register.rows import Checked, HouseholdRow
from domain.assessment import IncomeItem
from domain.intake import DeclaredProperty, SpendingItem
from domain.membership import NewMember, RegisterHousehold
from domain.message import Refusal
from domain.person import HouseholdId
from domain.receipt import Actor
from domain.register_entry import EnterFromRegister
from eventstore.errors import ChangedCommand, ClaimConflict

State = Literal["accepted", "already", "refused"]


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one good household: `already` when an earlier import had it; `refused` with the reason."""

    local_number: str
    row: int
    state: State
    household: HouseholdId | None = None
    code: str | None = None
    reason: str | None = None


def import_register(
    desk: Desk, checked: Checked, officer: str, at: datetime | None = None
) -> Iterator[Imported]:
    """Enter the good households one by one, in file order; importing again changes nothing.

    `officer` enters them for the township each household lives in. A household whose row was changed since
    it was imported is refused: corrections are made on the chain.
    """
    for row in checked.good:
        yield _enter(desk, row, officer, at)


def command_id(township: str, local_number: str, command: str) -> UUID:
    """The id of an import's command: the same for every import of the same row."""
    return uuid5(uuid5(NATURAL_KEYS, f"township/{township}"), f"{local_number}/{command}")


def _enter(desk: Desk, row: HouseholdRow, officer: str, at: datetime | None) -> Imported:
    township = row.region[:9]
    actor = Actor(officer, f"{township}/township")
    command = command_id(township, row.local_number, "enter-from-register")
    try:
        handled = desk.handle(Request(command, entry_of(row), actor, at=at))
    except Refusal as refusal:
        return Imported(row.local_number, row.row, "refused", None, refusal.code, refusal.sentence)
    except ChangedCommand as changed:
        reason = "该户此前已导入，但内容与本次不同；已登记的信息请在系统中更正。"
        return Imported(row.local_number, row.row, "refused", None, changed.code, reason)
    except ClaimConflict as conflict:
        return Imported(row.local_number, row.row, "refused", None, conflict.code, conflict.sentence)
    state: State = "accepted" if handled.news and not handled.repeated else "already"
    return Imported(row.local_number, row.row, state, handled.household)


def entry_of(row: HouseholdRow) -> EnterFromRegister:
    """The command a good row stands for."""
    members = tuple(
        NewMember(
            str(n + 1),
            member.name,
            member.relation,
            member.id_number,
            member.birth,
            member.sex,
            member.student,
            member.disability,
            member.work_capacity,
        )
        for n, member in enumerate(row.members)
    )
    income: list[tuple[int | None, IncomeItem]] = []
    spending: list[tuple[int | None, SpendingItem]] = []
    for item in row.items:
        if item.side == "income":
            income.append(
                (item.person_index, IncomeItem(item.kind, item.period, item.fen))  # type: ignore[arg-type]
            )
        else:
            spending.append(
                (item.person_index, SpendingItem(item.kind, item.period, item.fen))  # type: ignore[arg-type]
            )
    area = row.housing.area
    return EnterFromRegister(
        row.applied_on,
        RegisterHousehold(row.applied_on, row.region, members, address=row.address),
        row.applicant_index,
        row.channel,
        tuple(income),
        tuple(spending),
        DeclaredProperty(
            row.housing.tenure,
            row.housing.dwellings,
            None if area is None else int(area * 100),
            row.assets.financial,
            row.assets.vehicles,
            row.assets.business,
        ),
        _note(row),
        f"{row.account.bank} {row.account.number}" if row.account else None,
    )


def _note(row: HouseholdRow) -> str | None:
    """What the row says in words: the property note, and the papers shown for each item."""
    said = [row.assets.note] if row.assets.note else []
    said += [f"{item.kind}：{item.document}" for item in row.items if item.document]
    return "；".join(said) or None
