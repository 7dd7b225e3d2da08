"""A replay changes one state where it stands; from step to step it is what the pure fold answers."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from domain.household.parts import Procedure
from domain.household.replay import Replay, follow
from domain.household.state import Household
from tests.eventstore.test_stored_for_ever import example
from tests.projections.test_every_event import BEGINNING, HOUSEHOLDS, ID, somebody


@pytest.mark.parametrize("name", HOUSEHOLDS)
def test_an_event_changes_a_replayed_state_as_it_changes_any_other(name: str) -> None:
    event = example(HOUSEHOLDS[name], name)
    before = Household(ID) if isinstance(event, BEGINNING) else somebody(event)
    said = dict(parts(before))
    replay = Replay(before)
    replay.take(event)
    after = replay.household
    assert after == follow(before, event)
    # nothing of how it was done is left in what comes out, and what went in is as it was
    assert type(after) is Household
    assert all(type(case) is Procedure for case in after.procedures)
    assert dict(parts(before)) == said


@pytest.mark.parametrize("name", HOUSEHOLDS)
def test_what_a_replay_has_answered_does_not_change_with_what_it_takes_next(name: str) -> None:
    event = example(HOUSEHOLDS[name], name)
    before = Household(ID) if isinstance(event, BEGINNING) else somebody(event)
    replay = Replay(before)
    answered = replay.household
    replay.take(event)
    assert answered == before


def parts(household: Household) -> list[tuple[str, Any]]:
    return [(field.name, getattr(household, field.name)) for field in fields(household)]
