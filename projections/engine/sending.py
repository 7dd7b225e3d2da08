"""Sending (发送): what a page writes, on its way to the server while the next read model is being folded.

One connection, one transaction, one thread: libpq takes what the socket takes, and whoever folds looks in again and
again. No statement waits for the fold, and the fold waits for no statement.
"""

from __future__ import annotations

import select
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final

import psycopg
from psycopg import Connection
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, Format

from projections.engine.columns import Packed

_SLICE: Final = 1 << 18
"""How much of a COPY libpq is handed at once: what it cannot send it would move about in its memory."""


@dataclass(frozen=True, slots=True)
class Write:
    """One statement with its values in binary form; with `body` a COPY and its whole input."""

    text: bytes
    values: Sequence[Packed] = ()
    body: bytes | None = None


class Outbox:
    """The writes of one page on one connection, in order; left by an error, it gives up what is under way.

    Nothing else may use the connection from entering to leaving; at leaving, all is written. Raises psycopg's errors
    from any call, the first there was.
    """

    def __init__(self, connection: Connection[Any]) -> None:
        self._link = connection.pgconn
        self._encoding = connection.info.encoding
        self._waiting: deque[Write] = deque()
        self._now: Write | None = None
        self._left: memoryview | None = None
        """What is left of the input of the COPY under way."""
        self._unsent = False

    def __enter__(self) -> Outbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._finish()
        else:
            self._give_up()

    def put(self, writes: Sequence[Write]) -> None:
        """Send these after all that was put before."""
        self._waiting.extend(writes)
        self.push()

    def push(self) -> None:
        """Go on as far as possible without waiting; cheap, to be called often."""
        link = self._link
        while True:
            if self._now is None:
                if not self._waiting:
                    return
                self._begin(self._waiting.popleft())
            if self._unsent:
                if link.flush():
                    link.consume_input()
                    return
                self._unsent = False
            if self._left is not None:
                self._feed(self._left)
                continue
            link.consume_input()
            if link.is_busy():
                return
            self._take_answer()

    def _begin(self, write: Write) -> None:
        self._now, self._unsent = write, True
        if write.body is not None:
            self._link.send_query(write.text)
        else:
            formats = [Format.BINARY] * len(write.values)
            self._link.send_query_params(write.text, write.values, param_formats=formats)

    def _feed(self, left: memoryview) -> None:
        if left:
            self._link.put_copy_data(left[:_SLICE])
            self._left = left[_SLICE:]
        else:
            self._link.put_copy_end()
            self._left = None
        self._unsent = True

    def _take_answer(self) -> None:
        result = self._link.get_result()
        if result is None:
            self._now = None
        elif result.status == ExecStatus.COPY_IN:
            assert self._now is not None
            self._left = memoryview(self._now.body or b"")
        elif result.status != ExecStatus.COMMAND_OK:
            raise error_from_result(result, self._encoding)

    def _finish(self) -> None:
        try:
            self.push()
            while self._now is not None:
                self._wait()
                self.push()
        except BaseException:
            self._give_up()
            raise

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._link.socket, select.POLLIN | (select.POLLOUT if self._unsent else 0))
        poll.poll()

    def _give_up(self) -> None:
        """Leave the connection idle, so that its transaction can be rolled back."""
        self._waiting.clear()
        if self._now is None:
            return
        try:
            copies = self._left is not None
            self._left = None
            while True:
                if self._unsent and self._link.flush():
                    self._link.consume_input()
                    self._wait()
                    continue
                self._unsent = False
                if copies:
                    self._link.put_copy_end(b"given up")
                    copies, self._unsent = False, True
                    continue
                self._link.consume_input()
                if self._link.is_busy():
                    self._wait()
                    continue
                result = self._link.get_result()
                if result is None:
                    break
                copies = result.status == ExecStatus.COPY_IN
        except psycopg.Error:
            # a connection that is lost has nothing under way
            pass
        self._now = None
