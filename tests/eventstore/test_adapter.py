"""The library, adopted as its authors mean it to be extended."""

from __future__ import annotations

import os
import tempfile
import unittest
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.domain import Aggregate, DomainEventProtocol, event
from eventsourcing.persistence import (
    InfrastructureFactory,
    InfrastructureFactoryError,
    IntegrityError,
    NotSupportedError,
    StoredEvent,
)
from eventsourcing.tests.persistence import AggregateRecorderTestCase
from eventsourcing.utils import Environment

from eventstore import adapter, errors
from eventstore.adapter import Chains, Factory, LaneRecorder, LaneStoredEvent, offer
from eventstore.appending.append_types import Claim, ClaimChanges, IndexEntry
from eventstore.events.envelope import Envelope, enclose
from eventstore.events.recorded import Brief, Recorded
from eventstore.store import LaneStore
from tests.database import Databases
from tests.eventstore.samples import Opened, Paid
from tests.eventstore.stores import META, OPENED, command, opened, paid, stream


@dataclass(frozen=True)
class Home:
    """What a projector folds in these tests."""

    id: UUID
    version: int
    fen: int


def fold(home: Home | None, recorded: Iterable[Recorded]) -> Home | None:
    for row in recorded:
        match row.event:
            case Opened():
                home = Home(row.originator_id, row.originator_version, 0)
            case Paid(fen=fen) if home is not None:
                home = Home(home.id, row.originator_version, home.fen + fen)
    return home


def test_the_librarys_recorder_tests_pass_unmodified(trial: LaneStore) -> None:
    class LaneAggregateRecorderTestCase(AggregateRecorderTestCase):
        def create_recorder(self) -> LaneRecorder:
            return LaneRecorder(trial)

    for name in ("test_insert_and_select", "test_performance"):
        result = unittest.TestResult()
        LaneAggregateRecorderTestCase(name).run(result)
        assert result.wasSuccessful(), [*result.failures, *result.errors]
        assert result.testsRun == 1


def test_the_librarys_bytes_and_version_0_are_kept(trial: LaneStore) -> None:
    recorder = LaneRecorder(trial)
    begun = StoredEvent(stream(1), 0, "topic", b"\x00\xffnot json")
    recorder.insert_events([begun])
    recorder.insert_events([StoredEvent(stream(1), 1, "topic", b"")])
    assert recorder.select_events(stream(1))[0] == begun
    assert trial.load(stream(1)).version == 1
    assert [row.originator_version for row in trial.load(stream(1), after=-1).rows] == [0, 1]
    with pytest.raises(IntegrityError):
        recorder.insert_events([StoredEvent(stream(1), 0, "topic", b"")])


class Dog(Aggregate):
    """The library's tutorial."""

    @event("Registered")
    def __init__(self, name: str) -> None:
        self.name = name
        self.tricks: list[str] = []

    @event("TrickAdded")
    def add_trick(self, trick: str) -> None:
        self.tricks.append(trick)


class DogSchool(Application[UUID]):
    def register_dog(self, name: str) -> UUID:
        dog = Dog(name)
        self.save(dog)
        return dog.id

    def add_trick(self, dog_id: UUID, trick: str) -> None:
        dog: Dog = self.repository.get(dog_id)
        dog.add_trick(trick)
        self.save(dog)

    def get_dog(self, dog_id: UUID, version: int | None = None) -> tuple[str, tuple[str, ...]]:
        dog: Dog = self.repository.get(dog_id, version=version)
        return dog.name, tuple(dog.tricks)


def test_the_tutorials_aggregate_works_in_a_trial(trial: LaneStore) -> None:
    school = DogSchool(offer(trial))
    dog = school.register_dog("Fido")
    school.add_trick(dog, "roll over")
    school.add_trick(dog, "play dead")
    assert school.get_dog(dog) == ("Fido", ("roll over", "play dead"))
    assert school.get_dog(dog, version=2) == ("Fido", ("roll over",))
    stale: Dog = school.repository.get(dog, version=2)
    stale.add_trick("fetch")
    with pytest.raises(IntegrityError):
        school.save(stale)
    assert sum(trial.heads().values()) == 3
    school.close()


def test_the_librarys_own_aggregates_are_refused_outside_a_trial(store: LaneStore) -> None:
    school = DogSchool(offer(store))
    with pytest.raises(errors.NotATrial):
        school.register_dog("Fido")
    assert sum(store.heads().values()) == 0


def test_a_chain_is_saved_as_envelopes_and_folded_by_a_projector(store: LaneStore) -> None:
    with Chains(store) as chains:
        key = command(1)
        answer = chains.append(*enclose(key.id, stream(1), 0, [OPENED, paid(3)], META), command=key)
        assert (answer.versions, answer.repeated) == ((2,), False)
        home = chains.repository.get(stream(1), projector_func=fold)
        assert home == Home(stream(1), 2, 3)
        assert chains.repository.get(stream(1), version=1, projector_func=fold) == Home(stream(1), 1, 0)
        assert chains.repository.cache is None
        again = chains.append(*enclose(key.id, stream(1), 0, [OPENED, paid(3)], META), command=key)
        assert (again.repeated, again.positions) == (True, answer.positions)
        with pytest.raises(AggregateNotFoundError):
            chains.repository.get(stream("none"), projector_func=fold)


def test_save_hands_the_whole_contract_to_the_recorder(store: LaneStore) -> None:
    with Chains(store) as chains:
        key = command(1)
        envelopes = [
            *enclose(key.id, stream(1), 0, [OPENED], META),
            *enclose(key.id, stream(2), 0, [OPENED], META, first=1),
        ]
        answer = chains.append(
            *envelopes,
            command=key,
            claims=ClaimChanges(take=[Claim("category", stream("p"), stream(1), date(2026, 1, 1))]),
            index=[IndexEntry("id-number", "990101197304120013", stream("p"))],
            closes=[stream(2)],
            result=b"r",
        )
        assert (answer.streams, answer.result) == ((stream(1), stream(2)), b"r")
        assert store.find("id-number", "990101197304120013") == stream("p")
        with pytest.raises(errors.StreamClosed):
            chains.append(*enclose(command(2).id, stream(2), 1, [paid()], META), command=command(2))
        with pytest.raises(errors.ClaimConflict):
            chains.append(
                *enclose(command(3).id, stream(3), 0, [OPENED], META),
                command=command(3),
                claims=ClaimChanges(take=[Claim("category", stream("p"), stream(3), date(2026, 1, 1))]),
            )
        nothing = chains.append(command=command(4), expected={stream(1): 1})
        assert (nothing.news, nothing.versions) == (False, (1,))
        with pytest.raises(NotSupportedError):
            chains.append(*enclose(command(5).id, stream(1), 1, [paid()], META), comand=command(5))


def test_a_conflict_is_the_librarys_error_and_ours(store: LaneStore) -> None:
    with Chains(store) as chains:
        chains.append(*enclose(command(1).id, stream(1), 0, [OPENED], META), command=command(1))
        with pytest.raises(IntegrityError) as conflict:
            chains.append(*enclose(command(2).id, stream(1), 0, [OPENED], META), command=command(2))
    assert isinstance(conflict.value, errors.VersionConflict)
    assert (conflict.value.code, conflict.value.current) == ("version-conflict", 1)


def test_envelopes_and_recorded_rows_are_the_librarys_domain_events(store: LaneStore) -> None:
    (envelope,) = enclose(command(1).id, stream(1), 0, [OPENED], META)
    with Chains(store) as chains:
        chains.append(envelope, command=command(1))
        (stored,) = chains.recorder.select_events(stream(1), limit=1)
        (brief,) = chains.recorder.select_events(stream(1))
        assert isinstance(stored, LaneStoredEvent)
        assert isinstance(brief, Brief)
        assert (brief.topic, brief.state) == (stored.topic, stored.state)
        assert (stored.originator_id, stored.originator_version) == (stream(1), 1)
        assert stored.topic == "sample.opened.1"
        assert stored.state == b'{"on":"2026-03-02","region":"990101001"}'
        (told,) = chains.events.get(stream(1))
        (recorded,) = chains.events.get(stream(1), limit=1)
    for domain_event in (envelope, told, recorded):
        assert isinstance(domain_event, DomainEventProtocol)
        assert isinstance(domain_event, Envelope | Brief | Recorded)
        assert domain_event.event == OPENED


@pytest.mark.parametrize(
    "ask",
    [
        lambda chains: chains.notification_log["1,10"],
        lambda chains: chains.notification_log.select(1, 10),
        lambda chains: chains.recorder.max_notification_id(),
        lambda chains: chains.recorder.subscribe(),
    ],
)
def test_there_is_no_total_order(store: LaneStore, ask: Callable[[Chains], object]) -> None:
    with Chains(store) as chains, pytest.raises(errors.NoTotalOrder):
        ask(chains)


def test_the_module_has_exactly_one_factory(store: LaneStore) -> None:
    factory: InfrastructureFactory[Any] = InfrastructureFactory.construct(Environment("x", offer(store)))
    assert type(factory) is Factory
    with pytest.raises(errors.BadCall):
        InfrastructureFactory.construct(
            Environment("x", {"PERSISTENCE_MODULE": "eventstore.adapter"})
        ).application_recorder()
    for refused in (factory.process_recorder, factory.tracking_recorder):
        with pytest.raises(NotSupportedError):
            refused()
    with pytest.raises(NotSupportedError):
        factory.aggregate_recorder("snapshots")
    assert adapter.Factory is Factory
    assert issubclass(InfrastructureFactoryError, Exception)


def statements(trace: Path) -> list[str]:
    """What libpq says it sent, as it said it: one line an executed statement."""
    return [
        line
        for line in trace.read_text().splitlines()
        if "\tF\t" in line and ("\tExecute\t" in line or "\tQuery\t" in line)
    ]


def test_a_command_without_claim_or_key_costs_two_statements(databases: Databases, tmp_path: Path) -> None:
    def command_on(chains: Chains, n: int) -> None:
        home = chains.repository.get(stream(1), projector_func=fold)
        assert isinstance(home, Home)
        key = command(n)
        chains.append(*enclose(key.id, stream(1), home.version, [paid(n)], META), command=key)

    with opened(databases, tmp_path / "keys", size=1) as store, Chains(store) as chains:
        chains.append(*enclose(command(0).id, stream(1), 0, [OPENED], META), command=command(0))
        command_on(chains, 1)
        handle, name = tempfile.mkstemp(dir=tmp_path)
        with store._client._pool.connection() as connection:
            connection.pgconn.trace(handle)
        command_on(chains, 2)
        with store._client._pool.connection() as connection:
            connection.pgconn.untrace()
        os.close(handle)
        assert len(statements(Path(name))) == 2
        assert store.load(stream(1)).version == 3


def test_an_unknown_originator_is_nobody(trial: LaneStore) -> None:
    recorder = LaneRecorder(trial)
    assert recorder.select_events(str(stream(1))) == []
    recorder.insert_events([StoredEvent(str(stream(1)), 1, "t", b"")])
    assert recorder.select_events(stream(1))[0].originator_id == stream(1)
    with pytest.raises(errors.BadCall):
        recorder.insert_events(
            [
                LaneStoredEvent(*enclose(UUID(int=1), stream(2), 0, [OPENED], META)),
                recorder.select_events(stream(1))[0],
            ]
        )


def test_save_and_append_are_the_same_to_the_store(store: LaneStore) -> None:
    answers: list[object] = []
    with Chains(store) as chains:
        saved = enclose(command(1).id, stream(1), 0, [OPENED], META)
        assert chains.save(*saved, command=command(1), answer=answers.append) == []
        again = chains.append(*enclose(command(1).id, stream(1), 0, [OPENED], META), command=command(1))
    assert again.repeated
    assert len(answers) == 1
