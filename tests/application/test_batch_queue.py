"""Requests that come at the same time: one carries out what waits, each gets its own answer, none waits too long."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from random import Random
from time import monotonic, sleep

import pytest

from application.handling import batch_queue
from application.handling.batch_queue import BatchQueue


class Refused(Exception):
    """What is refused alone."""


class Office:
    """Doubles numbers; refuses negative ones; those above a hundred go alone. Writes down who was served with whom."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.alone: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.at_once = 0
        self.most_at_once = 0
        self.takes = 0.0
        self.queue = BatchQueue[int, int](self.by_itself, self.together)

    def by_itself(self, asked: int) -> int:
        self.gate.wait()
        sleep(self.takes)
        self.alone.append(asked)
        if asked < 0:
            raise Refused(asked)
        return asked * 2

    def together(self, asked: Sequence[int]) -> list[int | None]:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        sleep(self.takes)
        self.batches.append(list(asked))
        self.at_once -= 1
        if 13 in asked:
            raise OSError("the line is cut")
        return [each * 2 if 0 <= each <= 100 else None for each in asked]


def waited_for(that: Callable[[], bool]) -> None:
    end = monotonic() + 10
    while not that():
        assert monotonic() < end
        sleep(0.001)


def queued(office: Office, first: int, others: Sequence[int]) -> list[Future[int]]:
    """The first is held at work until all others wait; then all go on."""
    office.gate.clear()
    pool = ThreadPoolExecutor(len(others) + 1)
    futures = [pool.submit(office.queue.answer, first)]
    waited_for(lambda: office.queue._at_work)
    for n, other in enumerate(others, 1):
        futures.append(pool.submit(office.queue.answer, other))
        waited_for(lambda n=n: len(office.queue._queue) == n)  # type: ignore[misc]
    office.gate.set()
    pool.shutdown()
    return futures


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setattr(batch_queue, "PATIENCE", 30.0)
    return Office()


def test_who_comes_alone_goes_alone_at_once(office: Office) -> None:
    assert [office.queue.answer(n) for n in (1, 2, 3)] == [2, 4, 6]
    assert (office.alone, office.batches) == ([1, 2, 3], [])


def test_all_who_wait_are_served_together_each_with_their_own_answer(office: Office) -> None:
    futures = queued(office, 1, [2, 3, 4, 5])
    assert [each.result() for each in futures] == [2, 4, 6, 8, 10]
    assert (office.alone, office.batches) == ([1], [[2, 3, 4, 5]])
    assert not office.queue._at_work


def test_who_cannot_be_served_in_the_group_goes_alone_and_is_told(office: Office) -> None:
    futures = queued(office, 1, [2, -3, 101, 4])
    assert [futures[n].result() for n in (0, 1, 3, 4)] == [2, 4, 202, 8]
    with pytest.raises(Refused, match="-3"):
        futures[2].result()
    assert sorted(office.alone) == [-3, 1, 101]


def test_the_one_who_leads_is_refused_by_itself(office: Office) -> None:
    futures = queued(office, 1, [-2, 3])
    with pytest.raises(Refused):
        futures[1].result()
    assert futures[2].result() == 6
    assert office.queue.answer(7) == 14


def test_when_the_group_fails_each_goes_alone(office: Office) -> None:
    futures = queued(office, 1, [2, 13, 4])
    assert [each.result() for each in futures] == [2, 4, 26, 8]
    assert sorted(office.alone) == [1, 2, 4, 13]


def test_a_refusal_of_the_first_keeps_nobody(office: Office) -> None:
    futures = queued(office, -1, [2, 3])
    with pytest.raises(Refused):
        futures[0].result()
    assert [each.result() for each in futures[1:]] == [4, 6]
    assert not office.queue._at_work


def test_no_group_is_larger_than_the_most(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_queue, "MOST", 3)
    futures = queued(office, 0, range(1, 9))
    assert [each.result() for each in futures] == [n * 2 for n in range(9)]
    assert office.batches == [[1, 2, 3], [4, 5, 6], [7, 8]]


def test_after_a_group_as_many_are_waited_for_as_came_lately(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_queue, "LINGER", 30.0)
    queued(office, 1, [2, 3, 4])
    with ThreadPoolExecutor(3) as pool:
        futures = []
        for n, asked in enumerate((5, 6), 1):
            futures.append(pool.submit(office.queue.answer, asked))
            waited_for(lambda n=n: len(office.queue._queue) == n)  # type: ignore[misc]
        sleep(0.02)
        assert (office.alone, len(office.batches)) == ([1], 1)
        futures.append(pool.submit(office.queue.answer, 7))
        assert [each.result(10) for each in futures] == [10, 12, 14]
    assert (office.alone, office.batches) == ([1], [[2, 3, 4], [5, 6, 7]])


def test_nobody_is_waited_for_longer_than_a_moment_and_soon_not_at_all(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued(office, 1, [2, 3, 4])
    monkeypatch.setattr(batch_queue, "LINGER", 0.05)
    office.queue._ended = monotonic()
    took = []
    for asked in range(5, 5 + batch_queue.LATELY + 1):
        began = monotonic()
        assert office.queue.answer(asked) == asked * 2
        took.append(monotonic() - began)
    assert all(0.03 < each < 5 for each in took[: batch_queue.LATELY - 1]), took
    # four alone since: a company of three is no more what there was lately
    assert took[-1] < min(took[: batch_queue.LATELY - 1])
    assert office.batches == [[2, 3, 4]]


def test_who_comes_later_than_a_moment_after_a_group_waits_for_nobody(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued(office, 1, [2, 3, 4])
    monkeypatch.setattr(batch_queue, "LINGER", 30.0)
    office.queue._ended -= 30.0
    began = monotonic()
    assert office.queue.answer(5) == 10
    assert monotonic() - began < 10


def test_one_interrupted_while_it_waits_for_others_keeps_nobody(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued(office, 1, [2, 3, 4])

    def interrupted() -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(office.queue, "_linger", interrupted)
        with pytest.raises(KeyboardInterrupt):
            office.queue.answer(5)
    assert (office.queue._queue, office.queue._at_work) == ([], False)
    assert office.queue.answer(6) == 12


def test_nobody_waits_longer_than_patience_for_one_at_work(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_queue, "PATIENCE", 0.01)
    held = threading.Event()

    def by_itself(asked: str) -> str:
        if asked == "slow":
            held.wait()
        return asked

    slow = BatchQueue[str, str](by_itself, lambda asked: [None] * len(asked))
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(slow.answer, "slow")
        waited_for(lambda: slow._at_work)
        assert [pool.submit(slow.answer, name).result(timeout=10) for name in "ab"] == ["a", "b"]
        assert not first.done()
        held.set()
        assert first.result() == "slow"
    assert (slow._queue, slow._at_work) == ([], False)


def test_under_a_storm_everybody_gets_the_own_answer_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short patience, refusals, a line cut now and then: what comes back is always what was asked."""
    monkeypatch.setattr(batch_queue, "PATIENCE", 0.002)
    office = Office()
    office.takes = 0.0005
    wrong: list[object] = []

    def client(seed: int) -> None:
        random = Random(seed)
        for _ in range(200):
            asked = random.randint(-5, 120)
            try:
                answer: object = office.queue.answer(asked)
            except Refused:
                answer = "refused"
            if answer != ("refused" if asked < 0 else asked * 2):
                wrong.append((asked, answer))

    threads = [threading.Thread(target=client, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert wrong == []
    assert (office.most_at_once, bool(office.batches)) == (1, True)
    assert (office.queue._queue, office.queue._at_work) == ([], False)
