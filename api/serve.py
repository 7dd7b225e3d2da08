"""Serving (服务): uvicorn on a socket that is open already, stopped gently by SIGTERM, SIGINT or whoever holds it."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI

GRACE: Final = 10
"""How many seconds requests under way are given when the server stops."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class ApiServer(uvicorn.Server):
    """One server on one open socket; `run(sockets=[…])` returns once it has stopped, and leaves the signal
    that stopped it to nobody: what stands below still has to be closed."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def __init__(self, config: uvicorn.Config, stopping: Callable[[], None]) -> None:
        super().__init__(config)
        self._stopping = stopping

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # a second Ctrl-C does not wait any longer
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.stop()

    def stop(self) -> None:
        """Take no more requests, end the streams, finish what is under way, then return from `run`."""
        self.should_exit = True
        self._stopping()


def server(app: FastAPI, listening: socket.socket, grace: int = GRACE) -> ApiServer:
    """A server for the app; its log lines come by the process's own logging.

    The app is told which address it is really reached at: development tokens depend on it.
    """
    address = listening.getsockname()
    app.state.listens_on = address[0] if isinstance(address, tuple) else None
    return ApiServer(
        uvicorn.Config(
            app,
            lifespan="on",
            ws="none",
            log_config=None,
            # requests are logged by the app, without what stands in their addresses
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=grace,
        ),
        getattr(app.state, "stopping", _nothing),
    )


def _nothing() -> None:
    """An app without streams."""


def serve(app: FastAPI, listening: socket.socket, grace: int = GRACE) -> None:
    """Serve until SIGTERM or SIGINT (in the main thread), then finish what is under way and return."""
    server(app, listening, grace).run(sockets=[listening])


@contextmanager
def serving(app: FastAPI, listening: socket.socket, grace: int = GRACE) -> Iterator[ApiServer]:
    """Serve on a thread of this process while the block runs."""
    running = server(app, listening, grace)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, name="api")
    thread.start()
    try:
        yield running
    finally:
        running.stop()
        thread.join()
