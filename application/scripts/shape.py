"""The shape of scripts (脚本格式) as JSON Schema: the outer form, and a branch for every command."""

from __future__ import annotations

from typing import Any, Final

from application.describing.commands import json_schema
from application.describing.fields import Day, MonthField, OtherHousehold, fields_of
from application.scripts.script import REGISTER, SPLIT, HouseholdSaid, PersonSaid
from application.scripts.script_reader import refusal_codes
from domain.catalogue import COMMANDS

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]


def script_schema() -> Schema:
    """The JSON Schema (2020-12) of a script; what it cannot say (known keys, order of days) `read_script` checks."""
    return {
        "$schema": DRAFT,
        "title": "HuLian script (户链脚本)",
        "description": "Dated stories of households, carried out by `hulian run`.",
        "type": "object",
        "properties": {
            "title": {"type": "string", "maxLength": 4000},
            "regions": {
                "type": "array",
                "items": {"type": "string", "pattern": r"^(\d{2}|\d{4}|\d{6}|\d{9}|\d{12})$"},
                "description": "区划代码，加引号",
            },
            "persons": {
                "type": "object",
                "additionalProperties": fields_of(PersonSaid).schema(),
                "description": "人员，按自用代号",
            },
            "households": {
                "type": "object",
                "additionalProperties": fields_of(HouseholdSaid).schema(),
                "minProperties": 1,
                "description": "家庭，按自用代号；members 按人员代号写明与户主关系",
            },
            "steps": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/step"}},
        },
        "required": ["title", "households", "steps"],
        "additionalProperties": False,
        "$defs": {
            "by": _by(),
            "refusal": {"enum": sorted(refusal_codes()), "description": "预期的退回代码"},
            "step": {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in COMMANDS]},
            **{name: _step(name) for name in COMMANDS},
        },
    }


def _step(name: str) -> Schema:
    command = json_schema(name)
    fields: Schema = command["properties"]
    for field in fields_of(COMMANDS[name]).fields:
        if isinstance(field.reader, OtherHousehold):
            fields[field.name] = _household(fields[field.name]["description"])
    begins = {"begins": _household("新设立的户的代号，此后的步骤可以使用")} if name == SPLIT else {}
    # the household's own section has its address and members
    said = {"on", *(("region", "members") if name == REGISTER else ())}
    return {
        "description": command["description"],
        "type": "object",
        "properties": {
            "on": {**Day().schema(), "description": "办理日期"},
            "at": {"type": "string", "description": "记录时刻：14:30，或完整的日期时间"},
            "by": {"$ref": "#/$defs/by"},
            "do": {"const": name},
            "household": _household("households 中或者此前分户设立的户的代号"),
            **begins,
            **{field: schema for field, schema in fields.items() if field != "on"},
            "refused": {"$ref": "#/$defs/refusal"},
            "every": {"const": "month", "description": "每月重复"},
            "until": {**MonthField().schema(), "description": "重复到哪个月，含该月"},
        },
        "required": [
            "on",
            "by",
            "do",
            "household",
            *(field for field in command["required"] if field not in said),
        ],
        "dependentRequired": {"every": ["until"], "until": ["every"]},
        "additionalProperties": False,
    }


def _household(description: str) -> Schema:
    return {"type": "string", "minLength": 1, "description": description}


def _by() -> Schema:
    officer = {"type": "string", "minLength": 1, "description": "经办人代号，不是姓名"}
    organ = {"type": "string", "pattern": r"^\d+/.+$", "description": "区划代码/部门"}
    return {
        "description": "谁办理",
        "oneOf": [
            {
                "type": "object",
                "properties": {"organ": organ, "officer": officer},
                "required": ["organ", "officer"],
                "additionalProperties": False,
            },
            {
                "type": "object",
                "properties": {"person": {"type": "string", "description": "人员代号"}},
                "required": ["person"],
                "additionalProperties": False,
            },
            {"type": "string", "pattern": "^system:[a-z-]+$"},
        ],
    }
