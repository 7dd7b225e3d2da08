"""The template: text columns, drop-downs, a frozen header, nothing in the data sheets."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from openpyxl import load_workbook

from application.register.cells import choice
from application.register.checking import check
from application.register.layout import HOUSEHOLDS, INSTRUCTIONS, ITEMS, MEMBERS, SHEETS, Sheet
from application.register.reading import read_register
from application.register.template import write_template
from tests.application.registers import (
    TODAY,
    Row,
    checked,
    daughter,
    household,
    mother,
    read,
    region_problem,
    wage,
    written,
)


def template() -> bytes:
    file = BytesIO()
    write_template(file)
    return file.getvalue()


def test_an_empty_template_is_a_register_of_nobody(tmp_path: Path) -> None:
    write_template(tmp_path / "template.xlsx")
    result = check(read_register(tmp_path / "template.xlsx"), region_problem, TODAY)
    assert (result.seen, result.good, result.faults) == (0, (), ())


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_every_column_that_is_no_quantity_is_text(sheet: Sheet) -> None:
    page = load_workbook(BytesIO(template()))[sheet.name]
    assert page.freeze_panes == "B2"
    assert page.max_row == 1
    for place, column in enumerate(sheet.columns, start=1):
        letter = page.cell(1, place).column_letter
        expected = {"amount": "0.00", "count": "0"}.get(column.kind, "@")
        assert page.column_dimensions[letter].number_format == expected, column.header
    text = {column.key for column in sheet.columns if column.kind == "code"}
    assert (
        text
        == {
            HOUSEHOLDS: {"applicant_id", "region", "account"},
            MEMBERS: {"id_number"},
            ITEMS: {"person_id"},
        }[sheet]
    )


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_every_drop_down_offers_only_words_that_are_understood(sheet: Sheet) -> None:
    page = load_workbook(BytesIO(template()))[sheet.name]
    offered = {
        str(rule.sqref).split(":", maxsplit=1)[0]: rule.formula1.strip('"').split(",")
        for rule in page.data_validations.dataValidation
        if rule.type == "list"
    }
    chosen = [(place, column) for place, column in enumerate(sheet.columns, start=1) if column.choices]
    assert len(offered) == len(chosen)
    for place, column in chosen:
        words = offered[f"{page.cell(1, place).column_letter}2"]
        assert [choice(word, column.choices, column.header) for word in words] == [
            one.code for one in column.choices
        ]


def test_the_instructions_explain_every_column_with_an_example_that_would_be_good() -> None:
    page = load_workbook(BytesIO(template()))[INSTRUCTIONS]
    told = {(row[0], row[1]): row[5] for row in page.iter_rows(values_only=True)}
    rows: dict[str, Row] = {
        sheet.name: {column.key: str(told[sheet.name, column.header] or "") for column in sheet.columns}
        for sheet in SHEETS
    }
    result = checked([rows["家庭"]], [rows["成员"]], [rows["收入与支出"]])
    assert result.faults == ()
    assert len(result.good) == 1


def test_text_that_looks_like_a_formula_stays_text() -> None:
    content = written(
        [household(address="=1+1", property_note="http://example.invalid")],
        [mother(), daughter()],
        [wage(document="=HYPERLINK(1)")],
    )
    page = load_workbook(BytesIO(content))[HOUSEHOLDS.name]
    assert page["E2"].data_type == "s"
    (one,) = check(read(content), region_problem, TODAY).good
    assert (one.address, one.items[0].document) == ("=1+1", "=HYPERLINK(1)")


def test_the_same_rows_make_the_same_file() -> None:
    assert written() == written()
    assert template() == template()
