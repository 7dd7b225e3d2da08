"""The glossary's words of the code are the code's: modules, classes, stored names, commands, tables, papers."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

from domain.catalogue import COMMANDS, EVENTS
from domain.values.spells import Category, Label
from tests.test_docs import PACKAGES, is_there

ROOT = Path(__file__).resolve().parents[1]
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text("utf-8")
SHIPPED = sorted(PACKAGES - {"bench", "tests"})

ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in GLOSSARY.splitlines()
    if line.startswith("| ") and not line.startswith(("| Chinese", "| code"))
]
TERMS = sorted({term for row in ROWS if len(row) == 4 for term in re.findall(r"`([^`]+)`", row[2])})
PAPERS = {row[0]: row[1] for row in ROWS if len(row) == 2}


def code_names() -> set[str]:
    """The classes and constants that the shipped modules define at their top."""
    found: set[str] = set()
    for package in SHIPPED:
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.parse(file.read_text("utf-8")).body:
                if isinstance(node, ast.ClassDef):
                    found.add(node.name)
                elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    found.add(node.target.id)
    return found


def database_names() -> set[str]:
    """The tables that the migrations create and the roles that they name."""
    text = "\n".join(file.read_text("utf-8") for file in (ROOT / "migrations").rglob("*.sql"))
    return {*re.findall(r"CREATE TABLE (\w+)", text), *re.findall(r"\bhulian_\w+", text)}


NAMES = code_names() | database_names() | {*Category, *Label} | {*EVENTS, *COMMANDS}


@pytest.mark.parametrize("term", TERMS)
def test_a_word_of_the_code_is_in_the_code(term: str) -> None:
    assert term in NAMES or is_there(term)


def test_every_word_has_chinese_english_and_meaning() -> None:
    words = [row for row in ROWS if len(row) == 4]
    assert len(words) + len(PAPERS) == len(ROWS)
    assert all(chinese and english and place and meaning for chinese, english, place, meaning in words)
    assert {chinese for chinese, *_ in words if not re.search(r"[\u4e00-\u9fff]", chinese)} == set()


def test_every_category_has_its_row() -> None:
    assert {str(each) for each in Category} <= set(TERMS)


def test_the_papers_are_those_of_the_list_of_sources() -> None:
    sources = yaml.safe_load((ROOT / "policy" / "sources.yaml").read_text("utf-8"))
    assert {code: title for code, title in sources.items() if code.isascii() and code != "domain"} == PAPERS


def test_a_word_that_is_not_in_the_code_is_found() -> None:
    assert "Manager" not in NAMES
    assert not is_there("domain.separation")
