"""Importing a register (导入登记册): each good household becomes an accepted application, whole or not at all.

Households go in lane by lane, many at once, each under a command id of its own: whatever stops an import, the
next one finds what is there and goes on with the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Literal
from uuid import UUID, uuid5

from application.handling.bulk_handling import Draft, append_drafts, draft
from application.handling.command_handler import CommandHandler
from application.handling.request import Handled, Request
from application.reference.reference import NATURAL_KEYS
from application.register.rows import Checked, HouseholdRow
from domain.intake.application import DeclaredProperty, SpendingItem
from domain.intake.register_entry import EnterFromRegister
from domain.members.registration import NewMember, RegisterHousehold
from domain.values.assessment import IncomeItem
from domain.values.person import HouseholdId
from domain.values.receipt import Actor
from domain.values.refusals import Refusal
from eventstore.errors import ChangedCommand, StoreError
from eventstore.lanes import lane_of

State = Literal["accepted", "already", "changed", "refused"]

AT_ONCE = 500
"""How many households are looked up and decided together."""

_OTHERWISE = "该户此前已导入，但内容与本次不同；已登记的信息请在系统中更正。"


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one good household.

    `already` when an earlier import had it; `changed` when that import had it with other content, and
    `refused` when it may not be entered, both with code and reason.
    """

    local_number: str
    row: int
    state: State
    household: HouseholdId | None = None
    code: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Prospect:
    """What would become of one good household, were it entered now (预计结果).

    `elsewhere` are those of its people who are registered in another household, counted in its members.
    """

    row: HouseholdRow
    outcome: Imported
    lane: int
    elsewhere: tuple[int, ...] = ()
    draft: Draft | None = None


def import_register(
    handler: CommandHandler, checked: Checked, officer: str, at: datetime | None = None
) -> Iterator[Imported]:
    """Enter the good households, lane by lane; importing again changes nothing.

    `officer` enters them for the township each household lives in. A household whose row was changed since
    it was imported stays as it is: corrections are made on the chain.
    """
    for _, lane in groupby(prospects(handler, checked, officer, at), lambda each: each.lane):
        yield from _entered(handler, list(lane))


def prospects(
    handler: CommandHandler, checked: Checked, officer: str, at: datetime | None = None
) -> Iterator[Prospect]:
    """What `import_register` would do with each good household, lane by lane; nothing is written."""
    begun = sorted((lane_of(_begun_by(row)), n) for n, row in enumerate(checked.good))
    for start in range(0, len(begun), AT_ONCE):
        rows = [checked.good[n] for _, n in begun[start : start + AT_ONCE]]
        yield from _looked_up(handler, rows, officer, at)


def command_id(township: str, local_number: str, command: str) -> UUID:
    """The id of an import's command: the same for every import of the same row."""
    return uuid5(uuid5(NATURAL_KEYS, f"township/{township}"), f"{local_number}/{command}")


def _command_of(row: HouseholdRow) -> UUID:
    return command_id(row.region[:9], row.local_number, "enter-from-register")


def _begun_by(row: HouseholdRow) -> HouseholdId:
    return HouseholdId(uuid5(_command_of(row), "household/0"))


def _looked_up(
    handler: CommandHandler, rows: Sequence[HouseholdRow], officer: str, at: datetime | None
) -> Iterator[Prospect]:
    requests = [
        Request(_command_of(row), entry_of(row), Actor(officer, f"{row.region[:9]}/township"), at=at)
        for row in rows
    ]
    households = handler.households
    keys = {households.key_of(request): request for request in requests}
    before = households.asked_before(keys)
    new = [row for row, key in zip(rows, keys, strict=True) if key not in before]
    known = households.persons_of(
        member.id_number for row in new for member in row.members if member.id_number is not None
    )
    for row, (key, request) in zip(rows, keys.items(), strict=True):
        number, lane = row.local_number, lane_of(request.stream)
        if before.get(key):
            yield Prospect(row, Imported(number, row.row, "already", request.stream), lane)
            continue
        if key in before:
            yield Prospect(row, _changed(row), lane)
            continue
        elsewhere = tuple(n for n, member in enumerate(row.members) if member.id_number in known)
        try:
            drafted = draft(handler, key, request, known)
        except Refusal as refusal:
            yield Prospect(row, _refused(row, refusal), lane, elsewhere)
        else:
            outcome = Imported(number, row.row, "accepted", request.stream)
            yield Prospect(row, outcome, lane, elsewhere, drafted)


def _entered(handler: CommandHandler, lane: Sequence[Prospect]) -> Iterator[Imported]:
    answers = iter(append_drafts(handler, [each.draft for each in lane if each.draft is not None]))
    for each in lane:
        if each.draft is None:
            yield each.outcome
            continue
        answer = next(answers)
        if not isinstance(answer, Handled):
            yield _refused(each.row, answer)
        elif answer.repeated:
            yield Imported(each.row.local_number, each.row.row, "already", answer.household)
        else:
            yield each.outcome


def _changed(row: HouseholdRow) -> Imported:
    return Imported(row.local_number, row.row, "changed", None, "changed-command", _OTHERWISE)


def _refused(row: HouseholdRow, refusal: Refusal | StoreError) -> Imported:
    if isinstance(refusal, ChangedCommand):
        return _changed(row)
    return Imported(row.local_number, row.row, "refused", None, refusal.code, refusal.sentence)


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
