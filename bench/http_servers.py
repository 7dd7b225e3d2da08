"""The servers of the HTTP row, each a process of its own: the product as it is served, and a bare endpoint.

Run as `python -m bench.http_servers` with what to serve as JSON on standard input; says its port in one line, and
serves until it is told to stop.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from fastapi import FastAPI
from starlette.responses import Response

from api.serve import serve
from bench.profiling import profiled, watched
from bootstrap import wiring
from bootstrap.addresses import Addresses
from bootstrap.logging import configure_logging
from bootstrap.settings import Settings, as_role
from bootstrap.wiring import api_of, opened
from eventstore.access_records import Access
from eventstore.postgres.pools import open_pool

RECORDED: Final = "recorded"
MASKED: Final = "masked"
BARE: Final = "bare"

POOL: Final = 10
"""Connections and threads of each server: what an installation has that was told nothing."""

BARE_TABLE: Final = """
CREATE TABLE bare_household (
    id uuid PRIMARY KEY, version integer NOT NULL, region text NOT NULL, category text NOT NULL,
    since date NOT NULL, title text NOT NULL)
"""
_ROW: Final = "SELECT id, version, region, category, since, title FROM bare_household WHERE id = %s"


def bare(uri: str, listening: socket.socket) -> None:
    """The limit: FastAPI as in its tutorial, one row by its key from a plain table, on a pool of psycopg."""
    with open_pool(uri, size=POOL) as pool:
        app = FastAPI(openapi_url=None)

        def row(household: UUID) -> Any:
            with pool.connection() as connection:
                found = connection.execute(_ROW, (household,)).fetchone()
            if found is None:
                return Response(status_code=404)
            id, version, region, category, since, title = found
            return {
                "id": id, "version": version, "region": region,
                "category": category, "since": since, "title": title,
            }  # fmt: skip

        app.add_api_route("/households/{household}", row)
        serve(app, listening)


def product(where: Addresses, home: Path, listening: socket.socket, *, recorded: bool) -> None:
    """The API as `hulian serve` has it, its log written to a file; unless `recorded`, looks are not written down."""
    settings = Settings(home=home, pool_size=POOL)
    with (
        (home / f"{listening.getsockname()[1]}.log").open("w", encoding="utf-8") as log,
        opened(where, settings.key_directory, pool_size=POOL) as installation,
    ):
        configure_logging("INFO", json=True, stream=log)
        if not recorded:
            # nothing of the product reads without a record: this is for measuring what the record costs
            vars(wiring)["access_log"] = _unrecorded
        serve(api_of(installation, settings), listening)


def _unrecorded(_: object) -> Any:
    def record(__: Sequence[Access]) -> None:
        """Nothing."""

    return record


def main() -> None:
    """Serve what standard input says."""
    told: Mapping[str, Any] = json.loads(sys.stdin.readline())
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(128)
    print(listening.getsockname()[1], flush=True)
    with watched() if told["profile"] else nullcontext() as watch:
        # of the thread with the event loop: nearly all of a chain's way is there
        if told["kind"] == BARE:
            bare(as_role(told["uri"], "hulian_app"), listening)
        else:
            where, recorded = Addresses(**told["where"]), told["kind"] == RECORDED
            product(where, Path(told["home"]), listening, recorded=recorded)
    if watch is not None:
        Path(told["profile"]).write_text(profiled(watch), "utf-8")


if __name__ == "__main__":
    main()
