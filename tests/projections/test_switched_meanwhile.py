"""A worker starts while another switches a rebuilt read model: what it read of the model is older than the rename."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from projections.chain import Chain
from projections.engine import models
from projections.engine.plans import TableMismatch
from projections.engine.projection import Projection
from projections.engine.projector import Projector
from projections.engine.rows import Table
from tests.database import Databases
from tests.projections.conftest import Pool, caught_up
from tests.projections.lives import codec, fill, lives


class Tables(tuple[Table[Any], ...]):
    """A projection's tables; whoever goes through them for the given time has something happen first."""

    happens: Callable[[], object] | None = None
    at: int = 0

    def __iter__(self) -> Iterator[Table[Any]]:
        happens, self.at = self.happens, self.at - 1
        if happens is not None and self.at == 0:
            self.happens = None
            happens()
        return super().__iter__()


def next_version(tables: tuple[Table[Any], ...]) -> type[Projection]:
    """The chain's read model, one version on."""
    return type(
        "NextChain",
        (Chain,),
        {"version": Chain.version + 1, "tables": tables, "__module__": Chain.__module__},
    )


# the tables are gone through when their walls are looked at, and when their columns are
@pytest.mark.parametrize("at", [1, 2], ids=["before the walls", "before the columns"])
def test_a_worker_that_starts_while_another_switches_works_on_what_there_is_now(
    databases: Databases, pool: Pool, at: int
) -> None:
    fill(databases.store, lives(3))
    caught_up(Projector(pool, codec(), [Chain]))
    tables = Tables(Chain.tables)
    rebuilt = next_version(tables)
    builder = Projector(pool, codec(), [rebuilt])
    caught_up(builder)
    switched: list[str] = []

    def switch() -> None:
        switched.extend(builder.switch())

    tables.happens, tables.at = switch, at
    starting = Projector(pool, codec(), [rebuilt])
    assert switched == ["chain"]
    assert not starting.building
    fill(databases.store, list(lives(4))[3:])
    assert caught_up(starting) > 0
    with pool.connection() as connection:
        assert models.models_of(connection) == [models.Model("chain", rebuilt.version, True)]


def test_what_is_wrong_without_a_switch_is_said_once(pool: Pool) -> None:
    asked: list[int] = []

    def act() -> None:
        asked.append(1)
        raise TableMismatch("read_chain.step")

    with pool.connection() as connection, pytest.raises(TableMismatch):
        models.settled(connection, act)
    assert len(asked) == 1
