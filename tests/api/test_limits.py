"""Limits: how much and how often, at the very edge; refused before it is read, as a problem like any other."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from api.http.body_limit import ORDINARY
from api.http.limits import PER_MINUTE, Limited, RateLimits, TooManyRequests
from eventstore.attachments import LARGEST
from tests import stories
from tests.api.office import YU_TOWNSHIP, Office

JSON = {"Content-Type": "application/json", "Idempotency-Key": "k" * 8}
PDF = {"Content-Type": "application/pdf", "Idempotency-Key": "k" * 8}


async def chunked(size: int) -> AsyncIterator[bytes]:
    """A body that does not say how long it is."""
    for first in range(0, size, 1 << 16):
        yield b" " * min(1 << 16, size - first)


@pytest.mark.parametrize("told", [True, False])
async def test_a_command_of_exactly_the_limit_is_read_and_one_byte_more_is_not(
    office: Office, told: bool
) -> None:
    async with office.client(office.token(YU_TOWNSHIP)) as client:
        answers = [
            await client.post("/v1/households", content=b" " * size if told else chunked(size), headers=JSON)
            for size in (ORDINARY, ORDINARY + 1)
        ]
    # blanks are no command, but they were read
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (400, "invalid-request"),
        (413, "too-large"),
    ]
    assert answers[1].headers["Content-Type"] == "application/problem+json"
    assert answers[1].json()["requestId"] == answers[1].headers["X-Request-ID"]


@pytest.mark.parametrize("told", [True, False])
async def test_an_attachment_of_exactly_the_limit_is_taken_and_one_byte_more_is_not(
    office: Office, told: bool
) -> None:
    household = office.tell(stories.yu_accepted())
    async with office.client(office.token()) as client:
        path = f"/v1/households/{household}/attachments"
        answers = [
            await client.post(
                path,
                content=b"%PDF-" + b" " * (size - 5) if told else begun_as_pdf(size),
                headers={**PDF, "Idempotency-Key": f"size-{size}"},
            )
            for size in (LARGEST, LARGEST + 1)
        ]
    assert [answer.status_code for answer in answers] == [201, 413]


async def begun_as_pdf(size: int) -> AsyncIterator[bytes]:
    yield b"%PDF-"
    async for piece in chunked(size - 5):
        yield piece


@pytest.mark.parametrize("what", Limited)
def test_a_limit_lets_through_exactly_as_many_and_counts_each_by_itself(what: Limited) -> None:
    limits = RateLimits()
    for _ in range(PER_MINUTE[what]):
        limits.require_room(what, "one")
        limits.hit(what, "one")
    with pytest.raises(TooManyRequests):
        limits.require_room(what, "one")
    with pytest.raises(TooManyRequests) as refused:
        limits.hit(what, "one")
    assert 1 <= int(refused.value.more_headers["Retry-After"]) <= 60
    limits.hit(what, "another")
    for other in set(Limited) - {what}:
        limits.hit(other, "one")


async def test_every_search_within_the_limit_is_answered_and_the_next_is_not(office: Office) -> None:
    async with office.client(office.token()) as client:
        answers = [
            await client.post("/v1/households/_search", json={"name": "某"})
            for _ in range(PER_MINUTE[Limited.SEARCH] + 1)
        ]
    assert [answer.status_code for answer in answers] == [200] * PER_MINUTE[Limited.SEARCH] + [429]
    # what was refused was not looked for
    assert len(office.looks()) == PER_MINUTE[Limited.SEARCH]
    assert answers[-1].json()["requestId"] == answers[-1].headers["X-Request-ID"]
