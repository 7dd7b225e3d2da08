"""The request log (请求日志): one line a request, without anything that stands in its address or body."""

from __future__ import annotations

import logging
import time
import traceback
from pathlib import Path
from typing import Final
from uuid import uuid4

import structlog
from asgi_correlation_id import correlation_id
from asgi_correlation_id.middleware import FAILED_VALIDATION_MESSAGE, is_valid_uuid4
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.metrics import Requests
from api.http.openapi_docs import VERSION
from api.http.problems import unexpected

_QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics"})

_REQUEST_ID: Final = b"x-request-id"
_VERSION: Final = (b"api-version", VERSION.encode())

_log = structlog.stdlib.get_logger("hulian.request")
_corrected = logging.getLogger("asgi_correlation_id")


class RequestLog:
    """ASGI middleware that logs each request by its route, and answers 500 where the app broke.

    Every answer says the number of the request (the caller's `X-Request-ID`, if it is one) and the version of the
    API. All of this is one layer: each more would be passed by every message of every request.

    An exception's message may hold personal data, so only its kind and where it was raised are logged.
    """

    def __init__(self, app: ASGIApp, requests: Requests) -> None:
        self.app = app
        self.requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        number = _number(scope)
        correlation_id.set(number)
        status = 0
        begun = time.perf_counter()
        began = begun
        streams = False

        async def told(message: Message) -> None:
            nonlocal status, began, streams
            if message["type"] == "http.response.start":
                status, began = message["status"], time.perf_counter()
                streams = _is_stream(message)
                message["headers"] = [*message["headers"], _VERSION, (_REQUEST_ID, number.encode())]
            await send(message)

        try:
            await self.app(scope, receive, told)
        except Exception as error:
            _log.error("failed", route=_route(scope), error=type(error).__name__, at=_where(error))
            if status:
                # half an answer is out: let the server break the connection, without the message in its log
                raise BrokenAnswer from None
            await unexpected()(scope, receive, told)
        finally:
            route = _route(scope)
            ended = began if streams else time.perf_counter()
            self.requests.seen(scope["method"], route, status, ended - begun)
            if route not in _QUIET:
                _log.info(
                    "request",
                    method=scope["method"],
                    route=route,
                    status=status,
                    ms=round((time.perf_counter() - begun) * 1000, 1),
                    officer=scope.get("hulian.officer"),
                )


class BrokenAnswer(Exception):
    """The app broke after its answer had begun; the line logged before says where."""


def _number(scope: Scope) -> str:
    """The number the caller gave the request; a new one where there is none that is good."""
    given = next((value.decode("latin-1") for name, value in scope["headers"] if name == _REQUEST_ID), "")
    if given and is_valid_uuid4(given):
        return given
    number = uuid4().hex
    if given:
        _corrected.warning(FAILED_VALIDATION_MESSAGE, number)
    return number


def _route(scope: Scope) -> str:
    """The template of the path, never the path itself: people type ID numbers anywhere."""
    return str(getattr(scope.get("route"), "path", "-"))


def _is_stream(start: Message) -> bool:
    """Whether the answer goes on for as long as somebody listens."""
    return any(
        name == b"content-type" and value.startswith(b"text/event-stream") for name, value in start["headers"]
    )


def _where(error: Exception) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    return [f"{'/'.join(Path(frame.filename).parts[-2:])}:{frame.lineno} {frame.name}" for frame in frames]
