"""A trial store of a test's own, and what became of a script in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from application.scripts.script import Script
from application.scripts.script_reader import read_script
from application.scripts.script_run import ScriptRun, run_script
from bootstrap.addresses import Addresses
from bootstrap.cli.run.outcome import outcome_json
from bootstrap.trial_store import trial_in
from bootstrap.wiring import Installation, adopt, migrated, opened, today
from tests.database import Databases, TestServer


def addresses_of(pair: Databases) -> Addresses:
    """The same pair of databases in the wiring's words."""
    return Addresses(pair.store, pair.keys, pair.store, pair.keys)


@contextmanager
def trial(server: TestServer) -> Iterator[Installation]:
    """A trial store on the tests' server, dropped afterwards."""
    with (
        server.databases() as pair,
        TemporaryDirectory() as keys,
        trial_in(addresses_of(pair), Path(keys)) as installation,
    ):
        yield installation


@contextmanager
def store_in_use(server: TestServer) -> Iterator[Installation]:
    """A store that is no trial: the database's clock says when something was recorded."""
    with server.databases() as pair, TemporaryDirectory() as keys:
        where = addresses_of(pair)
        migrated(where)
        adopt(where, Path(keys), today())
        with opened(where, Path(keys), pool_size=4) as installation:
            yield installation


def sample(name: str) -> Script:
    """A script shipped in `samples/`."""
    return read_script(files("samples").joinpath(f"{name}.yaml").read_text("utf-8"), name)


def told(installation: Installation, run: ScriptRun) -> dict[str, Any]:
    """What became of a script, read from the read models brought up to date."""
    installation.caught_up()
    with installation.pool.connection() as connection:
        return outcome_json(run, connection)


def carried_out(installation: Installation, script: Script) -> dict[str, Any]:
    """The outcome of a script carried out now."""
    return told(installation, run_script(script, installation.handler))
