"""What every operation says of itself (接口说明): its problems, and what the whole document adds to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from api.http.problems import MEDIA_TYPE

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


def _problem(words: str) -> dict[str, Any]:
    return {"description": words, "content": {MEDIA_TYPE: {"schema": _PROBLEM}}}
