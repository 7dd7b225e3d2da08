"""This machine (本机): Python, room on the disk, the key files."""

from __future__ import annotations

import os
import pwd
import shlex
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from psycopg import Connection

from bootstrap.cli.doctor.finding import Finding, Limits
from bootstrap.installation_state import disk
from eventstore.keys.fingerprints import PURPOSES, fingerprint, known


def machine(home: Path, limits: Limits) -> Iterator[Finding]:
    """Python and the disk under the data directory."""
    yield Finding("Python", sys.version.split()[0])
    free, _ = disk(home)
    room = f"{home} 所在磁盘可用 {free / (1 << 30):.1f} GiB"
    if free < limits.free_bytes:
        look = f"du -xh --max-depth=3 {shlex.quote(str(home))} | sort -h | tail -n 20"
        yield Finding("磁盘", f"{room}，请腾出空间（先看哪里占得多）", wrong=True, mend=look, code="disk-low")
    else:
        yield Finding("磁盘", room)


def key_directory(directory: Path) -> Iterator[Finding]:
    """Whether the key files exist and nobody else can read them."""
    if not directory.exists():
        yield Finding(
            "密钥", "尚未生成，首次启动时生成", warning=True, mend="hulian migrate", code="keys-new"
        )
        return
    shown = shlex.quote(str(directory))
    if not os.access(directory, os.R_OK | os.X_OK):
        user = pwd.getpwuid(os.geteuid()).pw_name
        mend = f"sudo chown -R {user} {shown}"
        yield Finding("密钥", "当前用户读不到密钥目录", wrong=True, mend=mend, code="keys-unreadable")
        return
    open_files = [
        str(path.relative_to(directory))
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.suffix != ".pub" and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    if stat.S_IMODE(directory.stat().st_mode) & 0o077:
        open_files.insert(0, ".")
    if open_files:
        yield Finding(
            "密钥",
            f"{shown} 中 {'、'.join(open_files)} 可被他人读取",
            wrong=True,
            mend=f"chmod -R go-rwx {shown}",
            code="keys-open",
        )
    else:
        yield Finding("密钥", "密钥文件仅本用户可读；请与数据库分开备份")


def key_files(directory: Path, keys: Connection[Any]) -> Iterator[Finding]:
    """Whether the key files of this keys database are here and are the right ones; asked as `hulian_keys`."""
    for purpose in PURPOSES:
        for each in known(keys, purpose):
            if each.retired_at is not None:
                continue
            file = directory / f"{purpose}-{each.version}.key"
            copy = f"cp -p 密钥文件备份目录/keys/{file.name} {shlex.quote(str(directory))}/"
            if not file.is_file():
                yield Finding(
                    "密钥",
                    f"{file.name} 不见了：没有它，个人信息不能解开。请从密钥文件备份放回，切勿另行生成",
                    wrong=True,
                    mend=copy,
                    code="key-file-missing",
                )
            elif os.access(file, os.R_OK) and fingerprint(purpose, file.read_bytes()) != each.fingerprint:
                yield Finding(
                    "密钥",
                    f"{file.name} 不是密钥库所用的那一个。请从密钥文件备份放回",
                    wrong=True,
                    mend=copy,
                    code="key-file-wrong",
                )
