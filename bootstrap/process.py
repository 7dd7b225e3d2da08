"""Long-running processes (进程) of an installation: their name, their stop signal, and reference data kept current."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import structlog

from application.reference.adoption import ReferenceRefresh
from bootstrap.wiring import Installation

Role = Literal["work", "serve"]
_NAME = "hulian {} {}:{}"
_HOST_LETTERS = 36

_log = structlog.get_logger("hulian")


def name_connections(role: Role) -> None:
    """Let all connections of this process say what it is, so that `hulian status` can count processes."""
    host = socket.gethostname().encode("ascii", "replace").decode()[:_HOST_LETTERS]
    os.environ.setdefault("PGAPPNAME", _NAME.format(role, host, os.getpid()))


@contextmanager
def stop_signal() -> Iterator[threading.Event]:
    """An event that is set by SIGTERM or SIGINT."""
    stop = threading.Event()

    def set_stop(*_: object) -> None:
        stop.set()

    before = {number: signal.signal(number, set_stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


RENEWED_EVERY = 5.0
"""After at most so many seconds, decisions here are taken by what another process has adopted."""


@contextmanager
def reference_kept_current(installation: Installation, every: float = RENEWED_EVERY) -> Iterator[None]:
    """A thread takes over what other processes adopt (packs, calendar editions, regions) while the block runs."""
    adopted = ReferenceRefresh(installation.store, installation.pool, installation.reference)
    stop = threading.Event()

    def follow() -> None:
        said = None
        while not stop.wait(every):
            try:
                if adopted.refresh():
                    _log.info("reference data renewed")
                said = None
            except Exception as error:
                # whatever went wrong, decisions continue by what was in force before
                if said is not type(error):
                    _log.error("reference data not renewed", error=type(error).__name__)
                said = type(error)

    thread = threading.Thread(target=follow, name="reference")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
