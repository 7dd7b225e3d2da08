"""Our own processes as they run in production (`hulian work`, `hulian serve`), started, watched and stopped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from bench.databases import Installed
from bench.processes import WorkerFailed
from bench.server import BenchServer

_STARTING: Final = 60.0
_STOPPING: Final = 30.0
_LOOKED_EVERY: Final = 0.05
_TICK: Final = os.sysconf("SC_CLK_TCK")


class Running:
    """One process at work."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    def alive(self) -> None:
        """Nothing while it runs; raises `WorkerFailed` with the end of its log when it has ended."""
        if self._process.poll() is not None:
            raise WorkerFailed(f"{self._process.returncode}: {self._log.read_text('utf-8')[-3000:]}")

    def memory(self) -> tuple[int, int]:
        """What it holds now and the most it has held, in KiB."""
        status = Path(f"/proc/{self._process.pid}/status").read_text("ascii", "replace")
        known = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        return int(known["VmRSS"].split()[0]), int(known["VmHWM"].split()[0])

    def ended(self, server: BenchServer) -> tuple[int, float]:
        """Wait until it ends by itself: the most memory it was seen to hold, in KiB, and its seconds of CPU.

        Raises `WorkerFailed` with the end of its log when it failed.
        """
        peak, used = 0, 0.0
        while self._process.poll() is None:
            with suppress(WorkerFailed, OSError, KeyError, IndexError):
                peak, used = max(peak, self.memory()[1]), self.cpu()
            # what its connections use is seen only while they are there
            server.cpu()
            time.sleep(_LOOKED_EVERY)
        if self._process.returncode:
            self.alive()
        return peak, used

    def cpu(self) -> float:
        """Seconds of CPU it has used, all threads."""
        stat = (
            Path(f"/proc/{self._process.pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        )
        return (int(stat[11]) + int(stat[12])) / _TICK


@contextmanager
def running(made: Installed, *command: str, more: Mapping[str, str] | None = None) -> Iterator[Running]:
    """`python -m bootstrap COMMAND` of an installation, ended in order on the way out."""
    log = made.home / f"{command[0]}.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HULIAN_")}
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "bootstrap", *command],
            env={**environment, **made.environment, **(more or {})},
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        yield Running(process, log)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOPPING)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def serving(made: Installed) -> Iterator[tuple[Running, str]]:
    """The API on a port of its own, answering, and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with running(made, "serve", more={"HULIAN_HOST": "127.0.0.1", "HULIAN_PORT": str(port)}) as process:
        until = time.monotonic() + _STARTING
        while not _answers(f"{address}/healthz"):
            process.alive()
            if time.monotonic() > until:
                raise WorkerFailed("the API does not answer")
            time.sleep(0.1)
        yield process, address


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
