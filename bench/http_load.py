"""The load of the HTTP row: one process, some connections kept alive, each asking again once it is answered.

As cheap as it can be in Python and the same for every server: requests are bytes made before, answers are compared
with the bytes expected.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

MOST: Final = 1 << 16
_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length: "


class Asked(NamedTuple):
    """A request as it goes over the line, and the body that must come back (None: not known yet)."""

    request: bytes
    body: bytes | None = None


class WrongAnswer(Exception):
    """A server answered something else than is right."""


class Load(NamedTuple):
    """How much was answered, and in how many seconds."""

    answered: int
    seconds: float


def ask(address: tuple[str, int], request: bytes) -> bytes:
    """The body of one answer; raises `WrongAnswer` unless it is a 200."""
    with socket.create_connection(address) as line:
        line.sendall(request)
        return _whole(line)


def load(address: tuple[str, int], asked: Sequence[Asked], clients: int, seconds: float) -> Load:
    """Ask in turn over so many connections; every answer that was begun is waited for, compared and counted."""
    lines = [socket.create_connection(address) for _ in range(clients)]
    waiting: dict[int, tuple[socket.socket, Asked]] = {}
    poll = select.epoll()
    answered = n = 0
    try:
        for line in lines:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            poll.register(line.fileno(), select.EPOLLIN)
        began = time.perf_counter()
        until = began + seconds
        for line in lines:
            waiting[line.fileno()] = (line, asked[n % len(asked)])
            line.sendall(asked[n % len(asked)].request)
            n += 1
        while waiting:
            for number, _ in poll.poll(10):
                line, question = waiting[number]
                body = _whole(line)
                if body != question.body:
                    raise WrongAnswer(f"{question.request[:80]!r}: {body!r}")
                answered += 1
                if time.perf_counter() < until:
                    waiting[number] = (line, asked[n % len(asked)])
                    line.sendall(asked[n % len(asked)].request)
                    n += 1
                else:
                    del waiting[number]
        return Load(answered, time.perf_counter() - began)
    finally:
        poll.close()
        for line in lines:
            line.close()


def _whole(line: socket.socket) -> bytes:
    got = line.recv(MOST)
    head, _, body = got.partition(_END)
    if not head.startswith(b"HTTP/1.1 200"):
        raise WrongAnswer(got[:300].decode("utf-8", "replace"))
    at = head.index(_LENGTH) + len(_LENGTH)
    length = int(head[at : at + 9].split(b"\r", 1)[0])
    while len(body) < length:
        more = line.recv(MOST)
        if not more:
            raise WrongAnswer("connection closed")
        body += more
    return body
