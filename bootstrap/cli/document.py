"""`hulian document` (文书): issue documents, list them, write out a page as it was issued; every access is recorded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, get_args
from uuid import UUID, uuid4

import typer
from rich.console import Console
from rich.table import Table

from application.describing.commands import parse
from application.handling.request import Request
from bootstrap.cli.household_lookup import household_of
from bootstrap.cli.options import Household, Json, Officer, print_json
from bootstrap.settings import load_settings
from bootstrap.wiring import database, migrated_installation, today
from domain.values.issued import DOCUMENT_WORDS, DocumentKind, IssuedDocument
from domain.values.person import HouseholdId
from domain.values.receipt import Actor
from domain.values.refusals import Refusal
from eventstore.access_records import Access, access_log

app = typer.Typer(help="文书：制发、列出、写出打印页。", no_args_is_help=True)

PURPOSE = "case-handling"


class DocumentKindUnknown(Refusal):
    """没有这种文书；可用：{kinds}。"""


class DocumentErased(Refusal):
    """该户的个人信息已依法抹除，文书不能再显示。"""


@app.command("list")
def list_documents(household: Household, officer: Officer = "cli", as_json: Json = False) -> None:
    """列出一户的全部文书，连同送达情况；每次查看都留下记录。"""
    settings = load_settings()
    with (
        database(settings) as where,
        migrated_installation(where, settings.key_directory) as installation,
    ):
        installation.caught_up()
        known = HouseholdId(household_of(installation, household))
        access_log(installation.pool)([Access(known, officer, None, PURPOSE, ("documents",))])
        kept = installation.documents.of(known)
    if as_json:
        print_json([_plain(each) for each in kept])
    else:
        _table(kept)


@app.command("issue")
def issue_document(
    household: Household,
    kind: Annotated[str, typer.Argument(help="文书种类，例如 acceptance-notice。")],
    organ: Annotated[str, typer.Option(help="制发机构：区划代码/部门，例如 370786101/township。")],
    officer: Officer = "cli",
    about: Annotated[str | None, typer.Option(help="所涉事项或文书的编号；不填即最近一件。")] = None,
    on: Annotated[str | None, typer.Option(help="制发日期，年-月-日；不填即今天。")] = None,
    replaces: Annotated[str | None, typer.Option(help="被更正文书的编号。")] = None,
    reason: Annotated[str | None, typer.Option(help="更正的原因。")] = None,
    as_json: Json = False,
) -> None:
    """制发一份文书：编号、印制、留存。已经制发的不重复制发。"""
    if kind not in get_args(DocumentKind):
        raise DocumentKindUnknown(kinds="、".join(f"{k}（{word}）" for k, word in DOCUMENT_WORDS.items()))
    said: dict[str, object] = {"on": on or today(), "kind": kind}
    said |= {
        name: value
        for name, value in (("about", about), ("replaces", replaces), ("reason", reason))
        if value is not None
    }
    command = parse("issue-document", said)
    settings = load_settings()
    with (
        database(settings) as where,
        migrated_installation(where, settings.key_directory) as installation,
    ):
        installation.caught_up()
        known = HouseholdId(household_of(installation, household))
        issued = installation.documents.issue(Request(uuid4(), command, Actor(officer, organ), known))
    if as_json:
        typer.echo(
            json.dumps({"document": str(issued.document), "number": issued.number}, ensure_ascii=False)
        )
    else:
        typer.echo(f"{issued.number}　{issued.document}")
        typer.echo(f"写出打印页：hulian document show {issued.document} --out 文书.html")


@app.command("show")
def show_document(
    document: Annotated[UUID, typer.Argument(help="文书编号（UUID）。")],
    out: Annotated[Path, typer.Option("--out", help="写到哪个文件；用浏览器打开后打印。")],
    officer: Officer = "cli",
) -> None:
    """把一份文书按制发时的原样写出；每次查看都留下记录。"""
    settings = load_settings()
    with (
        database(settings) as where,
        migrated_installation(where, settings.key_directory) as installation,
    ):
        page = installation.documents.read(document, actor=officer, purpose=PURPOSE)
    if page.data is None:
        raise DocumentErased
    out.write_bytes(page.data)
    typer.echo(f"已写出{page.issued.number}：{out}")


def _plain(document: IssuedDocument) -> dict[str, object]:
    return {
        "id": str(document.id),
        "kind": document.kind,
        "number": document.number,
        "organ": document.organ,
        "subject": str(document.subject),
        "on": _day(document.on),
        "delivered": _day(document.delivered_on),
        "failed": len(document.failures),
        "replaced": document.replaced,
    }


def _table(kept: Sequence[IssuedDocument]) -> None:
    table = Table("文书", "文号", "制发", "送达", "编号", title="文书", title_justify="left")
    for each in kept:
        state = "已更正替换" if each.replaced else _day(each.delivered_on) or ""
        table.add_row(DOCUMENT_WORDS[each.kind], each.number, _day(each.on), state, str(each.id))
    Console().print(table)


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
