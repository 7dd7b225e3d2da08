"""`hulian` for a test that calls it dozens of times: one process has everything imported and forks for each command.

The command is the real one: arguments, variables, directory, streams, signals and exit status are those of the caller.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bootstrap.cli.main import SUBCOMMANDS, loaded, main

CALLER = """#!{python} -IS
import json, os, signal, socket, sys
server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
server.connect({address!r})
asked = {{"words": sys.argv[1:], "told": dict(os.environ), "at": os.getcwd()}}
socket.send_fds(server, [json.dumps(asked).encode()], [0, 1, 2])
command = int(server.recv(32))
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda number, _: os.kill(command, number))
sys.exit(int(server.recv(32) or 1))
"""
STARTED = 60.0
_LARGEST = 1 << 17


@contextmanager
def warm(directory: Path) -> Iterator[Path]:
    """A directory with a `hulian` in it that is quick, for the PATH."""
    address = directory / "warm.socket"
    caller = directory / "hulian"
    caller.write_text(CALLER.format(python=sys.executable, address=str(address)))
    caller.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HULIAN_")}
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.bootstrap.warm", str(address)],
        cwd=Path(__file__).parents[2],
        env={**environment, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )
    try:
        ends = time.monotonic() + STARTED
        while not address.exists():
            assert server.poll() is None
            assert time.monotonic() < ends
            time.sleep(0.05)
        yield directory
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def serve(address: str) -> None:
    """Take commands until killed."""
    for name in SUBCOMMANDS:
        loaded(name)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(f"{address}.new")
    listener.listen()
    os.rename(f"{address}.new", address)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        connection, _ = listener.accept()
        message, streams, _, _ = socket.recv_fds(connection, _LARGEST, 3)
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listener.close()
            _waited(connection, json.loads(message), streams)
        connection.close()
        for stream in streams:
            os.close(stream)


def _waited(connection: socket.socket, asked: dict[str, Any], streams: list[int]) -> None:
    """Fork the command, tell its number, wait for its end, tell its status; does not return."""
    command = os.fork()
    if command == 0:
        connection.close()
        _carried_out(asked, streams)
    for stream in streams:
        os.close(stream)
    connection.send(str(command).encode())
    _, ended = os.waitpid(command, 0)
    connection.send(str(os.waitstatus_to_exitcode(ended) & 0xFF).encode())
    os._exit(0)


def _carried_out(asked: dict[str, Any], streams: list[int]) -> None:
    status = 1
    try:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        os.chdir(asked["at"])
        os.environ.clear()
        os.environ.update(asked["told"])
        sys.argv = ["hulian", *asked["words"]]
        main()
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    serve(sys.argv[1])
