"""The straight way (直达): a plain read goes from the socket to its endpoint without the framework in between.

What FastAPI does for every request (matching route after route, a tree of dependencies, stacks to close, a checkpoint
at each hop) costs more than a read of a household itself. A request that is right in every respect needs none of it:
its route is found by its path, its token is asked once, its endpoint runs on a thread and answers. Whatever is not so
(no token or a bad one, another purpose, a value that cannot be read, another method) goes the long way and is answered
there, so that there is one place that refuses. Routes, their documents and their endpoints are the same for both.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, Final, NamedTuple
from uuid import UUID

from anyio import WouldBlock
from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI
from fastapi.dependencies.utils import request_params_to_args
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.access.identity import Identity, Purpose, Tokens, identified, reader_of, reading
from api.http.freshness import POSITION_ASKED, is_position
from api.http.problems import Problem

READY: Final = "hulian.ready"
"""Where in its scope a request stands that may go straight."""

_OF_ONE: Final = re.compile(
    r"/v1/households/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(/[a-z-]+)?"
)
_BEARER: Final = b"Bearer "
_BODY: Final = (b"content-length", b"transfer-encoding")


class Way(NamedTuple):
    """A route that may be gone straight, and what its endpoint is called with."""

    route: Any
    endpoint: Callable[..., Any]
    soon: bool
    household: str | None
    identity: str | None
    reader: str | None
    request: str | None
    position: str | None
    query: list[Any]


class Ready(NamedTuple):
    """A request that is right: what is left is to run it."""

    run: Callable[[], Any]
    soon: bool
    request: Request


class Straight:
    """The plain reads of an app."""

    def __init__(self, app: FastAPI, threads: int) -> None:
        self._app = app
        self._ways: dict[str, Way] = {}
        self._threads = ThreadPoolExecutor(threads, "read")

    def learn(self, routes: Iterable[Any]) -> None:
        """Take up the routes that need nothing but a household, a reader and plain parameters."""
        for route in iter_route_contexts(list(routes)):
            original = getattr(route, "original_route", None) or route
            if (
                isinstance(original, APIRoute)
                and original.methods == {"GET"}
                and route.path not in self._ways
            ):
                way = _way(original, route)
                if way is not None:
                    self._ways[str(route.path)] = way

    def ready(self, scope: Scope) -> Ready | None:
        """The request of a scope, when it may go straight."""
        if scope["method"] != "GET" or scope.get("root_path"):
            return None
        path: str = scope["path"]
        household: str | None = None
        found = _OF_ONE.fullmatch(path)
        if found is not None:
            household = found[1]
            path = "/v1/households/{household}" + (found[2] or "")
        way = self._ways.get(path)
        if way is None:
            return None
        headers = dict(scope["headers"])
        if len(headers) != len(scope["headers"]) or any(name in headers for name in _BODY):
            return None
        said: dict[str, Any] = {}
        who = _who(self._app, way, headers, said)
        if who is None or not _position(way, headers, said) or not _query(way, scope, said):
            return None
        scope["route"], scope["app"], scope["endpoint"] = way.route, self._app, way.endpoint
        scope["path_params"] = {}
        if way.household is not None and household is not None:
            scope["path_params"]["household"] = said[way.household] = UUID(household)
        scope["hulian.officer"] = who.officer
        scope.setdefault("state", {})["identity"] = who
        request = Request(scope)
        if way.request is not None:
            said[way.request] = request
        return Ready(partial(way.endpoint, **said), way.soon, request)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI: run what is `READY` on a thread and send its answer; what is raised is answered as everywhere."""
        ready: Ready = scope[READY]
        try:
            response = await (ready.run() if ready.soon else self._on_a_thread(ready.run))
        except Exception as error:
            response = await self._refused(ready.request, error)
        await response(scope, receive, send)

    async def _on_a_thread(self, run: Callable[[], Any]) -> Any:
        limiter, borrower = current_default_thread_limiter(), object()
        try:
            # a request waits here rather than for a connection
            limiter.acquire_on_behalf_of_nowait(borrower)
        except WouldBlock:
            await limiter.acquire_on_behalf_of(borrower)
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, copy_context().run, run)
        finally:
            limiter.release_on_behalf_of(borrower)

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False)

    async def _refused(self, request: Request, error: Exception) -> Response:
        handlers: Any = self._app.exception_handlers
        for kind in type(error).__mro__:
            if kind in handlers:
                answer: Response = await handlers[kind](request, error)
                return answer
        raise error


def _way(original: APIRoute, route: Any) -> Way | None:
    needs, endpoint = original.dependant, original.endpoint
    defaults = inspect.signature(endpoint).parameters
    called = {dependency.call: dependency.name for dependency in needs.dependencies}
    plain = (
        not (needs.body_params or needs.cookie_params)
        and not (needs.response_param_name or needs.background_tasks_param_name)
        and called.keys() <= {reading, identified}
        and len(called) == 1
        and [field.name for field in needs.path_params] in ([], ["household"])
        and [field.alias for field in needs.header_params] in ([], [POSITION_ASKED])
        and all(defaults[field.name].default is not inspect.Parameter.empty for field in needs.header_params)
        and not original.dependencies
    )
    if not plain:
        return None
    return Way(
        route,
        endpoint,
        inspect.iscoroutinefunction(endpoint),
        needs.path_params[0].name if needs.path_params else None,
        called.get(identified),
        called.get(reading),
        needs.request_param_name,
        needs.header_params[0].name if needs.header_params else None,
        list(needs.query_params),
    )


def _who(app: FastAPI, way: Way, headers: dict[bytes, bytes], said: dict[str, Any]) -> Identity | None:
    """Who asks, put among what is said; None where the long way has to tell."""
    authorization = headers.get(b"authorization", b"")
    if not authorization.startswith(_BEARER):
        return None
    tokens: Tokens = app.state.tokens
    try:
        identity = tokens.identity(authorization[len(_BEARER) :].decode("latin-1"), app.state.listens_on)
        if way.identity is not None:
            said[way.identity] = identity
        if way.reader is not None:
            purpose = headers.get(b"x-purpose")
            said[way.reader] = reader_of(
                identity, None if purpose is None else Purpose(purpose.decode("latin-1"))
            )
    except (Problem, ValueError):
        return None
    return identity


def _position(way: Way, headers: dict[bytes, bytes], said: dict[str, Any]) -> bool:
    asked = headers.get(POSITION_ASKED.lower().encode())
    if way.position is None or asked is None:
        return True
    said[way.position] = asked.decode("latin-1")
    return is_position(said[way.position])


def _query(way: Way, scope: Scope, said: dict[str, Any]) -> bool:
    text = scope["query_string"]
    if not way.query or (not text and all(not field.field_info.is_required() for field in way.query)):
        return True
    values, faults = request_params_to_args(way.query, QueryParams(text))
    said.update(values)
    return not faults
