"""`hulian up` (一键启动): a whole installation on one machine, with samples, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from application.register.checking import check, villages_of
from application.register.importing import import_register
from application.register.reading import read_register
from bootstrap.addresses import Addresses
from bootstrap.cli.run.command import run_file
from bootstrap.cli.token import development_token
from bootstrap.process import stop_signal
from bootstrap.settings import Settings, listen, load_settings
from bootstrap.wiring import database, opened, ready, today

SCRIPTS = ("story-yu.yaml", "story-ling.yaml")
"""The stories shipped as samples and carried out at the first start."""
REGISTER = "register-sample.xlsx"
COUNTY = "370786/civil-affairs"
READY_SECONDS = 60.0
STOP_SECONDS = 30.0


def command(
    host: Annotated[str | None, typer.Option(help="监听地址，默认 127.0.0.1。")] = None,
    port: Annotated[int | None, typer.Option(help="监听端口；不设而被占用时取下一个空闲端口。")] = None,
) -> None:
    """启动一套完整的系统：数据库、示例、接口和后台，Ctrl-C 停止，数据保留。"""
    sys.exit(up(load_settings(host=host, port=port)))


def up(settings: Settings) -> int:
    """Start everything, print how to use it, wait for Ctrl-C, stop everything in order; returns the exit status."""
    with ExitStack() as stack:
        typer.echo("正在启动数据库 …")
        where = stack.enter_context(database(settings))
        typer.echo("正在升级数据库结构，采用政策包 …")
        ready(where, settings.key_directory)
        household = _samples(settings, where)
        stop = stack.enter_context(stop_signal())
        port = _free_port(settings)
        environment = {
            "HULIAN_HOME": str(settings.home),
            "HULIAN_HOST": settings.host,
            "HULIAN_PORT": str(port),
        }
        logs = settings.home / "logs"
        worker = stack.enter_context(_child("work", environment, logs))
        api = stack.enter_context(_child("serve", environment, logs))
        url = f"http://{_shown(settings.host)}:{port}"
        if not _answers(f"{url}/healthz", api, worker):
            typer.echo(f"服务没有启动成功，详情见日志：{logs}", err=True)
            return 3
        _say(settings, url, household, logs)
        while not stop.wait(1.0):
            for name, child in (("work", worker), ("serve", api)):
                if child.poll() is not None:
                    typer.echo(f"{name} 已意外停止（{child.returncode}），详情见日志：{logs}", err=True)
                    return 3
        typer.echo("正在停止 …")
    typer.echo("已停止，数据保留。再次启动：make up")
    return 0


def _samples(settings: Settings, where: Addresses) -> UUID:
    """Carry out the sample stories and import the sample register; what is there already is left as it is.

    Answers the household of the last story.
    """
    typer.echo("正在载入示例 …")
    samples = files("samples")
    for name in SCRIPTS:
        with as_file(samples.joinpath(name)) as script:
            outcome = run_file(settings, script, into=True)
    with (
        as_file(samples.joinpath(REGISTER)) as workbook,
        opened(where, settings.key_directory, pool_size=2) as installation,
    ):
        checked = check(read_register(workbook), villages_of(installation.reference.regions), today())
        done = list(import_register(installation.handler, checked, "import"))
    accepted = sum(each.state == "accepted" for each in done)
    typer.echo(
        f"示例：故事 {len(SCRIPTS)} 户；登记册受理 {len(checked.good)} 户（本次新增 {accepted} 户），"
        f"退回 {checked.seen - len(checked.good)} 户。"
    )
    return next(iter(outcome.run.households.values()))


def _say(settings: Settings, url: str, household: UUID, logs: Path) -> None:
    token = development_token(settings, "dev", COUNTY, 8, region="cn")
    typer.echo(
        f"""
户链已启动：{url}
接口说明：{url}/docs
日志：{logs}

开发令牌（8 小时，仅在本机有效，可查阅全部辖区）：
  export TOKEN={token}

另开一个终端，设好令牌，试试这三条命令：
  curl -H "Authorization: Bearer $TOKEN" "{url}/v1/households"
  .venv/bin/hulian show {household}
  .venv/bin/hulian import register samples/{REGISTER}

按 Ctrl-C 停止。"""
    )


def _free_port(settings: Settings) -> int:
    with listen(settings) as socket:
        return int(socket.getsockname()[1])


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@contextmanager
def _child(command: str, environment: Mapping[str, str], logs: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A child process in a session of its own, so that Ctrl-C stops it through this process and in order."""
    logs.mkdir(parents=True, exist_ok=True)
    with (logs / f"{command}.log").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "bootstrap", command],
            env={**os.environ, **environment},
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _answers(url: str, *children: subprocess.Popen[bytes]) -> bool:
    """Whether the address answers in time while all child processes are alive."""
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        if any(child.poll() is not None for child in children):
            return False
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    return False
