"""The preview: what an import would do, counted before anything is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import psycopg
import pytest

from application.register.checking import check, villages_of
from application.register.importing import import_register, prospects
from application.register.preview import Elsewhere, Preview, preview
from application.register.reading import read_register
from application.register.rows import Checked
from bootstrap.wiring import Installation
from domain.values.money import Fen
from tests.application.registers import daughter, household, id_number, mother, wage, written
from tests.database import Databases
from tests.installations import installed

TODAY = date(2026, 11, 20)


@pytest.fixture
def office(databases: Databases, tmp_path: Path) -> Iterator[Installation]:
    with installed(databases, tmp_path) as installation:
        yield installation


def looked_at(office: Installation, checked: Checked) -> Preview:
    return preview(checked, prospects(office.handler, checked, "import"))


def register(office: Installation, numbers: str, *, amount: float = 1200.5) -> Checked:
    """One household a digit, of a mother of her own; the second person of `001` is the daughter."""
    households, members, items = [], [], []
    for digit in numbers:
        number = f"00{digit}"
        households.append(household(household=number))
        members.append(mother(household=number, id_number=id_number("19850312", 2 + 2 * int(digit))))
        items.append(wage(household=number, amount=amount))
    members.append(daughter(household=f"00{numbers[0]}"))
    content = written(households, members, items)
    return check(read_register(content), villages_of(office.reference.regions), TODAY)


def everything(databases: Databases) -> list[object]:
    with psycopg.connect(databases.store) as store, psycopg.connect(databases.keys) as keys:
        return [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            for connection, tables in (
                (store, ("es_event", "es_stream", "es_command", "es_index", "es_claim")),
                (keys, ("key_data",)),
            )
            for table in tables
        ]


def test_new_households_their_people_and_their_money_are_counted_and_nothing_is_written(
    office: Installation, databases: Databases
) -> None:
    before = everything(databases)
    seen = looked_at(office, register(office, "12"))
    assert (seen.seen, seen.new, seen.already, seen.changed, seen.refused, seen.bad) == (2, 2, 0, 0, 0, 0)
    assert (seen.people, seen.income, seen.spending, seen.financial) == (3, 2 * 12 * 120050, 0, 2 * 320000)
    assert "新受理 2 户（3 人）" in seen.lines()[0]
    assert "年收入 28,812.00 元" in seen.lines()[1]
    assert everything(databases) == before


def test_what_is_there_is_told_from_what_changed_and_from_what_is_new(office: Installation) -> None:
    list(import_register(office.handler, register(office, "12"), "import"))
    checked = register(office, "123")
    row = checked.good[1]
    changed = replace(row, items=(replace(row.items[0], fen=Fen(row.items[0].fen + 1)),))
    seen = looked_at(office, replace(checked, good=(checked.good[0], changed, checked.good[2])))
    assert (seen.new, seen.already, seen.changed) == (1, 1, 1)
    assert [(each.local_number, each.code) for each in seen.stopped] == [("002", "changed-command")]
    assert any("第 3 行 户编号 002" in line and "[changed-command]" in line for line in seen.lines())
    assert seen.elsewhere == []


def test_people_registered_in_another_household_are_pointed_out_by_row(office: Installation) -> None:
    list(import_register(office.handler, register(office, "1"), "import"))
    seen = looked_at(office, register(office, "23"))
    assert (seen.new, seen.elsewhere) == (2, [Elsewhere("002", (4,))])
    assert any("已在其他户登记的 1 人" in line for line in seen.lines())
    assert any("户编号 002：“成员”表第 4 行" in line for line in seen.lines())


def test_what_the_rules_would_refuse_is_told_beforehand(office: Installation) -> None:
    checked = register(office, "12")
    twice = replace(checked.good[1], members=checked.good[1].members * 2)
    seen = looked_at(office, replace(checked, good=(checked.good[0], twice)))
    assert (seen.new, seen.refused) == (1, 1)
    (stopped,) = seen.stopped
    assert (stopped.state, stopped.local_number) == ("refused", "002")
    assert stopped.reason
    answers = list(import_register(office.handler, replace(checked, good=(checked.good[0], twice)), "import"))
    assert sorted(each.state for each in answers) == ["accepted", "refused"]
    assert next(each for each in answers if each.state == "refused") == stopped


def test_the_preview_as_data_masks_numbers_that_look_personal(office: Installation) -> None:
    checked = register(office, "1")
    row = replace(checked.good[0], local_number="13800001234567")
    list(import_register(office.handler, replace(checked, good=(row,)), "import"))
    other = replace(row, address="别处")
    told = looked_at(office, replace(checked, good=(other,))).to_json()
    assert (told["new"], told["changed"], told["yearly"]) == (0, 1, {"income": 0, "spending": 0})
    assert "13800001234567" not in str(told)
