"""Schemas (数据格式): of every stored event, of scripts and of the API, generated from the code, checked in."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from application.reference.reference import Reference, shipped
from application.scripts.shape import DRAFT, script_schema
from domain.catalogue import EVENTS, UPCASTERS
from eventstore.events.codec import Codec

API: Final = "openapi.json"
SCRIPT: Final = "script.schema.json"
EVENTS_FOLDER: Final = "events"


def schemas() -> dict[str, str]:
    """Every schema's text by its path under `schemas/`."""
    codec = Codec(EVENTS, UPCASTERS)
    found = {SCRIPT: _text(script_schema()), API: _text(api_document())}
    for name in sorted(EVENTS):
        found[f"{EVENTS_FOLDER}/{name}.json"] = _text({"$schema": DRAFT, "title": name, **codec.schema(name)})
    return found


def api_document() -> dict[str, Any]:
    """The OpenAPI document (接口说明) of the API: what an app says of itself that nobody is to ask anything else."""
    # here, not above: writing and reading scripts does without the web framework
    from api.app import create_app

    # parts of an installation that only requests reach for
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
    """Write every schema under `root`, and delete those of events there are no more."""
    wanted = schemas()
    (root / EVENTS_FOLDER).mkdir(parents=True, exist_ok=True)
    for name in _there(root) - set(wanted):
        (root / name).unlink()
    for name, text in wanted.items():
        (root / name).write_text(text, "utf-8")


def stale_schemas(root: Path) -> list[str]:
    """The paths under `root` that are missing, too many, or other than the code says; empty when all agree."""
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
