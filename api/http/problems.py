"""Problems (问题说明, RFC 9457): what a request is answered that is not done; never a rejected value in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, ClassVar, Final

import psycopg
import structlog
from asgi_correlation_id import correlation_id
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from psycopg_pool import PoolClosed, PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.guards.registered import HouseholdUnknown
from domain.intake.application import FileIncomplete
from domain.intake.completeness import PaperNotToBeAsked
from domain.members.registration import HouseholdAlreadyRegistered
from domain.papers.documents import DocumentUnknown
from domain.values.refusals import Refusal, code_of
from eventstore import errors
from eventstore.attachments import AttachmentChanged, AttachmentTooLarge, AttachmentUnknown

MEDIA_TYPE: Final = "application/problem+json"

_REFUSED: Final[Mapping[type[Refusal], int]] = {
    HouseholdUnknown: 404,
    HouseholdAlreadyRegistered: 409,
    DocumentUnknown: 404,
}
"""How a refusal of the domain is answered where it is not 422 (不符合规定)."""

_NOT_STORED: Final[Mapping[type[errors.StoreError], int]] = {
    errors.VersionConflict: 412,
    errors.ClaimConflict: 409,
    errors.StreamClosed: 409,
    errors.StreamErased: 410,
    errors.OwnerErased: 410,
    errors.ChangedCommand: 422,
    errors.NotATrial: 422,
    AttachmentTooLarge: 413,
    AttachmentUnknown: 404,
    AttachmentChanged: 422,
}
"""How the store's refusals are answered where the caller can mend them; all others are faults of ours: 500."""

_HELD: Final[Mapping[type[errors.StoreError], str]] = {
    errors.VersionConflict: "该户已有更新的记录。请重新查询该户，确认后再办。",
    errors.StreamClosed: "该户已并入另一户，不能再办理。请到并入后的户办理。",
    errors.StreamErased: "该户的个人信息已依法抹除，不能再办理。",
    errors.ChangedCommand: "该办理编号已用于另一项办理。请换用新的编号（Idempotency-Key）。",
    errors.ClaimConflict: "该成员在同一时期已由他户占用类别或身份，不能重复。请先核实，或在原户终止后再办。",
}
"""Sentences that stand in for the store's own, which speak of streams or tell words of the program."""

_OURS: Final = frozenset({
    "act", "category", "channel", "day", "died_on", "due", "earlier", "ends", "first", "ground", "heads",
    "highest", "how", "key", "kind", "last", "level", "line", "lowest", "method", "missing", "month", "months",
    "name", "needed", "number", "on", "organ", "outcome", "paper", "per_capita", "place", "ratio", "reason",
    "returned", "second", "since", "standard", "step", "successors", "term", "title", "to", "until", "what",
    "which", "why", "year", "years",
})  # fmt: skip
"""Facts of refusals that are the program's own words (days, amounts, words for codes, organs)."""

_CODES: Final = frozenset({"code", "region"})
"""Facts a caller may have typed, told when they look like a region code."""

_TYPED: Final[Mapping[type[Refusal], frozenset[str]]] = {
    FileIncomplete: frozenset({"missing"}),
    PaperNotToBeAsked: frozenset({"paper"}),
}
"""Where a name that stands in `_OURS` is the caller's text all the same."""

_REGION_CODE: Final = re.compile(r"[0-9]{2,12}")

_HTTP: Final[Mapping[int, tuple[str, str]]] = {
    400: ("bad-request", "请求无法读懂。请检查请求的格式。"),
    404: ("not-found", "没有这个地址。请检查路径。"),
    401: ("token-missing", "请先登录：请求没有携带访问令牌。"),
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

_FORMATS: Final[Mapping[str, str]] = {
    "Idempotency-Key": "须为 8 至 200 个字母、数字或者 _ . : -，每次办理换一个，例如一个 UUID。",
    "If-Match": '须为所依据的版本，即查阅该户时应答中的 ETag，例如 "v17"。',
    "X-Min-Position": "须原样填写先前应答中的 X-Position。",
    "region": "须为 2 至 12 位数字的区划代码。",
    "area": "须为 2 至 12 位数字的区划代码。",
    "firstMonth": "须为月份，例如 2026-07。",
    "lastMonth": "须为月份，例如 2026-07。",
}
"""How to write what has a form of its own, by name."""

INVALID: Final = "请求中有不合要求的项，请按说明改正。"

_log = structlog.stdlib.get_logger(__name__)


class Problem(Exception):
    """请求未能办理。"""

    status: ClassVar[int] = 400
    headers: ClassVar[Mapping[str, str]] = {}

    def __init__(self, *, headers: Mapping[str, str] | None = None, **facts: object) -> None:
        self.facts = facts
        self.more_headers = headers or {}
        super().__init__(self.code)

    @property
    def code(self) -> str:
        """The stable English code, last part of `type`: `CursorInvalid` → `cursor-invalid`."""
        return code_of(type(self))

    @property
    def sentence(self) -> str:
        """The sentence shown to people: the class docstring with the facts filled in."""
        return (type(self).__doc__ or "").strip().format(**self.facts)

    @property
    def more(self) -> Mapping[str, Any]:
        """What the problem says beside its sentence, for programs."""
        return {}

    @property
    def rule(self) -> str | None:
        """The rule it rests on, where there is one."""
        rule = self.facts.get("rule")
        return rule if isinstance(rule, str) else None


class Denied(Problem):
    """不允许查阅或办理。"""

    # Refused to somebody known, perhaps about a household: on record like a look (`api.access.access_log`).

    status = 403


class WentOn(Problem):
    """该户已并入另一户。请改向 Location 所指的户查询或办理。"""

    # `household` is the one it went on in: the same path with that id in place of the first is the way.

    status = 308


class ChangedMeanwhile(Problem):
    """该户已有更新的记录，现为第 {current} 步：{title}（{on}，{who}）。请重新查询该户，确认后再办。"""

    # the store's own conflict, told with the step that came in between and who took it

    status = 412

    def __init__(self, current: int, by: Mapping[str, str | None]) -> None:
        who = "　".join(each for each in (by["organ"], by["officer"]) if each)
        super().__init__(
            headers={"ETag": etag(current)}, current=current, title=by["title"], on=by["on"], who=who
        )
        self.by = {name: value for name, value in by.items() if value is not None}

    @property
    def code(self) -> str:
        """The same as without who it was: it is the same problem."""
        return errors.VersionConflict().code

    @property
    def more(self) -> Mapping[str, Any]:
        return {"currentVersion": self.facts["current"], "changedBy": self.by}


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


def too_large() -> Response:
    """The answer to a body that nobody will read."""
    return answer(413, *_HTTP[413])


def handle_problems(app: FastAPI) -> None:
    """Answer everything that may be raised while a request is handled as a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(WentOn, _went_on)
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(errors.StoreError, _store_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    for lost in (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed):
        app.add_exception_handler(lost, _database_lost)
    app.add_exception_handler(psycopg.errors.UndefinedTable, _read_models_missing)


def told(error: Problem) -> Response:
    """One of our own problems as a response."""
    headers = {**error.headers, **error.more_headers}
    return answer(error.status, error.code, error.sentence, rule=error.rule, headers=headers, **error.more)


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return told(error)


async def _went_on(request: Request, error: Exception) -> Response:
    assert isinstance(error, WentOn)
    there = str(error.facts["household"])
    here = str(request.path_params["household"])
    path = request.url.path.replace(here, there, 1)
    way = f"{path}?{request.url.query}" if request.url.query else path
    return answer(error.status, error.code, error.sentence, headers={"Location": way}, household=there)


async def _refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    status = next((_REFUSED[kind] for kind in type(error).__mro__ if kind in _REFUSED), 422)
    return answer(status, error.code, sentence_of(error), rule=error.article or None)


def sentence_of(refusal: Refusal) -> str:
    """A refusal's sentence with what the caller typed left out: nothing rejected is repeated."""
    typed = _TYPED.get(type(refusal), frozenset())
    told = {name: fact for name, fact in refusal.facts.items() if name not in typed and _fit(name, fact)}
    return type(refusal)(**told).sentence


def _fit(name: str, fact: object) -> bool:
    if not isinstance(fact, str):
        return True
    return name in _OURS or (name in _CODES and _REGION_CODE.fullmatch(fact) is not None)


async def _store_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.StoreError)
    status = next((_NOT_STORED[kind] for kind in type(error).__mro__ if kind in _NOT_STORED), None)
    if status is None:
        _log.error("store refused", code=error.code)
        return unexpected()
    sentence = _HELD.get(type(error)) or error.sentence
    if isinstance(error, errors.VersionConflict) and _is_of_path(request, error.facts.get("stream")):
        # the stream's version now, for who wants to look again and decide
        current = error.current or 0
        return answer(status, error.code, sentence, headers={"ETag": etag(current)}, currentVersion=current)
    return answer(status, error.code, sentence)


def _is_of_path(request: Request, stream: object) -> bool:
    """Whether what is told of a stream is about the household of the path; one that is not named is."""
    return stream is None or str(stream) == str(request.path_params.get("household"))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    own = _methods(request, written_out=True)
    if own and request.method not in own:
        return _method_refused(own)
    return answer(400, "invalid-request", INVALID, errors=faults(error.errors()))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return _method_refused(_methods(request))
    code, title = _HTTP.get(error.status_code, (f"http-{error.status_code}", "请求未能办理。"))
    return answer(error.status_code, code, title, headers=error.headers)


def _method_refused(methods: AbstractSet[str]) -> Response:
    code, title = _HTTP[405]
    return answer(405, code, title, headers={"Allow": ", ".join(sorted(methods))})


def _methods(request: Request, *, written_out: bool = False) -> AbstractSet[str]:
    """The methods of an address on whichever routes they stand, by default of those written out where there are.

    A router knows those of the first route that fits, which may be a household's for what is no household.
    """
    path = request.scope["path"]
    fit = [
        route
        for route in iter_route_contexts(request.app.routes)
        if route.methods and route.path_regex.match(path)
    ]
    literal = {method for route in fit if route.path == path for method in route.methods or ()}
    return literal if literal or written_out else {method for route in fit for method in route.methods or ()}


async def _database_lost(request: Request, error: Exception) -> Response:
    _log.error("database unavailable", error=type(error).__name__)
    return await _problem(request, DatabaseUnavailable())


async def _read_models_missing(request: Request, _: Exception) -> Response:
    return await _problem(request, ReadModelsMissing())


def faults(found: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """What is wrong with which part of a request: where, a JSON pointer, a stable code, advice; never the value.

    A fault found by our own readers brings its advice along in `ctx`.
    """
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
        context = fault.get("ctx", {})
        advice = context.get("advice") or _FAULTY.get(kind, "不合要求。").format_map(context)
        if kind == "string_pattern_mismatch" and path:
            advice = _FORMATS.get(path[-1], advice)
        # pydantic joins the words one may choose from in English
        advice = advice.replace("' or '", "'、'").replace("', '", "'、'")
        told.append(
            {
                "in": where,
                "pointer": "".join(f"/{_escaped(part)}" for part in path),
                "code": kind.replace("_", "-"),
                "detail": advice,
            }
        )
    return told


def etag(version: int) -> str:
    """How a household's version is written in `ETag` and `If-Match`."""
    return f'"v{version}"'


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")
