"""`hulian dev` (开发): the schemas (数据格式) of stored events, scripts and the API, generated from the code."""

from __future__ import annotations

import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import typer

from api.app import create_app
from application.reference.reference import Reference, shipped
from application.scripts.shape import DRAFT, script_schema
from bootstrap.cli.exit_status import REFUSED
from domain.catalogue import EVENTS, UPCASTERS
from eventstore.events.codec import Codec

API: Final = "openapi.json"
SCRIPT: Final = "script.schema.json"
EVENTS_FOLDER: Final = "events"

app = typer.Typer(help="开发用：生成与核对随程序提交的文件。", no_args_is_help=True)


@app.command("check")
def check() -> None:
    """核对生成的文件（schemas/）与代码一致。"""
    stale = stale_schemas(Path("schemas"))
    for name in stale:
        typer.echo(f"与代码不一致：schemas/{name}；请运行 hulian dev write", err=True)
    sys.exit(REFUSED if stale else 0)


@app.command("write")
def write() -> None:
    """重新生成 schemas/。"""
    write_schemas(Path("schemas"))


def schemas() -> dict[str, str]:
    """Every schema's text by its path under `schemas/`."""
    codec = Codec(EVENTS, UPCASTERS)
    found = {SCRIPT: _text(script_schema()), API: _text(api_document())}
    for name in sorted(EVENTS):
        found[f"{EVENTS_FOLDER}/{name}.json"] = _text({"$schema": DRAFT, "title": name, **codec.schema(name)})
    return found


def api_document() -> dict[str, Any]:
    """The OpenAPI document (接口说明) of the API: an app describes itself without anything it needs for requests."""
    # only requests use these parts of an installation
    absent: Any = None
    bodies = shipped(files("policy"))
    return create_app(
        pool=absent,
        keys=absent,
        handler=absent,
        households=absent,
        reference=Reference((), bodies.editions, bodies.regions),
        attachments=absent,
        documents=absent,
        record=absent,
        tokens=absent,
        cursors=absent,
        today=absent,
        pending=absent,
        threads=1,
    ).openapi()


def write_schemas(root: Path) -> None:
    """Write every schema under `root`, and delete those of events that no longer exist."""
    wanted = schemas()
    (root / EVENTS_FOLDER).mkdir(parents=True, exist_ok=True)
    for name in _there(root) - set(wanted):
        (root / name).unlink()
    for name, text in wanted.items():
        (root / name).write_text(text, "utf-8")


def stale_schemas(root: Path) -> list[str]:
    """The paths under `root` that are missing, superfluous or different from what the code generates."""
    wanted, there = schemas(), _there(root)
    return sorted(
        name
        for name in wanted.keys() | there
        if name not in there or wanted.get(name) != (root / name).read_text("utf-8")
    )


def _there(root: Path) -> set[str]:
    return {file.relative_to(root).as_posix() for file in root.rglob("*.json")}


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
