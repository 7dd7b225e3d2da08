"""The OpenAPI document (接口文档): what FastAPI writes, completed with problems, headers and shapes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.acts.command_schemas import shape_of
from api.http.openapi_docs import PROBLEM_SCHEMA, VERSION
from api.http.problems import MEDIA_TYPE
from domain.catalogue import COMMANDS

_CHINESE_NAME: Final = re.compile(r"^[ -~]+\(([^()]*[一-鿿][^()]*)\)[ -~]*$")


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
