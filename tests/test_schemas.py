"""The checked-in schemas: the code's own, valid, and fit for what they describe."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from application.describing.commands import example
from application.scripts.sheet import read_sheet
from bootstrap.cli.dev import API, SCRIPT, schemas, stale_schemas, write_schemas
from domain.catalogue import COMMANDS, EVENTS, UPCASTERS
from domain.household.event import Event
from eventstore.events.codec import Codec
from tests import stories

ROOT = Path(__file__).parent.parent / "schemas"
STEP = {"on": "2026-07-01", "by": {"organ": "370786101/township", "officer": "w1"}, "household": "yu"}
SAMPLES = sorted(each.name for each in files("samples").iterdir() if each.name.endswith(".yaml"))


@pytest.fixture(scope="module")
def script() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads((ROOT / SCRIPT).read_text("utf-8")))


def whole(step: dict[str, Any]) -> dict[str, Any]:
    """A script of one step."""
    return {
        "title": "t",
        "persons": {"A1": {"name": "于某"}},
        "households": {"yu": {"region": "370786101215", "members": {"A1": "head"}}},
        "steps": [step],
    }


def test_the_checked_in_schemas_are_what_the_code_says() -> None:
    assert stale_schemas(ROOT) == [], "hulian dev write"


def test_every_schema_is_one() -> None:
    for text in schemas().values():
        jsonschema.Draft202012Validator.check_schema(json.loads(text))


def test_every_stored_event_has_its_schema() -> None:
    assert {f"events/{name}.json" for name in EVENTS} | {SCRIPT, API} == set(schemas())


def test_what_is_stored_fits_its_schema() -> None:
    codec = Codec(EVENTS, UPCASTERS)
    seen: set[type[Event]] = set()
    for event in (*stories.yu_exited().events, *stories.ling_marginal().events):
        encoded = codec.encode(event)
        schema = json.loads((ROOT / "events" / f"{encoded.name}.json").read_text("utf-8"))
        jsonschema.Draft202012Validator(schema).validate(msgspec.json.decode(encoded.data))
        seen.add(type(event))
    assert len(seen) > 30


def test_no_schema_of_an_event_has_room_for_a_private_value() -> None:
    for name, kind in EVENTS.items():
        sealed = list(sealed_in(json.loads((ROOT / "events" / f"{name}.json").read_text("utf-8"))))
        if any(isinstance(f, str) and "Private" in f for f in kind.__annotations__.values()):
            assert sealed, name
        assert all(set(each["properties"]) == {"owner", "kind", "n"} for each in sealed), name


def sealed_in(schema: Any) -> Iterator[Any]:
    """Every part of a schema that stands for a sealed value."""
    if isinstance(schema, dict):
        if str(schema.get("description", "")).startswith("sealed"):
            yield schema
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from sealed_in(part)


def test_stale_missing_and_needless_files_are_named_and_written_anew(tmp_path: Path) -> None:
    write_schemas(tmp_path)
    assert stale_schemas(tmp_path) == []
    (tmp_path / SCRIPT).write_text("{}")
    (tmp_path / "events" / "household.applied.1.json").unlink()
    (tmp_path / "events" / "household.applied.0.json").write_text("{}")
    assert stale_schemas(tmp_path) == [
        "events/household.applied.0.json",
        "events/household.applied.1.json",
        SCRIPT,
    ]
    write_schemas(tmp_path)
    assert stale_schemas(tmp_path) == []


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_script_is_valid(name: str, script: jsonschema.Draft202012Validator) -> None:
    script.validate(read_sheet(files("samples").joinpath(name).read_text("utf-8")).content)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_step_of_every_command_is_valid(name: str, script: jsonschema.Draft202012Validator) -> None:
    script.validate(whole({**STEP, "do": name, **example(name)}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"do": "start-investigations"},
        {"do": "start-investigation", "income": []},
        {"do": "start-investigation", "on": "1.7.2026"},
        {"do": "start-investigation", "refused": "not-a-code"},
        {"do": "start-investigation", "every": "month"},
        {"do": "start-investigation", "by": {"officer": "w1"}},
        {"do": "start-investigation", "household": None},
        {"do": "apply"},
        {"do": "grant-temporary-aid", "cause": "x", "fen": "5537"},
        {"do": "grant-temporary-aid", "cause": "x", "fen": 0.5},
    ],
)
def test_a_step_that_would_not_read_is_not_valid(
    wrong: dict[str, Any], script: jsonschema.Draft202012Validator
) -> None:
    assert not script.is_valid(whole({**STEP, **wrong}))
    assert script.is_valid(whole({**STEP, "do": "start-investigation"}))
