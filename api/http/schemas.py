"""Shapes (数据形状): what all answers have in common: camelCase names, and nothing beyond what is declared."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Response
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Shape(BaseModel):
    """An answer's JSON object, written in camelCase."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        serialize_by_alias=True,
        from_attributes=True,
    )


def answered(shape: Shape, headers: Mapping[str, str]) -> Response:
    """The shape as a finished response; written on the endpoint's own thread, where it was made."""
    return written(shape.model_dump_json().encode(), headers)


def written(text: bytes, headers: Mapping[str, str]) -> Response:
    """An answer that is JSON already."""
    return Response(text, headers=dict(headers), media_type="application/json")
