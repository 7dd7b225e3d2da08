"""Percentiles of day counts are exact: what Python says of the days themselves."""

from __future__ import annotations

import random
import statistics as reckoned
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.percentiles import LEAST, Percentiles, percentiles


def ranked(days: Sequence[int]) -> Percentiles:
    """The same by Python's own means."""
    ordered = sorted(days)

    def rank(share: int) -> int:
        return next(d for d in ordered if sum(each <= d for each in ordered) * 100 >= share * len(ordered))

    assert rank(50) == reckoned.median_low(days)
    return Percentiles(len(days), rank(50), rank(90), rank(95), max(days))


@given(days=st.lists(st.integers(0, 60), min_size=2, max_size=300), split=st.randoms())
def test_percentiles_of_day_counts_are_those_of_the_days(days: list[int], split: random.Random) -> None:
    counts = list(Counter(days).items())
    for _ in range(5):  # the same number of days may come in several counts, as from several merges
        day, n = counts.pop(split.randrange(len(counts)))
        part = split.randint(0, n)
        counts += [(day, part), (day, n - part)]
    found = percentiles(counts)
    assert found == ranked(days)
    assert found.p50 == reckoned.median_low(days)
    cuts = reckoned.quantiles(days, n=100, method="inclusive")
    ordered = sorted(days)
    for share, value in ((50, found.p50), (90, found.p90), (95, found.p95)):
        assert value in ordered
        # Python interpolates between two days: ours is one of the two beside it
        below = max((d for d in ordered if d <= cuts[share - 1]), default=ordered[0])
        above = min((d for d in ordered if d >= cuts[share - 1]), default=ordered[-1])
        assert value in (below, above)


@pytest.mark.parametrize(
    ("counts", "found"),
    [
        ([], Percentiles(0, None, None, None, None)),
        ([(7, 1)], Percentiles(1, 7, 7, 7, 7)),
        ([(1, 1), (2, 1)], Percentiles(2, 1, 2, 2, 2)),
        ([(3, 9), (30, 1)], Percentiles(10, 3, 3, 30, 30)),
        ([(3, 95), (30, 5)], Percentiles(100, 3, 3, 3, 30)),
        ([(3, 94), (30, 6)], Percentiles(100, 3, 3, 30, 30)),
    ],
)
def test_a_percentile_is_the_least_days_so_many_did_not_exceed(
    counts: list[tuple[int, int]], found: Percentiles
) -> None:
    assert percentiles(counts) == found


@pytest.mark.parametrize(("n", "is_shown"), [(0, True), (1, False), (LEAST - 1, False), (LEAST, True)])
def test_fewer_than_five_are_hidden(n: int, is_shown: bool) -> None:
    found = percentiles([(4, n)])
    assert (found.shown() == found) is is_shown
    assert is_shown or found.shown() == Percentiles(None, None, None, None, None)
