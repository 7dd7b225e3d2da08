"""`hulian import register` (导入登记册): check the workbook, preview the import, import the good households."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

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
from bootstrap.cli.options import Json, Officer, print_json
from bootstrap.settings import Settings, load_settings
from bootstrap.wiring import Installation, database, migrated_installation, today

EVERY = 500
"""Without a terminal, one line of progress every so many households."""

T = TypeVar("T")

app = typer.Typer(help="导入（登记册等）。", no_args_is_help=True)


@app.command("register")
def register(
    file: Annotated[Path, typer.Argument(help="登记册工作簿（.xlsx）。")],
    officer: Officer = "import",
    as_json: Json = False,
    check_only: Annotated[bool, typer.Option("--check", help="只检查工作簿，不写入。")] = False,
    preview_only: Annotated[
        bool, typer.Option("--preview", help="只预览：多少户新受理、已导入、有变动、有差错；不写入。")
    ] = False,
    faults: Annotated[
        Path | None, typer.Option("--faults", help="把没有写入的各户另存为差错登记册，改正后可直接导入。")
    ] = None,
    sure: Annotated[bool, typer.Option("--yes", "-y", help="在终端上不预览、不询问，直接写入。")] = False,
) -> None:
    """导入乡镇申请登记册：先全部检查，正确的户成为已受理的申请，有差错的户整户退回并逐格说明。

    中途停下（断电、误关）时，再执行同一命令即可接着导入，不会重复受理。
    """
    request = ImportRequest(officer, as_json, check_only, preview_only, sure, faults)
    sys.exit(import_workbook(load_settings(), file, request))


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """How to import a register: `check_only` checks the workbook only, `preview_only` compares it with the store.

    `faults` is the path of the correction workbook. With `sure` no question is asked on a terminal.
    """

    officer: str = "import"
    as_json: bool = False
    check_only: bool = False
    preview_only: bool = False
    sure: bool = False
    faults: Path | None = None


def import_workbook(settings: Settings, file: Path, request: ImportRequest) -> int:
    """Import a register; returns the exit status: 0 when every household was imported, 1 when some were not."""
    with (
        database(settings) as where,
        migrated_installation(where, settings.key_directory) as installation,
    ):
        with _waiting(f"读取并核对 {file.name} …", quiet=request.as_json):
            checked = check(read_register(file), villages_of(installation.reference.regions), today())
        if not request.as_json:
            for line in summary_table(checked):
                typer.echo(line)
        said: dict[str, object] = to_json(checked) if request.as_json else {}
        stopped: list[Imported] = []
        done: list[Imported] = []
        asked = not (request.check_only or request.sure or request.as_json) and _on_terminal()
        if request.preview_only or asked:
            seen = _previewed(installation, checked, request)
            stopped = seen.stopped
            said |= {"preview": seen.to_json()}
        if asked and not request.preview_only and not typer.confirm("\n写入以上新受理的各户？"):
            typer.echo("没有写入。")
            return 1
        if not request.check_only and not request.preview_only:
            entered = import_register(installation.handler, checked, request.officer)
            bar = _with_progress(entered, len(checked.good), "导入", quiet=request.as_json)
            done = sorted(bar, key=lambda each: each.row)
            stopped = [each for each in done if each.state in ("refused", "changed")]
            said |= {"imported": [_json(each) for each in done]}
    if request.as_json:
        print_json(said)
    elif done:
        _say(checked, done)
    if request.faults is not None:
        _write_faults(request.faults, file, checked, stopped, quiet=request.as_json)
    return 1 if checked.errors or stopped else 0


def _previewed(installation: Installation, checked: Checked, request: ImportRequest) -> Preview:
    looked = prospects(installation.handler, checked, request.officer)
    seen = preview(checked, _with_progress(looked, len(checked.good), "预览", quiet=request.as_json))
    if not request.as_json:
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
    """Pass all items on and show progress: a bar with the time left on a terminal, elsewhere a line now and then."""
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


def _json(each: Imported) -> dict[str, object]:
    return {
        "household": each.local_number,
        "row": each.row,
        "state": each.state,
        "id": each.household,
        "code": each.code,
        "reason": each.reason,
    }
