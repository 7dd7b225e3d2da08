"""The documentation page (/docs) in Chromium without a network: whole, in Chinese, nothing asked of others."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pytest

from tests.contract.town import Town

if TYPE_CHECKING:
    from playwright.sync_api import Page

ALONE: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # no name is looked up: what is not this machine's is nowhere
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
SHOWN: Final = os.environ.get("HULIAN_SCREENSHOTS")
"""A folder to keep pictures in, for who wants to look."""


@pytest.fixture
def page(chromium: str) -> Iterator[Page]:
    """A page of a browser that reaches nothing but this machine."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(ALONE))
        context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="zh-CN")
        yield context.new_page()
        browser.close()


def test_the_documentation_reads_without_a_network(town: Town, page: Page, document: dict[str, Any]) -> None:
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda line: said.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))

    page.goto(f"{town.url}/docs")
    page.wait_for_selector(".opblock-tag-section")
    assert page.title() == "户链 HuLian 接口说明"
    assert "户链 HuLian" in page.inner_text(".info .title")
    _kept(page, "docs")
    tags = page.locator(".opblock-tag")
    assert tags.count() == len({each["tags"][0] for each in _operations(document)})

    # one chapter at a time: of very many open ones, only those in sight are on the page
    shown: list[str] = []
    for number in range(tags.count()):
        tags.nth(number).click()
        section = page.locator(".opblock-tag-section.is-open")
        section.locator(".opblock-summary-description").first.wait_for()
        shown += section.locator(".opblock-summary-description").all_inner_texts()
        tags.nth(number).click()
        section.wait_for(state="detached")
    assert sorted(shown) == sorted(each["summary"] for each in _operations(document))

    page.locator(".opblock-tag", has_text="申请与受理").click()
    page.locator(".opblock-summary", has_text="登记申请").first.click()
    opened = page.locator(".opblock.is-open")
    opened.locator(".opblock-body .responses-table").first.wait_for()
    told = opened.inner_text()
    assert "Idempotency-Key" in told
    assert "缺少 If-Match" in told
    opened.scroll_into_view_if_needed()
    _kept(page, "docs-operation")

    assert said == []
    assert {urlsplit(each).netloc for each in asked if not each.startswith("data:")} == {
        urlsplit(town.url).netloc
    }
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in document["paths"].values() for operation in path.values()]


def _kept(page: Page, name: str) -> None:
    if SHOWN:
        page.screenshot(path=Path(SHOWN) / f"{name}.png", full_page=False)
