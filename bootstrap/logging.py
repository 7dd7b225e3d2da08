"""Logging (日志): one line for each event, through structlog, with ID numbers masked in every line."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Protocol, TextIO

import structlog

# an ID number is recognised by its date, or as 18 separate characters: a safety net, not the protection itself
_IDENTITY_NUMBER = re.compile(
    r"(\d{6})(?:(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))(\d{3}[\dXx])"
    r"|(?<![0-9A-Za-z])(\d{6})\d{8}(\d{3}[\dXx])(?![0-9A-Za-z])"
)
_SERVERS = ("uvicorn", "uvicorn.error", "uvicorn.access")


class _Renderer(Protocol):
    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> str | bytes: ...


def mask_identity_numbers(text: str) -> str:
    """The text with every citizen ID number as `110105********002X` (公民身份号码)."""
    return _IDENTITY_NUMBER.sub(lambda found: f"{found[1] or found[3]}********{found[2] or found[4]}", text)


def configure_logging(level: str = "INFO", *, json: bool | None = None, stream: TextIO | None = None) -> None:
    """Send all logging of this process to `stream` (stderr): JSON lines, or plain text on a terminal.

    Run uvicorn with `log_config=None`, so that its lines come here too.
    """
    target = stream if stream is not None else sys.stderr
    as_json = json if json is not None else not target.isatty()
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=False),
        _add_request_id,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        structlog.processors.UnicodeDecoder(),
    ]
    renderer: Any
    if as_json:
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    else:
        renderer = structlog.dev.ConsoleRenderer(
            colors=target.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _masked(renderer)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _SERVERS:
        server = logging.getLogger(name)
        server.handlers.clear()
        server.propagate = True
    logging.captureWarnings(True)


def _add_request_id(_: Any, __: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    # only when the API has imported it: other commands should not pay for the import
    context = sys.modules.get("asgi_correlation_id.context")
    request_id = context.correlation_id.get() if context is not None else None
    if request_id:
        event.setdefault("request_id", request_id)
    return event


def _masked(renderer: _Renderer) -> structlog.types.Processor:
    """Mask the finished line, so that no key, value, argument or exception text escapes."""

    def render(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
        line = renderer(logger, method, event)
        return mask_identity_numbers(line if isinstance(line, str) else line.decode())

    return render
