"""`hulian serve` (接口): the API of this installation, until it is told to stop."""

from __future__ import annotations

from typing import Annotated

import typer

from api.serve import serve
from bootstrap.logging import configure_logging
from bootstrap.process import name_connections, reference_kept_current
from bootstrap.settings import Settings, listen, load_settings
from bootstrap.wiring import api_of, database, migrated_installation


def command(
    host: Annotated[str | None, typer.Option(help="监听地址，默认 127.0.0.1。")] = None,
    port: Annotated[int | None, typer.Option(help="监听端口。")] = None,
) -> None:
    """启动接口（API），直到收到停止信号。"""
    serve_api(load_settings(host=host, port=port))


def serve_api(settings: Settings) -> None:
    """Serve the API until told to stop."""
    configure_logging(settings.log_level, json=settings.log_json)
    name_connections("serve")
    socket = listen(settings)
    with (
        database(settings) as where,
        migrated_installation(
            where, settings.key_directory, pool_size=settings.pool_size, batching=settings.batching
        ) as installation,
        reference_kept_current(installation),
    ):
        serve(api_of(installation, settings), socket)
