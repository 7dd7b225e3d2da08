"""`hulian doctor` (自检): what is wrong with this installation, and the one command that mends it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import psycopg
import typer

from bootstrap.addresses import Addresses
from bootstrap.cli.doctor.finding import Finding, Limits
from bootstrap.cli.doctor.machine import key_directory, key_files, machine
from bootstrap.cli.doctor.rights import rights, usable
from bootstrap.cli.doctor.server import answering, servers
from bootstrap.cli.doctor.upkeep import upkeep
from bootstrap.cli.exit_status import NOT_IN_ORDER
from bootstrap.cli.options import Json, print_json
from bootstrap.installation_state import said_of
from bootstrap.settings import Settings, as_role, load_settings
from bootstrap.wiring import running_addresses


def command(as_json: Json = False) -> None:
    """检查这套系统哪里不对，并给出修复它的那一条命令。"""
    findings = examine(load_settings())
    if as_json:
        print_json([finding.to_json() for finding in findings])
    else:
        for finding in findings:
            typer.echo(finding.line())
    sys.exit(NOT_IN_ORDER if any(finding.wrong for finding in findings) else 0)


def examine(settings: Settings, limits: Limits | None = None) -> list[Finding]:
    """Check everything an installation needs. Nothing is changed, and the embedded server is not started."""
    return list(_examined(settings, limits or Limits()))


def _examined(settings: Settings, limits: Limits) -> Iterator[Finding]:
    yield from machine(settings.home, limits)
    yield from key_directory(settings.key_directory)
    where = running_addresses(settings)
    if where is None:
        yield Finding("数据库", "内置数据库没有运行", wrong=True, mend="hulian up", code="not-running")
        return
    if settings.embedded:
        yield Finding(
            "数据库",
            "内置数据库仅供试用、培训和离线办公：没有传输加密；运行它的操作系统用户可以改动一切，不能防篡改",
            warning=True,
            mend="正式使用请设置 HULIAN_DATABASE_URL 与 HULIAN_KEYS_URL",
            code="embedded",
        )
    found, answer, migrated = answering(where)
    yield from found
    if not answer:
        return
    try:
        yield from _reached(where, settings, limits, migrated=migrated)
    except psycopg.OperationalError as refused:
        yield Finding(
            "数据库", f"检查中途连接断开（{said_of(refused)}）", wrong=True, mend="hulian doctor", code="lost"
        )


def _reached(where: Addresses, settings: Settings, limits: Limits, *, migrated: bool) -> Iterator[Finding]:
    if migrated:
        yield from rights(where)
    yield from servers(where, settings, limits)
    if migrated and usable(where):
        with psycopg.connect(as_role(where.keys, "hulian_keys"), connect_timeout=5, autocommit=True) as keys:
            yield from key_files(settings.key_directory, keys)
        yield from upkeep(where, settings, limits)
