"""The stream of the work list: told as it happens, to whom it concerns, and nothing lost in between."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from httpx2 import Client

from api.reads import work_feed
from api.reads.work_feed import LastEventIdInvalid, Listener, WorkFeed, positions_of, token_of
from api.serve import GRACE, serving
from eventstore.lanes import LANES
from projections.changes import Positions, work_positions
from tests.api.office import OTHER_COUNTY, OTHER_VILLAGE, YU_COUNTY, YU_TOWNSHIP, Office

EVENTS = "/v1/work-items/events"


class Told(NamedTuple):
    """One event as it came over the wire."""

    kind: str
    households: set[str]
    id: str | None


@contextmanager
def served(office: Office) -> Iterator[str]:
    """The office's API over TCP; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening, serving(office.app(listens_on=None), listening):
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextmanager
def heard(base: str, token: str, last: str | None = None) -> Iterator[Iterator[Told]]:
    """The events of one connection, as they come."""
    headers = {"Authorization": f"Bearer {token}"} | ({"Last-Event-ID": last} if last else {})
    with (
        Client(base_url=base, headers=headers, timeout=20) as client,
        client.stream("GET", EVENTS) as answer,
    ):
        assert answer.status_code == 200, answer.read()
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        yield _events(answer.iter_lines())


def _events(lines: Iterator[str]) -> Iterator[Told]:
    said: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line:
            said[name] = value
        elif "event" in said:
            data: dict[str, Any] = json.loads(said["data"])
            yield Told(said["event"], set(data.get("households", ())), said.get("id"))
            said = {}


def test_a_change_is_told_to_who_it_concerns_and_to_nobody_else(office: Office) -> None:
    with (
        served(office) as base,
        heard(base, office.token(YU_TOWNSHIP)) as events,
        heard(base, office.token(OTHER_COUNTY)) as beside,
    ):
        assert (next(events).kind, next(beside).kind) == ("ready", "ready")
        mine, theirs = office.register(1), office.register(2, OTHER_VILLAGE)
        assert next(events).households == {str(mine)}
        assert next(beside).households == {str(theirs)}
    by = {record[2]: record[0] for record in office.looks() if record[4] == ["work-item-events"]}
    assert by[f"{YU_TOWNSHIP}/civil-affairs"] == mine
    assert by[f"{OTHER_COUNTY}/civil-affairs"] == theirs


def test_who_comes_back_with_the_last_id_has_missed_nothing(office: Office) -> None:
    token = office.token(YU_COUNTY)
    with served(office) as base:
        with heard(base, token) as events:
            ready = next(events)
            first = office.register(1)
            told = next(events)
        assert told.households == {str(first)}
        away = {str(office.register(n)) for n in range(2, 5)}
        with heard(base, token, told.id) as events:
            assert next(events).households == away
            later = office.register(9)
            assert next(events).households == {str(later)}
        with heard(base, token, ready.id) as events:
            assert next(events).households == {str(first), str(later), *away}
    # another process, after the first is gone
    with served(office) as base, heard(base, token, told.id) as events:
        assert next(events).households == {str(later), *away}


def test_what_is_told_can_be_read_at_once(office: Office) -> None:
    headers = {"Authorization": f"Bearer {office.token()}"}
    with served(office) as base, heard(base, office.token()) as events:
        next(events)
        household = office.register(1)
        assert next(events).households == {str(household)}
        with Client(base_url=base, headers=headers) as client:
            assert client.get(f"/v1/households/{household}/work-items").status_code == 200


def test_who_was_away_too_long_is_told_to_read_anew(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_feed, "MOST_BEHIND", 3)
    token = office.token()
    with served(office) as base:
        with heard(base, token) as events:
            ready = next(events)
        for n in range(3):
            office.register(n)
        with heard(base, token, ready.id) as events:
            refresh = next(events)
        assert refresh.kind == "refresh"
        with heard(base, token, refresh.id) as events:
            household = office.register(8)
            assert next(events) == Told("changed", {str(household)}, positions_and(office))


def positions_and(office: Office) -> str:
    """The id that stands for the positions there are now."""
    heads = office.store.heads()
    return token_of(tuple(heads.get(lane, 0) for lane in range(LANES)))


def test_the_streams_end_when_the_server_stops(office: Office) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        base = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with serving(office.app(listens_on=None), listening) as server, heard(base, office.token()) as events:
            next(events)
            begun = time.monotonic()
            server.stop()
            assert list(events) == []
    assert time.monotonic() - begun < GRACE / 2


def test_many_listeners_cost_one_look(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    def counting(connection: Any) -> Positions:
        looks.append(1)
        return work_positions(connection)

    monkeypatch.setattr(work_feed, "work_positions", counting)

    async def hear() -> tuple[int, int]:
        feed = WorkFeed(office.pool, every=0.05)
        loop = asyncio.get_running_loop()
        listeners: list[Listener] = [await asyncio.to_thread(feed.listen, loop) for _ in range(20)]
        before = len(looks)
        await asyncio.to_thread(office.register, 1)
        for listener in listeners:
            assert await listener.next(5)
        looked = len(looks) - before
        feed.close()
        assert [await listener.next(5) for listener in listeners] == [None] * 20
        return before, looked

    before, looked = asyncio.run(hear())
    assert before <= 2
    assert looked < 20


@pytest.mark.parametrize("token", ["", "x", "AAAA", "十", "A" * 341 + "=", "_" * 342])
def test_an_id_that_is_not_ours_is_refused(token: str) -> None:
    with pytest.raises(LastEventIdInvalid):
        positions_of(token)


def test_positions_come_back_as_they_were() -> None:
    positions = tuple(n * n * n * 1_000 for n in range(LANES))
    assert positions_of(token_of(positions)) == positions


async def test_a_bad_id_is_refused_before_the_stream_begins(office: Office) -> None:
    async with office.client(office.token()) as client:
        answer = await client.get(EVENTS, headers={"Last-Event-ID": "x"})
    assert (answer.status_code, answer.json()["code"]) == (400, "last-event-id-invalid")


async def test_nobody_listens_without_the_right_to_look(office: Office) -> None:
    async with office.client() as client:
        answer = await client.get(EVENTS)
    assert answer.status_code == 401
    assert UUID(int=0) not in {record[0] for record in office.looks()}
