"""Amounts in capitals, dates, articles and organs are written as official papers write them."""

from __future__ import annotations

from datetime import date
from importlib.resources import files
from typing import get_args

import pytest
import yaml

from application.documents.chinese import PAPERS, amount, capitals, day, month, number, papers
from application.documents.organs import document_number, organ_name, place_name
from application.documents.rendering import template_of
from domain.papers.documents import BASIS
from domain.values.issued import DocumentKind
from domain.values.month import Month
from tests.scenario import reference

ON = date(2026, 2, 14)


@pytest.mark.parametrize(
    ("fen", "said"),
    [
        (0, "零元整"),
        (5, "伍分"),
        (50, "伍角"),
        (105, "壹元零伍分"),
        (100, "壹元整"),
        (1_000, "壹拾元整"),
        (73_500, "柒佰叁拾伍元整"),
        (100_510, "壹仟零伍元壹角"),
        (140_950, "壹仟肆佰零玖元伍角"),
        (32_504, "叁佰贰拾伍元零肆分"),
        (1_640_902, "壹万陆仟肆佰零玖元零贰分"),
        (600_714, "陆仟零柒元壹角肆分"),
        (1_000_500_000, "壹仟万零伍仟元整"),
        (10_000_000_000, "壹亿元整"),
        (10_000_000_100, "壹亿零壹元整"),
        (10_010_000_000, "壹亿零壹拾万元整"),
        (99_999_999_999, "玖亿玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元玖角玖分"),
        (100_000_000_000_000, "壹万亿元整"),
        (100_100_000_000_000, "壹万零壹拾亿元整"),
    ],
)
def test_an_amount_is_written_in_capitals(fen: int, said: str) -> None:
    assert capitals(fen) == said


def test_a_negative_amount_has_no_capitals() -> None:
    with pytest.raises(ValueError, match="大写金额不能为负"):
        capitals(-1)


def test_amounts_dates_and_months_have_one_form() -> None:
    assert (amount(73_500), amount(123_456_789)) == ("735.00 元", "1,234,567.89 元")
    assert (day(ON), month(Month(2026, 2))) == ("2026年2月14日", "2026年2月")


@pytest.mark.parametrize(
    ("n", "said"),
    [(1, "一"), (9, "九"), (10, "十"), (11, "十一"), (20, "二十"), (33, "三十三"), (78, "七十八")],
)
def test_articles_are_numbered_in_words(n: int, said: str) -> None:
    assert number(n) == said


def test_papers_are_named_with_their_articles() -> None:
    assert papers("M57 art.10, 22; M83") == [
        "《最低生活保障审核确认办法》（民发〔2021〕57号）第十条、第二十二条",
        "《关于进一步做好最低生活保障等社会救助兜底保障工作的通知》（民发〔2022〕83号）",
    ]
    assert papers("") == []


def test_papers_have_the_names_of_the_sources() -> None:
    sources = yaml.safe_load(files("policy").joinpath("sources.yaml").read_text("utf-8"))
    for code in {each.partition(" ")[0] for basis in BASIS.values() for each in basis.split("; ")}:
        named = PAPERS[code]
        if code not in ("C2020", "S001"):
            assert named.replace("《", "").replace("》", "") == sources[code]


def test_organs_and_places_are_called_as_they_sign() -> None:
    regions = reference().regions
    assert organ_name("370786/civil-affairs", regions, ON) == "昌邑市民政局"
    assert organ_name("370786101/township", regions, ON) == "昌邑市卜庄镇人民政府"
    assert organ_name("370786001/township", regions, ON) == "昌邑市试验街道办事处"
    assert place_name("370786101215", regions, ON) == "昌邑市卜庄镇于家福宁村"


def test_a_number_tells_organ_kind_year_and_count() -> None:
    regions = reference().regions
    said = document_number("370786/civil-affairs", "confirmation-notice", 2021, 7, regions, ON)
    assert said == "昌邑民救确〔2021〕7号"
    assert (
        document_number("370786101/township", "acceptance-notice", 2021, 7, regions, ON)
        == "卜庄救受〔2021〕7号"
    )


def test_no_two_kinds_share_their_numbers_or_templates() -> None:
    regions = reference().regions
    kinds: tuple[DocumentKind, ...] = get_args(DocumentKind)
    assert len({document_number("370786101/township", kind, 2021, 1, regions, ON) for kind in kinds}) == len(
        kinds
    )
    pinned = {template_of(kind) for kind in kinds}
    assert len(pinned) == len(kinds)
