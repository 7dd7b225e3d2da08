"""What every operation says of itself (接口说明): its problems, and what the whole document adds to them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.command_shapes import shape_of
from api.problems import MEDIA_TYPE
from domain.catalogue import COMMANDS

VERSION: Final = "1.0.0"
"""The version of the API itself, told in `API-Version`; additions only, until `/v2`."""

_WORDS: Final[Mapping[int, str]] = {
    308: "该户已并入另一户，请改向 Location 所指的户查询或办理",
    400: "请求有不合要求的项，全部列在 errors 中",
    401: "没有登录，或令牌无效、已过期",
    403: "当前角色、用途或辖区不允许",
    404: "没有该户，或不在您的辖区内",
    406: "不能以所要求的格式回答",
    409: "与已有的登记冲突，或查询数据尚未更新到所求的位置",
    410: "个人信息已依法抹除",
    412: "该户已有更新的版本，见 currentVersion 和 changedBy",
    413: "请求的内容过大",
    415: "不支持这种内容类型",
    422: "不符合规定，或同一办理编号用于不同内容",
    428: "缺少 If-Match",
    429: "请求过于频繁，见 Retry-After",
    503: "暂时无法办理，见 Retry-After",
}
_CHINESE_NAME: Final = re.compile(r"^[ -~]+\(([^()]*[一-鿿][^()]*)\)[ -~]*$")
_PROBLEM: Final = {"$ref": "#/components/schemas/Problem"}

PROBLEM_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "description": "问题说明（RFC 9457）",
    "required": ["type", "title", "status", "code", "requestId"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "问题的种类，含义不变"},
        "title": {"type": "string", "description": "给人看的说明"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "种类的英文代码"},
        "ruleId": {"type": "string", "description": "所依据的条款或规则"},
        "requestId": {"type": "string", "description": "请求编号，查日志用"},
        "currentVersion": {"type": "integer", "description": "该户现在的版本"},
        "changedBy": {
            "type": "object",
            "description": "该户最近的一步，及其经办",
            "required": ["title", "on", "recordedAt"],
            "properties": {
                "officer": {"type": "string", "description": "经办人代号；system: 开头的为系统"},
                "organ": {"type": "string", "description": "机构"},
                "title": {"type": "string", "description": "步骤"},
                "on": {"type": "string", "format": "date", "description": "办理日期"},
                "recordedAt": {"type": "string", "format": "date-time", "description": "记录时刻"},
            },
        },
        "household": {"type": "string", "format": "uuid", "description": "并入的户"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["in", "pointer", "code", "detail"],
                "properties": {
                    "in": {"type": "string", "enum": ["path", "query", "header", "body", "cookie"]},
                    "pointer": {"type": "string", "description": "所指的项：JSON Pointer（RFC 6901）"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
    "examples": [
        {
            "type": "/problems/household-unknown",
            "title": "该户尚未登记，请先登记家庭及成员。",
            "status": 404,
            "code": "household-unknown",
            "requestId": "4bf92f3577b34da6a3ce929d0e0e4736",
        }
    ],
}


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems an operation may answer, by status; any other one is the same shape."""
    return {
        **{status: _problem(_WORDS[status]) for status in sorted(statuses)},
        "default": _problem("其他问题"),
    }


def _header(words: str, example: str) -> dict[str, Any]:
    return {"description": words, "schema": {"type": "string"}, "example": example}


ANSWERED: Final[dict[str, Any]] = {
    "ETag": _header("该户现在的版本，下次办理放入 If-Match", '"v7"'),
    "X-Position": _header("写入到的位置，查询时放入 X-Min-Position", "17:4711"),
    "Idempotent-Replayed": _header("同一编号先前已经办理，这是当时的结果", "true"),
}
"""Headers of the answer to a command."""

LOCATION: Final[dict[str, Any]] = {"Location": _header("新登记的户", "/v1/households/…")}

READ: Final = (400, 401, 403, 409, 503)
"""Problems every read may answer."""

OF_ONE: Final = (*READ, 308, 404)
"""Problems a read of one household may answer."""


def describe(app: FastAPI, tags: Iterable[tuple[str, str]]) -> None:
    """Have the app describe itself with everything FastAPI does not say; worked out once, when first asked."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, tags)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI, tags: Iterable[tuple[str, str]]) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=VERSION,
        description=app.description,
        routes=app.routes,
        tags=[{"name": name, "description": words} for name, words in tags],
        contact={"name": "HuLian 户链", "url": "https://hulian.example/contact"},
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        servers=[{"url": "/", "description": "本服务"}],
    )
    # not handed to FastAPI, which would want another library to check it
    document["info"]["contact"]["email"] = "support@hulian.example"
    components = document.setdefault("components", {})
    schemas: dict[str, Any] = components.setdefault("schemas", {})
    components["headers"] = {
        "API-Version": {"description": "接口版本", "schema": {"type": "string"}, "example": VERSION}
    }
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for schema in schemas.values():
        # a type of the domain describes itself in English, its Chinese name in brackets
        named = _CHINESE_NAME.search(schema.get("description", ""))
        if named is not None:
            schema["description"] = named[1]
    for name, schema in _own_schemas():
        if schemas.setdefault(name, schema) != schema:
            raise ValueError(f"two different shapes are called {name}")
    for operation in _operations(document):
        _complete(operation)
    components["responses"] = dict(_shared(document))
    return document


def _shared(document: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """The problems, which are the same everywhere, by name; the operations are left with references to them."""
    shared: dict[str, Any] = {}
    for operation in _operations(document):
        for status, response in operation["responses"].items():
            name = "Problem" if status == "default" else f"Problem{status}"
            if MEDIA_TYPE in response.get("content", {}) and shared.setdefault(name, response) == response:
                operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}
    return sorted(shared.items())


def _own_schemas() -> Iterable[tuple[str, Any]]:
    yield "Problem", PROBLEM_SCHEMA
    for name in COMMANDS:
        yield from shape_of(name).schemas.items()


def _operations(document: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    for path in document["paths"].values():
        yield from (operation for operation in path.values() if isinstance(operation, dict))


def _complete(operation: dict[str, Any]) -> None:
    component = operation.get("x-command")
    if component is not None:
        body = operation["requestBody"]
        body["content"] = {"application/json": {"schema": {"$ref": f"#/components/schemas/{component}"}}}
        body["required"] = True
    for parameter in operation.get("parameters", ()):
        # one may be left out, but there is no way to write null into an address or a header
        parameter["schema"] = _without_null(parameter["schema"])
        if parameter["name"] == "If-Match":
            # left out it is answered 428, not 400: FastAPI is not told that it is needed
            parameter["required"] = True
    responses = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
    for response in responses.values():
        if response["description"] == "Successful Response":
            response["description"] = "成功"
        stream = response.get("content", {}).get("text/event-stream")
        if stream is not None:
            # belongs to OpenAPI 3.2
            stream.pop("itemSchema", None)
        response.setdefault("headers", {})["API-Version"] = {"$ref": "#/components/headers/API-Version"}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    inner = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    return {**inner[0], **rest} if len(inner) == 1 else schema


def _problem(words: str) -> dict[str, Any]:
    return {"description": words, "content": {MEDIA_TYPE: {"schema": _PROBLEM}}}
