"""The crew (各进程): the installation's processes, started again whenever they end, as systemd would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

AWAY = 3
"""The exit status of a program whose database is away."""
_RESTART = 0.3
_REPOSITORY = Path(os.path.abspath(__file__)).parents[2]


@dataclass
class Member:
    """One process that is kept running: how it is started, and how it says that it is up.

    `command` and `more` (its environment) are asked at every start; `up` looks at the log of this start.
    """

    name: str
    command: Callable[[], Sequence[str]]
    more: Callable[[], Mapping[str, str]]
    up: Callable[[str], bool]
    ended: Callable[[int], bool] = lambda status: False
    """Told the exit status of one that ended by itself; answers whether that is as it should be."""
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    is_up: bool = False
    due: float = 0.0
    wanted: bool = True
    _log_from: int = field(default=0, repr=False)


class Crew:
    """Starts, watches, kills and stops members; used by one thread."""

    def __init__(self, environment: Mapping[str, str], logs: Path) -> None:
        self._environment = environment
        self._logs = logs
        self.members: dict[str, Member] = {}
        self.unexpected: list[str] = []
        """Members that ended by themselves with a status that is not for a database gone away."""
        self.away = 0
        """How often a member ended because the database was away."""

    def add(self, member: Member) -> None:
        """Keep this one running from now on."""
        self.members[member.name] = member
        self._start(member)

    def tend(self) -> list[str]:
        """Start again who ended, see who came up; the names of those that came up just now."""
        came = []
        for member in self.members.values():
            process = member.process
            if process is not None:
                status = process.poll()
                if status is None:
                    if not member.is_up and member.up(self._said(member)):
                        member.is_up = True
                        came.append(member.name)
                    continue
                self._note(member, status)
                member.process, member.is_up, member.due = None, False, time.monotonic() + _RESTART
            if member.wanted and time.monotonic() >= member.due:
                self._start(member)
        return came

    def alive(self) -> list[str]:
        """Who is up and can be killed."""
        return [m.name for m in self.members.values() if m.is_up and m.process and m.process.poll() is None]

    def kill(self, name: str) -> None:
        """SIGKILL a member with all it started; it is started again by `tend`."""
        member = self.members[name]
        process = member.process
        if process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        member.process, member.is_up, member.due = None, False, time.monotonic()

    def replace(self, name: str) -> None:
        """Have a member end as it likes (SIGTERM) and start anew, as an upgrade does."""
        self.stop([name])
        member = self.members[name]
        member.wanted, member.due = True, time.monotonic()

    def stop(self, names: Sequence[str], patience: float = 60.0) -> None:
        """Have members end as they like (SIGTERM), and wait; SIGKILL after so many seconds, which is noted."""
        for name in names:
            member = self.members[name]
            member.wanted = False
            if member.process is not None:
                with suppress(ProcessLookupError):
                    member.process.send_signal(signal.SIGTERM)
        until = time.monotonic() + patience
        for name in names:
            member = self.members[name]
            if member.process is None:
                continue
            try:
                status = member.process.wait(max(0.1, until - time.monotonic()))
                if status not in (0, -signal.SIGTERM):
                    self._note(member, status)
            except subprocess.TimeoutExpired:
                self.unexpected.append(f"{name} did not end within {patience:.0f} s of SIGTERM")
                self.kill(name)
            member.process, member.is_up = None, False

    def close(self) -> None:
        """Nobody is left."""
        for name, member in self.members.items():
            member.wanted = False
            self.kill(name)

    def _start(self, member: Member) -> None:
        log = self._log(member)
        member.starts += 1
        member._log_from = log.stat().st_size if log.exists() else 0
        with log.open("ab") as target:
            member.process = _spawn(member.command(), {**self._environment, **member.more()}, target)

    def _note(self, member: Member, status: int) -> None:
        if member.ended(status):
            return
        if status == AWAY:
            self.away += 1
            return
        last = self._said(member).strip().splitlines()
        self.unexpected.append(f"{member.name} ended with {status}: {last[-1] if last else ''}"[:400])

    def _log(self, member: Member) -> Path:
        return self._logs / f"{member.name}.log"

    def _said(self, member: Member) -> str:
        with self._log(member).open("rb") as log:
            log.seek(member._log_from)
            return log.read().decode(errors="replace")


def _spawn(
    command: Sequence[str], environment: Mapping[str, str], target: IO[bytes]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=_REPOSITORY,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=target,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C is for the driver alone
    )
