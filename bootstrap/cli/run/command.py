"""`hulian run` (执行脚本): a script carried out in a fresh trial store, or in this installation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from application.handling.request import Handled
from application.scripts.script import Occurrence
from application.scripts.script_reader import read_script
from application.scripts.script_run import ScriptRun, ScriptStopped, run_script
from bootstrap.cli.options import Json, print_json
from bootstrap.cli.run.outcome import outcome_json
from bootstrap.cli.show import print_steps
from bootstrap.settings import Settings, load_settings
from bootstrap.trial_store import fresh_trial
from bootstrap.wiring import Installation, database, embedded, migrated_installation
from domain.values.money import yuan
from domain.values.refusals import Refusal
from projections.chain import Step, chain_of


class ScriptNotText(Refusal):
    """脚本文件“{file}”不是 UTF-8 文本；请另存为 UTF-8 编码的 YAML 文件。"""


def command(
    file: Annotated[Path, typer.Argument(help="脚本文件（YAML）。")],
    as_json: Json = False,
    into: Annotated[bool, typer.Option("--into", help="写入本系统，而不是用完即弃的试验库。")] = False,
) -> None:
    """按脚本办理一户或数户的救助链。默认在新建的试验库中进行，时钟跟随脚本。"""
    outcome = run_file(load_settings(), file, into=into, quiet=as_json)
    if as_json:
        print_json(outcome.data)
    elif outcome.stopped is None:
        outcome.show()
    if outcome.stopped is not None:
        raise outcome.stopped


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a script has led to, read from the read models; `data` is what `--json` prints."""

    run: ScriptRun
    data: dict[str, Any]
    chains: dict[str, tuple[Step, ...]]
    into: bool
    stopped: ScriptStopped | None = None

    def show(self) -> None:
        """Print each household's chain as a table, its categories and sums, and the steps refused as expected."""
        for key, steps in self.chains.items():
            household = self.run.households[key]
            print_steps(household, steps, f"{self.run.script.title}：{key}（{household}）")
            self._sum_up(key)
        for refused in self.run.refused:
            typer.echo(f"第{refused.step}步按预期被拒：{refused.sentence} [{refused.code}] {refused.article}")
        if self.into:
            typer.echo(f"已写入本系统，新增事实 {self.run.events} 条。")

    def _sum_up(self, key: str) -> None:
        told = self.data["households"][key]
        for spell in told["categories"]:
            until = f"至 {spell['to']} 前" if spell["to"] else "至今"
            typer.echo(f"  {spell['subject']}：{spell['category']} {spell['from']} {until}")
        settled = sum(payment["fen"] for payment in told["payments"] if payment["state"] == "settled")
        typer.echo(f"  累计到账 {yuan(settled)} 元；第 {told['cycle']} 轮。\n")


def run_file(settings: Settings, file: Path, *, into: bool, quiet: bool = True) -> Outcome:
    """Run a script file; a run that stops at a step has the outcome so far and `stopped`.

    Raises `ScriptRefused` before anything is written.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ScriptNotText(file=file.name) from None
    script = read_script(text, file.stem)
    with _store_for(settings, into) as installation:
        stopped = None
        try:
            with _progress(len(list(script.occurrences())), quiet) as tell:
                run = run_script(script, installation.handler, progress=tell)
        except ScriptStopped as stop:
            stopped, run = stop, stop.run
        installation.caught_up()
        with installation.pool.connection() as connection:
            chains = {key: tuple(chain_of(connection, each)) for key, each in run.households.items()}
            return Outcome(run, outcome_json(run, connection, stopped), chains, into, stopped)


@contextmanager
def _store_for(settings: Settings, into: bool) -> Iterator[Installation]:
    if into:
        with (
            database(settings) as where,
            migrated_installation(where, settings.key_directory) as installation,
        ):
            yield installation
    else:
        with embedded(settings) as server, fresh_trial(server) as trial:
            yield trial


@contextmanager
def _progress(total: int, quiet: bool) -> Iterator[Any]:
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    from rich.progress import Progress

    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("执行脚本", total=total)

        def tell(occurrence: Occurrence, handled: Handled | None) -> None:
            bar.update(task, advance=1, description=f"执行脚本 {_day(occurrence.on)}")

        yield tell


def _day(day: date) -> str:
    return day.isoformat()
