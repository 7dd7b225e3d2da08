"""Pages of the API (接口说明页): Swagger UI from files that came along, without a network."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from importlib.resources import files
from typing import Final

from fastapi import FastAPI, Response
from fastapi.openapi.docs import get_swagger_ui_html

_FILES: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
_PARAMETERS: Final = {
    # no badge fetched from a validator elsewhere, and no token left behind in the browser
    "validatorUrl": None,
    "persistAuthorization": False,
    "docExpansion": "none",
    "filter": True,
    "displayRequestDuration": True,
}
_KEPT: Final = {"Cache-Control": "public, max-age=86400"}


def add_pages(app: FastAPI) -> None:
    """Put `/docs` and the files it needs on an app.

    The package's own endpoints read its files anew each time, by functions Python has deprecated.
    """
    page = get_swagger_ui_html(
        openapi_url="openapi.json",
        title=f"{app.title} 接口说明",
        swagger_js_url="docs/swagger-ui-bundle.js",
        swagger_css_url="docs/swagger-ui.css",
        swagger_favicon_url="docs/favicon-32x32.png",
        swagger_ui_parameters=_PARAMETERS,
    )

    async def docs() -> Response:
        return page

    app.add_api_route("/docs", docs, include_in_schema=False)
    for each in _FILES:
        app.add_api_route(f"/docs/{each}", _part(each), include_in_schema=False)


def _part(name: str) -> Callable[[], Awaitable[Response]]:
    async def part() -> Response:
        return Response(_content(name), headers=_KEPT, media_type=_FILES[name])

    return part


@cache
def _content(name: str) -> bytes:
    return files("fastapi_swagger.resources").joinpath(name).read_bytes()
