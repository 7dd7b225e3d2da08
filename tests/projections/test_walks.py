"""Lives walked at random, one family or several in dealings with each other, are projected as they are folded."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.household.event import Event
from domain.values.person import HouseholdId
from projections.engine.projector import Projector
from tests.database import Databases
from tests.domain import walks
from tests.domain.test_joint_laws import Step, begun, steps, walked
from tests.projections.lives import enclosed, fill
from tests.projections.truth import same
from tests.scenario import HOUSEHOLD

pages = st.integers(1, 40)
few = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)
_examples = count()


def projected(
    databases: Databases, projector: Projector, chains: Mapping[HouseholdId, Sequence[Event]], page: int
) -> None:
    """Write the chains under ids of their own, project them in pages of this size, and compare."""
    written = enclosed(chains, random.Random(f"walk/{next(_examples)}"))
    fill(databases.store, written, by_day=False)
    while projector.page(page).events:
        pass
    for life in written:
        same(databases.reader, life)


@few
@given(life=walks.lives, page=pages)
def test_a_walk_is_projected_as_it_is_folded(
    databases: Databases, projector: Projector, life: walks.Life, page: int
) -> None:
    projected(databases, projector, {HOUSEHOLD: walks.whole(life).events}, page)


@few
@given(walk=steps, page=pages)
def test_families_that_split_move_and_join_are_projected_as_they_are_folded(
    databases: Databases, projector: Projector, walk: list[Step], page: int
) -> None:
    families = begun()
    for families, *_ in walked(walk):  # noqa: B007
        pass
    projected(databases, projector, families.chains, page)
