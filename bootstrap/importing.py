"""`hulian import register`: check the workbook, say every fault, enter the good households with progress."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import track

from application.register.checking import check, villages_of
from application.register.importing import Imported, import_register
from application.register.reading import read_register
from application.register.report import summary_table, to_json
from application.register.rows import Checked
from bootstrap.settings import Settings
from bootstrap.wiring import database, migrated_installation, today

EVERY = 500
"""Without a terminal, one line of progress every so many households."""


def import_workbook(settings: Settings, file: Path, officer: str, *, as_json: bool, check_only: bool) -> int:
    """Import a register; the exit status: 0 when every household is in, 1 when some stayed out."""
    register = read_register(file)
    with (
        database(settings) as where,
        migrated_installation(where, settings.key_directory) as installation,
    ):
        checked = check(register, villages_of(installation.reference.regions), today())
        if not as_json:
            for line in summary_table(checked):
                typer.echo(line)
        if check_only:
            if as_json:
                typer.echo(json.dumps(to_json(checked), ensure_ascii=False, indent=2))
            return 1 if checked.errors else 0
        entered = import_register(installation.desk, checked, officer)
        done = list(_with_progress(entered, len(checked.good), quiet=as_json))
    if as_json:
        said = to_json(checked) | {"imported": [_told(each) for each in done]}
        typer.echo(json.dumps(said, ensure_ascii=False, indent=2, default=str))
    else:
        _say(checked, done)
    return 1 if checked.errors or any(each.state == "refused" for each in done) else 0


def _with_progress(entered: Iterable[Imported], total: int, *, quiet: bool) -> Iterator[Imported]:
    console = Console(stderr=True)
    if console.is_terminal and not quiet:
        yield from track(entered, "导入", total=total, console=console, transient=True)
        return
    for n, each in enumerate(entered, 1):
        if n % EVERY == 0:
            print(f"导入 {n}/{total}", file=sys.stderr, flush=True)
        yield each


def _say(checked: Checked, done: list[Imported]) -> None:
    counts = Counter(each.state for each in done)
    typer.echo("")
    typer.echo(
        f"已受理 {counts['accepted']} 户；此前已导入、未变动 {counts['already']} 户；"
        f"办理时被拒 {counts['refused']} 户；检查退回 {checked.seen - len(checked.good)} 户。"
    )
    for each in done:
        if each.state == "refused":
            typer.echo(f"  第 {each.row} 行 户编号 {each.local_number}：{each.reason} [{each.code}]")
    shown = next((each for each in done if each.household is not None), None)
    if shown is not None:
        typer.echo(f"查看其中一户：hulian show {shown.household}")


def _told(each: Imported) -> dict[str, object]:
    return {
        "household": each.local_number,
        "row": each.row,
        "state": each.state,
        "id": each.household,
        "code": each.code,
        "reason": each.reason,
    }
