"""`hulian import register`: check the workbook, show what would happen, enter the good households with progress."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import typer
from rich.console import Console

from application.register.checking import check, villages_of
from application.register.correction import write_correction
from application.register.faults import shown
from application.register.importing import Imported, import_register, prospects
from application.register.preview import Preview, preview
from application.register.reading import read_register
from application.register.report import summary_table, to_json
from application.register.rows import Checked
from bootstrap.settings import Settings
from bootstrap.wiring import Installation, database, migrated_installation, today

EVERY = 500
"""Without a terminal, one line of progress every so many households."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wish:
    """How a register shall be imported: `check_only` looks at the workbook, `preview_only` at the store too.

    `faults` is where the correction workbook goes. `sure` is never asked on a terminal.
    """

    officer: str = "import"
    as_json: bool = False
    check_only: bool = False
    preview_only: bool = False
    sure: bool = False
    faults: Path | None = None


def import_workbook(settings: Settings, file: Path, wish: Wish) -> int:
    """Import a register; the exit status: 0 when every household is in, 1 when some stayed out."""
    with (
        database(settings) as where,
        migrated_installation(where, settings.key_directory) as installation,
    ):
        with _waiting(f"读取并核对 {file.name} …", quiet=wish.as_json):
            checked = check(read_register(file), villages_of(installation.reference.regions), today())
        if not wish.as_json:
            for line in summary_table(checked):
                typer.echo(line)
        said: dict[str, object] = to_json(checked) if wish.as_json else {}
        stopped: list[Imported] = []
        done: list[Imported] = []
        asked = not (wish.check_only or wish.sure or wish.as_json) and _on_terminal()
        if wish.preview_only or asked:
            seen = _previewed(installation, checked, wish)
            stopped = seen.stopped
            said |= {"preview": seen.to_json()}
        if asked and not wish.preview_only and not typer.confirm("\n写入以上新受理的各户？"):
            typer.echo("没有写入。")
            return 1
        if not wish.check_only and not wish.preview_only:
            entered = import_register(installation.handler, checked, wish.officer)
            bar = _with_progress(entered, len(checked.good), "导入", quiet=wish.as_json)
            done = sorted(bar, key=lambda each: each.row)
            stopped = [each for each in done if each.state in ("refused", "changed")]
            said |= {"imported": [_told(each) for each in done]}
    if wish.as_json:
        typer.echo(json.dumps(said, ensure_ascii=False, indent=2, default=str))
    elif done:
        _say(checked, done)
    if wish.faults is not None:
        _write_faults(wish.faults, file, checked, stopped, quiet=wish.as_json)
    return 1 if checked.errors or stopped else 0


def _previewed(installation: Installation, checked: Checked, wish: Wish) -> Preview:
    looked = prospects(installation.handler, checked, wish.officer)
    seen = preview(checked, _with_progress(looked, len(checked.good), "预览", quiet=wish.as_json))
    if not wish.as_json:
        typer.echo("")
        for line in seen.lines():
            typer.echo(line)
    return seen


def _write_faults(out: Path, file: Path, checked: Checked, stopped: list[Imported], *, quiet: bool) -> None:
    written = 0
    if checked.errors or any(each.state == "refused" for each in stopped):
        written = write_correction(out, read_register(file), checked, stopped)
    if not quiet:
        typer.echo(
            f"没有写入的 {written} 户另存为 {out}，改正后可直接导入该文件。"
            if written
            else "没有差错，不另存差错登记册。"
        )


def _on_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _waiting(words: str, *, quiet: bool) -> Any:
    return Console(stderr=True, quiet=quiet).status(words)


def _with_progress(each: Iterable[T], total: int, what: str, *, quiet: bool) -> Iterator[T]:
    """Pass everything on, with a bar and the time left on a terminal, now and then a line elsewhere."""
    console = Console(stderr=True)
    if console.is_terminal and not quiet:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        left = (TextColumn("还需"), TimeRemainingColumn(elapsed_when_finished=True))
        with Progress(*columns, *left, console=console, transient=True) as bar:
            yield from bar.track(each, total=total, description=what)
        return
    begun = time.monotonic()
    for n, one in enumerate(each, 1):
        yield one
        if n % EVERY == 0 and n < total:
            left_seconds = (time.monotonic() - begun) / n * (total - n)
            print(f"{what} {n}/{total}，约还需 {left_seconds:.0f} 秒", file=sys.stderr, flush=True)


def _say(checked: Checked, done: list[Imported]) -> None:
    counts = Counter(each.state for each in done)
    typer.echo("")
    typer.echo(
        f"已受理 {counts['accepted']} 户；此前已导入、未变动 {counts['already']} 户；"
        f"此前已导入、内容有变 {counts['changed']} 户；办理时被拒 {counts['refused']} 户；"
        f"检查退回 {checked.seen - len(checked.good)} 户。"
    )
    for each in done:
        if each.state in ("refused", "changed"):
            number = shown(each.local_number)
            typer.echo(f"  第 {each.row} 行 户编号 {number}：{each.reason} [{each.code}]")
    found = next((each for each in done if each.household is not None), None)
    if found is not None:
        typer.echo(f"查看其中一户：hulian show {found.household}")


def _told(each: Imported) -> dict[str, object]:
    return {
        "household": each.local_number,
        "row": each.row,
        "state": each.state,
        "id": each.household,
        "code": each.code,
        "reason": each.reason,
    }
