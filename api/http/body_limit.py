"""Body limits (请求大小): what is too large is refused before it is read, as a problem like any other."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.problems import too_large
from eventstore.attachments import LARGEST

ORDINARY: Final = 1 << 20
"""The most bytes of a body that is no attachment."""


class BodyLimit:
    """ASGI middleware in place of Starlette's own, which answers in plain text past everybody's handlers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        most = LARGEST if str(scope["path"]).endswith("/attachments") else ORDINARY
        said = Headers(scope=scope).get("Content-Length", "")
        if said.isdigit() and int(said) > most:
            await too_large()(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                # of this kind, because FastAPI takes any other for a body it cannot read
                raise HTTPException(413)
            return message

        await self.app(scope, counted, send)
