"""Metrics: what the machine is at, for operators only, and nothing about anybody."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.access.identity import Role
from tests import stories
from tests.api.office import Office


async def told(office: Office, *paths: str) -> tuple[str, dict[tuple[str, tuple[str, ...]], float]]:
    """The metrics after some requests: the text, and each sample by its name and labels."""
    app = office.app()
    async with office.client(office.token(), app) as client:
        for path in paths:
            await client.get(path)
    async with office.client(office.token(role=Role.OPERATOR), app) as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    samples = {
        (sample.name, tuple(sorted(f"{k}={v}" for k, v in sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    return answer.text, samples


async def test_requests_are_counted_by_route_and_say_nothing_of_anybody(office: Office) -> None:
    household = office.tell(stories.yu_accepted())
    text, samples = await told(
        office,
        f"/v1/households/{household}",
        f"/v1/households/{household}",
        f"/v1/households/{stories.A1}",
        f"/{stories.A1}",
    )
    counted = "hulian_http_request_duration_seconds_count"
    route = "route=/v1/households/{household}"
    assert samples[counted, ("method=GET", route, "status=200")] == 2
    assert samples[counted, ("method=GET", route, "status=400")] == 1
    assert samples[counted, ("method=GET", "route=-", "status=404")] == 1
    for secret in (str(household), stories.A1, "于"):
        assert secret not in text


async def test_the_machine_tells_what_waits_and_what_is_overdue(office: Office) -> None:
    office.tell(stories.yu_accepted())
    office.register(1, project=False)
    await asyncio.sleep(0.05)
    _, samples = await told(office)
    assert samples["hulian_database_up", ()] == 1
    assert samples["hulian_projection_lag_events", ("projection=card",)] == 2
    assert samples["hulian_projection_oldest_event_seconds", ("projection=card",)] >= 0.05
    assert samples["hulian_overdue_duties", ("step=start-investigation",)] == 1
    assert samples["hulian_parked_households", ("projection=card",)] == 0
    assert samples["hulian_db_pool_max", ()] == 8
    assert samples["hulian_db_pool_size", ()] >= 1
    assert samples["hulian_db_pool_waiting", ()] == 0


async def test_without_a_database_the_rest_is_told(office: Office) -> None:
    office.pool.close()
    _, samples = await told(office)
    assert samples["hulian_database_up", ()] == 0
    assert ("hulian_db_pool_max", ()) in samples


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.OPERATOR])
async def test_only_operators_read_them(office: Office, role: Role) -> None:
    async with office.client(office.token(role=role)) as client:
        refused = await client.get("/metrics")
    async with office.client() as client:
        stranger = await client.get("/metrics")
    assert (refused.status_code, refused.json()["code"]) == (403, "metrics-not-allowed")
    assert stranger.status_code == 401
