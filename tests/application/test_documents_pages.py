"""Every kind of document is a page of a real household: its parts are there, and it prints on A4."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import cache
from typing import get_args
from uuid import uuid5

import pytest

from domain.change.adjustment import AdjustBenefit
from domain.change.hearing import HearOpinion
from domain.change.review import Recertify
from domain.change.termination import TerminateBenefit
from domain.decision.confirmation import RefuseApplication
from domain.decision.extension import ExtendLimit
from domain.decision.file_return import ReturnFile
from domain.intake.application import EndProcedure
from domain.intake.application_closure import DeclineApplication
from domain.intake.completeness import NotifyMissingItems
from domain.values.issued import DOCUMENT_WORDS, DocumentKind
from domain.values.person import HouseholdId
from tests import stories
from tests.application.papers import PAPERS, issued, lived, page_of
from tests.database import TestServer
from tests.installations import installed
from tests.scenario import Life

ON, END = date(2025, 4, 21), date(2025, 4, 28)
TOWNSHIP, COUNTY = "990301100/township", "990301/civil-affairs"
REASONS = "经核查，家庭收入情况与申报一致，按规定办理。"


def up_to(step: str, *, by: Callable[[Life], Life] = stories.township, eligible: bool = True) -> Life:
    return by(stories.on_the_road(stories.ling_registered(ON), ON, until=step, eligible=eligible))


def reduced() -> Life:
    """In Dibao since 2025-04-28, checked and reduced the year after by more income."""
    story = stories.ling_in_dibao(ON)
    on = date(2026, 5, 11)
    story = stories.township(story).when(
        HearOpinion(on, "reduction", stories.person(story, 0), "同意"), Recertify(on, (stories.other(1200),))
    )
    return stories.county(story).when(AdjustBenefit(on, REASONS))


def terminated() -> Life:
    return stories.county(stories.ling_heard()).when(
        TerminateBenefit(date(2026, 9, 10), "income-above-standard", REASONS)
    )


STORIES: Mapping[DocumentKind, tuple[Callable[[], Life], str, tuple[str, ...]]] = {
    "missing-items-notice": (
        lambda: up_to("authorise").when(NotifyMissingItems(ON, ("住院费用发票", "残疾人证"))),
        TOWNSHIP,
        ("<li>住院费用发票</li>", "<li>残疾人证</li>", "不再要求补充其他材料"),
    ),
    "non-acceptance-notice": (
        lambda: up_to("apply").when(DeclineApplication(ON, "wrong-place", REASONS, "990801")),
        TOWNSHIP,
        ("不予受理", "不属于本地受理", "试验八一县", REASONS),
    ),
    "acceptance-notice": (
        lambda: up_to("accept"),
        TOWNSHIP,
        ("30个工作日", "2025年4月24日前启动", "第十条、第二十二条"),
    ),
    "verification-authorisation": (lambda: up_to("authorise"), TOWNSHIP, ("岭某某", "签名（按指印）")),
    "home-visit-form": (lambda: up_to("visit"), TOWNSHIP, ("岭小", "600.00 元", "w1、w2")),
    "verification-result": (
        lambda: up_to("report", eligible=False),
        TOWNSHIP,
        ("不符合最低生活保障条件", "异议"),
    ),
    "public-notice": (
        lambda: up_to("post"),
        TOWNSHIP,
        ("岭某", "3人", "1,080.00 元", "2025年4月21日至2025年4月28日"),
    ),
    "file-return-notice": (
        lambda: up_to("receive", by=stories.county).when(ReturnFile(END, ("入户调查表",), REASONS)),
        COUNTY,
        ("试验三一县试验镇人民政府：", "第1次退回", "<li>入户调查表</li>"),
    ),
    "extension-notice": (
        lambda: up_to("report", by=stories.county).when(ExtendLimit(ON, "person-apart", REASONS, "w7")),
        COUNTY,
        ("人户分离", "延长办理期限至"),
    ),
    "approval-form": (
        lambda: stories.ling_in_dibao(ON),
        COUNTY,
        ("990301198105050038", "拟予确认", "壹仟零捌拾元整", "公示期满无异议"),
    ),
    "confirmation-notice": (
        lambda: stories.ling_in_dibao(ON),
        COUNTY,
        ("确认为最低生活保障", "1,080.00 元", "壹仟零捌拾元整", "2025年5月"),
    ),
    "refusal-decision": (
        lambda: up_to("receive", by=stories.county).when(RefuseApplication(END, "other", REASONS)),
        COUNTY,
        ("决定不予确认", REASONS, "人均月收入为200.00 元"),
    ),
    "procedure-end-notice": (
        lambda: up_to("accept").when(EndProcedure(ON, "not-cooperating", REASONS)),
        TOWNSHIP,
        ("无正当理由拒绝配合调查", "终止审核确认程序"),
    ),
    "grace-form": (stories.ling_graced, COUNTY, ("2026年4月至2026年9月，共6个月", "就业")),
    "hearing-record": (stories.ling_heard, TOWNSHIP, ("同意", "停发", "2026年9月3日")),
    "reduction-notice": (reduced, COUNTY, ("由每月", "减为每月", "大写：", REASONS)),
    "termination-notice": (terminated, COUNTY, ("自2026年10月起停发", "家庭人均收入不低于", REASONS)),
    "transfer-notice": (stories.ling_marginal, TOWNSHIP, ("最低生活保障边缘家庭认定程序", "2026年9月8日")),
    "delivery-receipt": (lambda: up_to("accept"), TOWNSHIP, ("受理通知书", "送达方式", "见证人签名")),
}
REMEDY = ("60日内向试验三一县人民政府申请行政复议", "6个月内依法向人民法院提起行政诉讼")
REMEDIED = {
    "non-acceptance-notice",
    "refusal-decision",
    "procedure-end-notice",
    "reduction-notice",
    "termination-notice",
}
DATE = re.compile(r"<p>\d{4}年\d{1,2}月\d{1,2}日</p>")


Page = Callable[[DocumentKind], str]


@pytest.fixture(scope="module")
def page(server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page of a kind, issued for its story's household on the day of the story's last fact."""

    @cache
    def shown(kind: DocumentKind) -> str:
        begin, organ, _ = STORIES[kind]
        story = begin()
        household, on = HouseholdId(uuid5(PAPERS, kind)), story.events[-1].on
        lived(office, story, household)
        if kind == "delivery-receipt":
            issued(office, "acceptance-notice", on, organ, household)
        return page_of(office, issued(office, kind, on, organ, household).document)

    keys = tmp_path_factory.mktemp("keys")
    with server.databases() as databases, installed(databases, keys) as office:
        yield shown


def test_every_kind_has_a_story() -> None:
    assert set(STORIES) == set(get_args(DocumentKind))


@pytest.mark.parametrize("kind", STORIES)
def test_its_parts_are_there(kind: DocumentKind, page: Page) -> None:
    said = page(kind)
    assert '<html lang="zh-CN">' in said
    assert f">{DOCUMENT_WORDS[kind]}</h1>" in said
    assert re.search(r'<p class="number">.+救.+〔20\d\d〕\d+号</p>', said)
    assert "《" in said.partition("<h2>依据</h2>")[2]
    for part in STORIES[kind][2]:
        assert part in said, part
    for part in REMEDY:
        assert (part in said) == (kind in REMEDIED)
    if kind not in ("home-visit-form", "hearing-record"):  # signed, not sealed
        assert "（印章）" in said
        assert DATE.search(said)
    assert "None" not in said
    assert not re.search(r"(src|href)=|url\(|<script", said), "nothing is fetched to print a page"


def test_the_board_shows_name_members_and_amount_and_nothing_else(page: Page) -> None:
    said = page("public-notice")
    body = said.partition("<body")[2]
    assert body.count("岭某") == 1
    for forbidden in (
        "岭某某",
        "岭小",
        "990301198",
        "上岭村",
        "1981",
        "户编号",
        "账户",
        "住址：",
        "劳动能力",
    ):
        assert forbidden not in body, forbidden


@pytest.mark.parametrize("kind", sorted(set(STORIES) - {"approval-form"}))
def test_only_the_approval_form_shows_id_numbers(kind: DocumentKind, page: Page) -> None:
    assert not re.search(r"\d{17}", page(kind))


@pytest.mark.parametrize(
    "kind", ["acceptance-notice", "approval-form", "home-visit-form", "refusal-decision"]
)
def test_it_prints_on_one_or_two_sheets_of_a4(kind: DocumentKind, chromium: str, page: Page) -> None:
    from playwright.sync_api import sync_playwright

    said = page(kind)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        sheet = browser.new_page(offline=True)
        sheet.set_content(said)
        text = sheet.inner_text("body")
        wide = sheet.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        pdf = sheet.pdf(prefer_css_page_size=True)
        browser.close()
    assert DOCUMENT_WORDS[kind] in text
    assert "岭某" in text
    assert not wide
    sizes = re.findall(rb"/MediaBox ?\[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert 1 <= len(re.findall(rb"/Type ?/Page\b", pdf)) <= 2
    assert {(round(float(w)), round(float(h))) for w, h in sizes} == {(595, 842)}
