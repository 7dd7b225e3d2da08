"""Problems (问题说明, RFC 9457): what a request is answered that is not done; never a rejected value in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

import psycopg
import structlog
from asgi_correlation_id import correlation_id
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from psycopg_pool import PoolClosed, PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.membership import HouseholdAlreadyRegistered, HouseholdUnknown
from domain.message import Refusal, code_of
from domain.region import RegionAbolished, UnknownRegion
from eventstore import errors

MEDIA_TYPE: Final = "application/problem+json"

_REFUSED: Final[Mapping[type[Refusal], int]] = {
    HouseholdUnknown: 404,
    HouseholdAlreadyRegistered: 409,
    UnknownRegion: 422,
    RegionAbolished: 422,
}
"""How a refusal of the domain is answered where it is not 422 (不符合规定)."""

_NOT_STORED: Final[Mapping[type[errors.StoreError], int]] = {
    errors.VersionConflict: 409,
    errors.ClaimConflict: 409,
    errors.StreamClosed: 409,
    errors.StreamErased: 410,
    errors.OwnerErased: 410,
    errors.ChangedCommand: 422,
    errors.NotATrial: 422,
}
"""How the store's refusals are answered where the caller can mend them; all others are faults of ours: 500."""

_TOLD: Final[Mapping[type[errors.StoreError], tuple[str, ...]]] = {errors.VersionConflict: ("current",)}
"""Which facts of a store's refusal are handed on."""

_PERSONAL: Final = frozenset({"member"})
"""Facts of a refusal that may repeat what somebody is called: left out of its sentence."""

_HTTP: Final[Mapping[int, tuple[str, str]]] = {
    400: ("bad-request", "请求无法读懂。请检查请求的格式。"),
    404: ("not-found", "没有这个地址。请检查路径。"),
    405: ("method-not-allowed", "该地址不支持这种操作。"),
    413: ("too-large", "请求的内容过大。请减小后重试。"),
    415: ("unsupported-media-type", "不支持这种内容类型。请使用 application/json。"),
}
_FAULTY: Final[Mapping[str, str]] = {
    "missing": "缺少此项。",
    "uuid_parsing": "不是有效的编号。",
    "uuid_type": "不是有效的编号。",
    "int_parsing": "须为整数。",
    "int_type": "须为整数。",
    "bool_parsing": "须为 true 或 false。",
    "date_from_datetime_parsing": "须为日期，例如 2026-09-10。",
    "date_parsing": "须为日期，例如 2026-09-10。",
    "greater_than_equal": "不能小于 {ge}。",
    "less_than_equal": "不能大于 {le}。",
    "string_too_long": "不能超过 {max_length} 个字符。",
    "string_pattern_mismatch": "格式不对。",
    "enum": "须为以下之一：{expected}。",
    "literal_error": "须为以下之一：{expected}。",
    "json_invalid": "不是有效的 JSON。",
    "extra_forbidden": "不认识此项。",
}

DESCRIBED: Final[dict[int | str, dict[str, Any]]] = {
    "default": {
        "description": "问题说明（RFC 9457）",
        "content": {
            MEDIA_TYPE: {
                "schema": {
                    "type": "object",
                    "required": ["type", "title", "status", "code", "requestId"],
                    "properties": {
                        "type": {"type": "string", "description": "问题的种类，含义不变"},
                        "title": {"type": "string", "description": "给人看的说明"},
                        "status": {"type": "integer"},
                        "code": {"type": "string", "description": "种类的英文代码"},
                        "ruleId": {"type": "string", "description": "所依据的条款"},
                        "requestId": {"type": "string", "description": "请求编号，查日志用"},
                        "errors": {"type": "array", "items": {"type": "object"}},
                    },
                }
            }
        },
    }
}
"""How an endpoint's description says that it may answer a problem; in place of FastAPI's own 422."""

_log = structlog.stdlib.get_logger(__name__)


class Problem(Exception):
    """请求未能办理。"""

    status: ClassVar[int] = 400
    headers: ClassVar[Mapping[str, str]] = {}

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        super().__init__(self.code)

    @property
    def code(self) -> str:
        """The stable English code, last part of `type`: `CursorInvalid` → `cursor-invalid`."""
        return code_of(type(self))

    @property
    def sentence(self) -> str:
        """The sentence shown to people: the class docstring with the facts filled in."""
        return (type(self).__doc__ or "").strip().format(**self.facts)


class DatabaseUnavailable(Problem):
    """数据库暂时无法使用。请稍后重试。"""

    status = 503
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "1"}


class ReadModelsMissing(Problem):
    """查询数据尚未建立。请启动后台（hulian work）后重试。"""

    status = 503
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "5"}


def answer(
    status: int,
    code: str,
    title: str,
    *,
    rule: str | None = None,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """A problem as a response: `type` and `code` never change their meaning, `title` is for people."""
    body = {
        "type": f"/problems/{code}",
        "title": title,
        "status": status,
        "code": code,
        "ruleId": rule,
        "requestId": correlation_id.get(),
        **more,
    }
    told = {name: value for name, value in body.items() if value is not None}
    return JSONResponse(told, status, {"Cache-Control": "no-store", **(headers or {})}, MEDIA_TYPE)


def unexpected() -> Response:
    """The answer where the fault is ours; what it was stands in the log under the request's id."""
    return answer(500, "unexpected", "系统内部错误，已记录。请凭请求编号联系管理员。")


def handle_problems(app: FastAPI) -> None:
    """Answer everything that may be raised while a request is handled as a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(errors.StoreError, _store_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    for lost in (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed):
        app.add_exception_handler(lost, _database_lost)
    app.add_exception_handler(psycopg.errors.UndefinedTable, _read_models_missing)


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return answer(error.status, error.code, error.sentence, headers=error.headers)


async def _refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    status = next((_REFUSED[kind] for kind in type(error).__mro__ if kind in _REFUSED), 422)
    told = {name: fact for name, fact in error.facts.items() if name not in _PERSONAL}
    return answer(status, error.code, type(error)(**told).sentence, rule=error.article or None)


async def _store_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, errors.StoreError)
    status = _NOT_STORED.get(type(error))
    if status is None:
        _log.error("store refused", code=error.code)
        return unexpected()
    facts: dict[str, Any] = {name: error.facts.get(name) for name in _TOLD.get(type(error), ())}
    return answer(status, error.code, error.sentence, **facts)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return answer(
        422, "invalid-request", "请求中有不合要求的项，请按说明改正。", errors=faults(error.errors())
    )


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code, title = _HTTP.get(error.status_code, (f"http-{error.status_code}", "请求未能办理。"))
    return answer(error.status_code, code, title, headers=error.headers)


async def _database_lost(request: Request, error: Exception) -> Response:
    _log.error("database unavailable", error=type(error).__name__)
    return await _problem(request, DatabaseUnavailable())


async def _read_models_missing(request: Request, _: Exception) -> Response:
    return await _problem(request, ReadModelsMissing())


def faults(found: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """What is wrong with which part of a request: where, which, a stable code and advice; never the value."""
    told = []
    for fault in found:
        kind = str(fault["type"])
        where, *path = [str(part) for part in fault["loc"]]
        # pydantic names an unknown field by what the caller wrote: that is a value, too
        if kind == "extra_forbidden":
            path = path[:-1]
        # a parse error's place in the text says nothing about a field
        if kind == "json_invalid":
            path = []
        advice = _FAULTY.get(kind, "不合要求。").format(**fault.get("ctx", {}))
        told.append({"in": where, "name": ".".join(path), "code": kind.replace("_", "-"), "title": advice})
    return told
