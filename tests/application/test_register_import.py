"""Importing the register: good households in whole, bad ones out, and the second time nothing changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from importlib.resources import as_file, files
from pathlib import Path

import psycopg
import pytest

from application.register.checking import check, villages_of
from application.register.importing import import_register
from application.register.reading import read_register
from application.register.rows import Checked
from bootstrap.wiring import Installation
from domain.values.money import Fen
from tests.database import Databases
from tests.installations import installed


@pytest.fixture
def office(databases: Databases, tmp_path: Path) -> Iterator[Installation]:
    with installed(databases, tmp_path) as installation:
        yield installation


def checked_sample(office: Installation) -> Checked:
    with as_file(files("samples").joinpath("register-sample.xlsx")) as workbook:
        return check(read_register(workbook), villages_of(office.reference.regions), date(2026, 11, 20))


def counted(databases: Databases) -> dict[str, int]:
    with psycopg.connect(databases.store) as connection:
        rows = connection.execute("SELECT name, count(*) FROM es_event GROUP BY name").fetchall()
    return dict(rows)


def test_twenty_households_become_accepted_applications_and_ten_stay_out(
    office: Installation, databases: Databases
) -> None:
    checked = checked_sample(office)
    done = list(import_register(office.handler, checked, "import"))
    assert [each.state for each in done] == ["accepted"] * 20
    assert checked.seen == 30
    events = counted(databases)
    assert events["household.registered.1"] == events["household.application-accepted.1"] == 20
    assert events["household.member-added.1"] == sum(len(row.members) for row in checked.good)
    ids = {each.local_number: each.household for each in done}
    assert set(ids) == {row.local_number for row in checked.good}
    household = office.households.get(ids[checked.good[0].local_number])  # type: ignore[arg-type]
    assert household.case is not None
    assert household.case.accepted_on == checked.good[0].applied_on
    assert {each.due.what for each in household.dues} == {"DL-DIB-INV", "DL-DIB-TOT"}


def test_importing_again_changes_nothing(office: Installation, databases: Databases) -> None:
    checked = checked_sample(office)
    first = list(import_register(office.handler, checked, "import"))
    before = counted(databases)
    second = list(import_register(office.handler, checked, "import"))
    assert [each.state for each in second] == ["already"] * 20
    assert [each.household for each in second] == [each.household for each in first]
    assert counted(databases) == before


def test_a_row_changed_after_its_import_is_refused_and_the_chain_left_alone(
    office: Installation, databases: Databases
) -> None:
    checked = checked_sample(office)
    list(import_register(office.handler, checked, "import"))
    before = counted(databases)
    row = next(row for row in checked.good if row.items)
    changed = replace(row, items=(replace(row.items[0], fen=Fen(row.items[0].fen + 100)), *row.items[1:]))
    (answer,) = import_register(office.handler, replace(checked, good=(changed,)), "import")
    assert (answer.state, answer.code) == ("changed", "changed-command")
    assert counted(databases) == before


def test_no_name_number_account_or_address_stands_in_clear(
    office: Installation, databases: Databases
) -> None:
    checked = checked_sample(office)
    list(import_register(office.handler, checked, "import"))
    secrets = {row.address for row in checked.good}
    secrets |= {row.account.number for row in checked.good if row.account}
    secrets |= {member.name for row in checked.good for member in row.members}
    secrets |= {member.id_number for row in checked.good for member in row.members if member.id_number}
    with psycopg.connect(databases.store) as connection:
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name LIKE 'es%'"
        ).fetchall()
        stored = ""
        for (table,) in tables:
            for row in connection.execute(f"SELECT * FROM {table}").fetchall():
                stored += " ".join(
                    bytes(value).decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
                    for value in row
                )
    assert len(stored) > 10_000
    assert not [secret for secret in secrets if secret in stored]
