"""Serving: over TCP, stopped gently; health; the description of the API."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import psycopg
import pytest
from httpx2 import Client, ConnectError

from api.serve import serving
from eventstore.lanes import lane_of
from projections.registry import ALL
from tests import stories
from tests.api.office import Office

SERVED = textwrap.dedent("""
    import socket, sys, time
    from fastapi import FastAPI
    from api.serve import serve

    app = FastAPI()

    def slow():
        print("asked", flush=True)
        time.sleep(0.4)
        return "whole"

    app.add_api_route("/slow", slow)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        try:
            serve(app, listening)
        finally:
            print("closed", flush=True)
""")


def test_a_household_is_read_over_tcp_by_many_at_once(office: Office) -> None:
    household = office.tell(stories.yu_confirmed())
    with socket.create_server(("127.0.0.1", 0)) as listening:
        base = f"http://127.0.0.1:{listening.getsockname()[1]}"
        headers = {"Authorization": f"Bearer {office.token()}"}
        with (
            serving(office.app(listens_on=None), listening),
            Client(base_url=base, headers=headers) as client,
            ThreadPoolExecutor(16) as many,
        ):
            answers = list(many.map(client.get, [f"/v1/households/{household}/chain"] * 64))
        with pytest.raises(ConnectError), Client(base_url=base) as late:
            late.get("/healthz")
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.headers["X-Request-ID"] for answer in answers}) == 64
    assert len(office.looks(household)) == 64
    assert "server" not in answers[0].headers


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_request_under_way_finish_and_then_returns(number: signal.Signals) -> None:
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    process = subprocess.Popen(
        [sys.executable, "-c", SERVED], cwd=root, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    answers: list[str] = []
    try:
        port = int(process.stdout.readline())
        asking = threading.Thread(target=lambda: answers.append(_eventually(f"http://127.0.0.1:{port}/slow")))
        asking.start()
        assert process.stdout.readline() == "asked\n"
        process.send_signal(number)
        asking.join(20)
        assert process.stdout.readline() == "closed\n"
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert answers == ['"whole"']


def _eventually(url: str) -> str:
    # the socket listens before the server does: the kernel keeps the connection until then
    with Client(timeout=20) as client:
        return client.get(url).text


async def test_health_is_answered_to_anybody_and_says_what_is_missing(office: Office) -> None:
    office.register(1)
    async with office.client() as client:
        alive, ready = await client.get("/healthz"), await client.get("/readyz")
    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    assert ready.status_code == 200
    assert ready.json() == {
        "ready": True,
        "database": True,
        "migrationsPending": [],
        "lag": {model.name: 0 for model in ALL},
        "behind": [],
        "parked": 0,
    }
    async with office.client(app=office.app(pending=("store/0007",))) as client:
        ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()["migrationsPending"]) == (503, ["store/0007"])


async def test_without_read_models_it_is_not_ready_and_says_what_to_start(office: Office) -> None:
    with psycopg.connect(office.databases.store) as connection:
        connection.execute("DELETE FROM read_checkpoint")
        for model in ALL:
            connection.execute(f"DROP SCHEMA read_{model.name} CASCADE".encode())
    async with office.client(office.token()) as client:
        ready, answer = await client.get("/readyz"), await client.get("/v1/households")
    assert (ready.status_code, ready.json()["ready"], ready.json()["database"]) == (503, False, True)
    assert (answer.status_code, answer.json()["code"]) == (503, "read-models-missing")
    assert "hulian work" in answer.json()["title"]


async def test_a_read_model_too_far_behind_is_named_and_one_being_rebuilt_is_not(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.http.health.MOST_LAG", 1)
    office.register(1, project=False)
    with psycopg.connect(office.databases.store) as connection:
        # all but the card have caught up, and another version of the chain is being built from the first event
        connection.execute(
            "UPDATE read_checkpoint c SET position = l.position FROM es_lane l"
            " WHERE l.lane = c.lane AND c.projection <> 'card'"
        )
        connection.execute(
            "INSERT INTO read_checkpoint (projection, version, lane, position, live)"
            " SELECT projection, version + 1, lane, 0, false FROM read_checkpoint WHERE projection = 'chain'"
        )
    async with office.client() as client:
        late = await client.get("/readyz")
        office.project()
        caught_up = await client.get("/readyz")
    assert (late.status_code, late.json()["behind"]) == (503, ["card"])
    assert (caught_up.status_code, caught_up.json()["behind"]) == (200, [])


async def test_a_parked_household_is_counted_and_nothing_stops_for_it(office: Office) -> None:
    household = office.tell(stories.yu_registered())
    with psycopg.connect(office.databases.store) as connection:
        for model in ALL[:2]:
            connection.execute(
                "INSERT INTO read_parked (lane, projection, version, household, position, error, attempts)"
                " VALUES (%s, %s, %s, %s, 1, 'KeyError', 1)",
                (lane_of(household), model.name, model.version, household),
            )
    async with office.client() as client:
        ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()["ready"], ready.json()["parked"]) == (200, True, 1)
    assert str(household) not in ready.text


async def test_lag_is_told_exactly(office: Office) -> None:
    office.register(1, project=False)
    async with office.client() as client:
        ready = await client.get("/readyz")
    assert ready.json()["lag"] == {model.name: 2 for model in ALL}


async def test_a_lost_database_is_told_and_the_process_stays_alive(office: Office) -> None:
    household = office.tell(stories.yu_registered())
    with psycopg.connect(office.databases.store) as connection:
        name = connection.info.dbname
    office.pool.timeout = 0.3
    with psycopg.connect(office.databases.keys, autocommit=True) as beside:
        beside.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        beside.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        async with office.client(office.token()) as client:
            ready = await client.get("/readyz")
            answers = [await client.get(f"/v1/households/{household}") for _ in range(2)]
            alive = await client.get("/healthz")
    assert (ready.status_code, ready.json()["database"], alive.status_code) == (503, False, 200)
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {
        (503, "database-unavailable")
    }


def test_the_whole_process_stops_gently_with_a_listener_and_a_request_under_way(
    office: Office, tmp_path: Path
) -> None:
    """`hulian serve` itself: SIGTERM ends the stream, finishes the request, and leaves with 0."""
    root = Path(__file__).parents[2]
    home = tmp_path / "home"
    environment = {
        **os.environ,
        "PYTHONPATH": str(root),
        "HULIAN_HOME": str(home),
        "HULIAN_DATABASE_URL": office.databases.store,
        "HULIAN_KEYS_URL": office.databases.keys,
        "HULIAN_PORT": "0",
        "HULIAN_LOG_JSON": "true",
    }
    headers = {"Authorization": f"Bearer {office.token()}"}
    # the process has to have the keys this store was begun with, and its tokens' key
    shutil.copytree(office.key_directory, home / "keys")
    household = office.tell(stories.yu_accepted())
    program = textwrap.dedent("""
        import bootstrap.cli.serve as processes
        from bootstrap.settings import listen, load_settings

        def told(settings):
            listening = listen(settings)
            print(listening.getsockname()[1], flush=True)
            return listening

        processes.listen = told
        processes.serve_api(load_settings())
        print("closed", flush=True)
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        base = f"http://127.0.0.1:{int(process.stdout.readline())}"
        waits = {"X-Min-Position": f"{lane_of(household)}:{len(stories.yu_accepted().events) + 1}"}
        with (
            Client(base_url=base, headers=headers, timeout=30) as client,
            ThreadPoolExecutor(1) as beside,
            client.stream("GET", "/v1/work-items/events") as stream,
        ):
            lines = stream.iter_lines()
            assert next(lines) == "event: ready"
            # a request that waits for what nobody has written yet
            waiting = beside.submit(
                httpx2.get, f"{base}/v1/households/{household}", headers={**headers, **waits}, timeout=30
            )
            with psycopg.connect(office.databases.store, autocommit=True) as connection:
                while not connection.execute(
                    "SELECT FROM pg_stat_activity WHERE datname = current_database()"
                    " AND query LIKE '%read_checkpoint c USING%' AND pid <> pg_backend_pid()"
                ).fetchall():
                    time.sleep(0.02)
            process.send_signal(signal.SIGTERM)
            assert not [line for line in lines if line.startswith("event")]
            answer = waiting.result(20)
        assert process.stdout.readline() == "closed\n"
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert (answer.status_code, answer.json()["code"]) == (409, "not-seen-yet")
