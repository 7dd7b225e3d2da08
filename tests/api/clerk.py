"""A clerk (经办人): gives commands over HTTP the way a program of an office would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from httpx2 import AsyncClient, Response

from tests import stories

FAMILY: Mapping[str, Any] = {
    "on": "2021-06-28",
    "region": "370786101215",
    "members": [
        {"key": "A1", "name": "于某", "relation": "head", "idNumber": stories.A1, "workCapacity": "partial"},
        {"key": "A2", "name": "于某某", "relation": "daughter", "idNumber": stories.A2, "student": True},
    ],
    "address": "于家福宁村1号",
}


async def register(client: AsyncClient, body: Mapping[str, Any] = FAMILY, key: str | None = None) -> Response:
    """Begin a household's chain."""
    headers = {"Idempotency-Key": key or str(uuid4())}
    return await client.post("/v1/households", json=dict(body), headers=headers)


async def give(
    client: AsyncClient,
    household: UUID | str,
    command: str,
    based_on: int | str | None,
    key: str | None = None,
    /,
    **body: Any,
) -> Response:
    """One command for a household, based on a version; None sends no If-Match, text sends that."""
    headers = {"Idempotency-Key": key or str(uuid4())}
    if based_on is not None:
        headers["If-Match"] = based_on if isinstance(based_on, str) else f'"v{based_on}"'
    return await client.post(f"/v1/households/{household}/{command}", json=body, headers=headers)
