"""A process that runs decides by what another has adopted meanwhile; and by what was in force while it cannot read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from importlib.resources import files
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from application.handling.request import Request
from application.reference.adoption import REGIONS_EVERY, ReferenceRefresh, adopt_shipped
from application.reference.packs import pack_of
from application.reference.reference import Shipped, publish, shipped
from bootstrap.process import reference_kept_current
from bootstrap.wiring import SINCE, Installation, opened
from domain.members.registration import NewMember, RegisterHousehold
from domain.values.pack import Pack
from domain.values.receipt import Actor
from domain.watching.alerts import RaiseAlert
from tests.database import Databases
from tests.installations import addresses_of, installed

DAY = date(2026, 11, 20)
VILLAGE = "990301100201"
CLERK = Actor("w1", "990301100/township")


@pytest.fixture
def running(databases: Databases, tmp_path: Path) -> Iterator[Installation]:
    with installed(databases, tmp_path / "keys") as installation:
        yield installation


def adopted_elsewhere(running: Installation, databases: Databases, keys: Path, *packs: Pack) -> None:
    """Another process publishes packs and adopts them."""
    bodies = Shipped(packs, (), ())
    with psycopg.connect(databases.store, autocommit=True) as connection:
        publish(connection, bodies)
    with opened(addresses_of(databases), keys, pool_size=1) as other:
        assert adopt_shipped(other.chains, bodies, DAY, SINCE, "province") == len(packs)


def delegating(value: bool) -> Pack:
    """The pack of the province 99, which lets townships decide, or not."""
    (body,) = [pack.to_json() for pack in shipped(files("policy")).packs if pack.region == "99"]
    paper = {"from": "2026-07-01", "value": value, "unit": "flag", "source": "试验省民发〔2026〕5号"}
    return pack_of(
        {**body, "chapters": {**body["chapters"], "own": {"procedure.delegation-allowed": [paper]}}}
    )


def delegation(installation: Installation) -> tuple[bool, tuple[str, ...]]:
    """Whether townships may decide by the rules a command is decided by today, and the packs behind them."""
    context = installation.reference.context(VILLAGE, DAY, CLERK, uuid4())
    rules = context.rules(DAY)
    return rules.flag("procedure.delegation-allowed"), rules.packs


def until(holds: Callable[[], bool], seconds: float = 10) -> bool:
    ends = time.monotonic() + seconds
    while not holds() and time.monotonic() < ends:
        time.sleep(0.02)
    return holds()


def test_a_pack_adopted_by_another_process_is_decided_by_within_the_time_told(
    running: Installation, databases: Databases, tmp_path: Path
) -> None:
    assert delegation(running)[0] is False
    with reference_kept_current(running, every=0.05):
        pack = delegating(True)
        adopted_elsewhere(running, databases, tmp_path / "keys", pack)
        assert until(lambda: delegation(running)[0])
        assert pack.hash in delegation(running)[1]
        # and again: what came first is not all that is followed
        adopted_elsewhere(running, databases, tmp_path / "keys", delegating(False))
        assert until(lambda: not delegation(running)[0])


def test_a_command_is_due_by_the_calendar_adopted_a_moment_ago(
    running: Installation, databases: Databases, tmp_path: Path
) -> None:
    following_by_hand = ReferenceRefresh(running.store, running.pool, running.reference)
    assert following_by_hand.refresh()
    before = alert_due(running)
    (edition,) = [e for e in shipped(files("policy")).editions if (e.region, e.year) == ("cn", 2026)]
    # the working days right after the alert are given off by a notice that came late
    late = frozenset(date(2026, 11, day) for day in range(23, 28))
    later = replace(edition, number=edition.number + 1, off=edition.off | late)
    bodies = Shipped((), (later,), ())
    with psycopg.connect(databases.store, autocommit=True) as connection:
        publish(connection, bodies)
    with opened(addresses_of(databases), tmp_path / "keys", pool_size=1) as other:
        assert adopt_shipped(other.chains, bodies, DAY, SINCE, "nation") == 1
    assert alert_due(running) == before
    assert following_by_hand.refresh()
    assert alert_due(running) > before
    assert not following_by_hand.refresh()


def test_what_did_not_move_is_seen_in_one_small_statement(running: Installation) -> None:
    follows = ReferenceRefresh(running.store, running.pool, running.reference)
    assert follows.refresh()
    with counted(running) as asked:
        assert [follows.refresh() for _ in range(REGIONS_EVERY - 2)] == [False] * (REGIONS_EVERY - 2)
    assert len(asked) == REGIONS_EVERY - 2


def test_a_region_published_by_another_process_is_known(running: Installation, databases: Databases) -> None:
    follows = ReferenceRefresh(running.store, running.pool, running.reference)
    follows.refresh()
    (village,) = [row for row in shipped(files("policy")).regions if row.code == VILLAGE]
    new = replace(village, code="990301100299", id="990301100299", name="新村")
    with psycopg.connect(databases.store, autocommit=True) as connection:
        publish(connection, Shipped((), (), (new,)))
    assert any(follows.refresh() for _ in range(REGIONS_EVERY))
    assert running.reference.regions.at(new.code, DAY).name == "新村"
    # a row whose text was mended, too
    with psycopg.connect(databases.store, autocommit=True) as connection:
        publish(connection, Shipped((), (), (replace(new, name="新新村"),)))
    assert any(follows.refresh() for _ in range(REGIONS_EVERY))
    assert running.reference.regions.at(new.code, DAY).name == "新新村"


def test_a_pack_that_cannot_be_read_leaves_what_was_in_force_until_it_can(
    running: Installation, databases: Databases, tmp_path: Path
) -> None:
    adopted_elsewhere(running, databases, tmp_path / "keys", delegating(True))
    with psycopg.connect(databases.store, autocommit=True) as connection:
        connection.execute("INSERT INTO ref_pack VALUES ('x', '99', '{}')")
        with pytest.raises(KeyError):
            ReferenceRefresh(running.store, running.pool, running.reference).refresh()
        assert delegation(running)[0] is False
        with reference_kept_current(running, every=0.02):
            connection.execute("DELETE FROM ref_pack WHERE hash = 'x'")
            assert until(lambda: delegation(running)[0])


def alert_due(installation: Installation) -> date:
    """By when a red alert of today has to be answered."""
    family = RegisterHousehold(DAY, VILLAGE, (NewMember("A", "测试", "head"),))
    begun = installation.handler.handle(Request(uuid4(), family, CLERK))
    alert = RaiseAlert(DAY, "E-EXP-01", "RED")
    raised = installation.handler.handle(Request(uuid4(), alert, CLERK, begun.household))
    return next(due.day for event in raised.events for due in event.opens())


@contextmanager
def counted(installation: Installation) -> Iterator[list[str]]:
    """The statements the pool's connections are given while the block runs."""
    asked: list[str] = []
    taken = installation.pool.connection

    @contextmanager
    def connection() -> Iterator[object]:
        with taken() as given:
            asked.append("taken")
            yield given

    installation.pool.connection = connection  # type: ignore[method-assign,assignment]
    yield asked
    installation.pool.connection = taken  # type: ignore[method-assign]
