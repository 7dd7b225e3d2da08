"""Percentiles and figures at a cut: exact, named, the same for ever; and who is in a category at a month's end."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from domain.clock.stage_clocks import Clocks, advance
from domain.clock.stages import STAGES, Finished, days_by_holder, days_of
from domain.decision.confirmation import ConfirmDibao
from domain.values.calendar import WorkingCalendar
from domain.values.month import Month, Months
from domain.values.region import Level
from eventstore.appending.append_types import Cut
from eventstore.events.envelope import Envelope
from projections.durations import Durations
from projections.engine.places import DIGITS
from projections.engine.projector import Projector
from projections.merging import ModelsBehind, merge
from projections.percentiles import (
    DurationReport,
    FigureReport,
    LevelNotKept,
    NothingMerged,
    Percentiles,
    Unit,
    counts_of,
    ground_of,
    heads_of,
    percentiles_of,
)
from tests import stories
from tests.database import Databases
from tests.domain.test_clocks import calendar
from tests.eventstore.stores import opened
from tests.projections.conftest import Pool, caught_up
from tests.projections.lives import codec, fill, lives, told
from tests.projections.test_durations import MINE
from tests.projections.test_percentiles import ranked
from tests.scenario import reference

EVER = Months(Month(2020, 1), Month(2027, 12))
TakeCut = Callable[[int], Cut]


@pytest.fixture
def projector(pool: Pool) -> Projector:
    """A projector of the two read models these tests are about."""
    return Projector(pool, codec(), MINE)


@pytest.fixture
def cut(databases: Databases, tmp_path: Path) -> Iterator[TakeCut]:
    """Takes the cut of a number, as the store does."""
    with opened(databases, tmp_path) as store:
        yield lambda n: store.cut(UUID(int=n), "statistics")


def calendar_of(county: str) -> WorkingCalendar:
    return reference().ground(county, date(2026, 1, 5)).calendar


def merged(databases: Databases, cut: Cut) -> bool:
    with psycopg.connect(databases.app) as connection:
        return merge(connection, cut, calendar_of)


def forget(databases: Databases) -> None:
    """Throw every merged count away."""
    with psycopg.connect(databases.app) as connection:
        for table in ("merged", "day_count", "figure"):
            connection.execute(f"DELETE FROM read_statistics.{table}".encode())


def paid_lives(count: int, seed: int) -> list[list[Envelope]]:
    """Families confirmed and paid, each on days of its own."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        on = date(2026, 1, 5) + timedelta(days=chance.randrange(120))
        story = stories.on_the_road(stories.ling_registered(date(2025, 11, 3)), on)
        case = story.household.case
        assert case is not None
        assert case.file_received_on is not None
        decided = case.file_received_on + timedelta(days=chance.choice((0, 1, 3, 9)))
        story = stories.county(story).when(ConfirmDibao(decided))
        month = Month.of(decided) + 1
        story = stories.paid(story, month, month, chance.randrange(1, 28))
        (life,) = lives(1, seed=chance.getrandbits(32), templates=[told(story)])
        found.append(life)
    return found


def stretches(given: Iterable[Sequence[Envelope]]) -> list[tuple[str, Finished]]:
    """Every finished stretch of these lives with the village it ended in, folded without a database."""
    found = []
    for life in given:
        clocks: Clocks = ()
        for envelope in life:
            clocks, done = advance(clocks, envelope.event)
            found += [(envelope.meta.region or "", each) for each in done]
    return found


def expected(
    given: Iterable[tuple[str, Finished]], stage: str, level: Level, unit: Unit, holder: str, months: Months
) -> dict[str, list[int]]:
    """The days of each stretch, by place, counted one by one."""
    days: dict[str, list[int]] = {}
    for region, each in given:
        if each.stage != stage or Month.of(each.until) not in months:
            continue
        if holder:
            counted = days_by_holder(each.parts, calendar()).get(holder)
            if counted is None:
                continue
        else:
            counted = days_of(each.parts, calendar())
        days.setdefault(region[: DIGITS[level]], []).append(getattr(counted, unit))
    return days


def test_a_report_says_what_counting_one_by_one_says(
    databases: Databases, projector: Projector, cut: TakeCut
) -> None:
    given = paid_lives(60, seed=7)
    fill(databases.store, given)
    caught_up(projector, 400)
    assert merged(databases, cut(1))
    known = stretches(given)
    half_year = Months(Month(2026, 2), Month(2026, 4))
    asked: list[tuple[str, Level, Unit, str, Months]] = [
        ("total", "county", "working", "", EVER),
        ("total", "province", "calendar", "", EVER),
        ("total", "township", "net", "", EVER),
        ("money", "city", "working", "", half_year),
        ("application-money", "county", "calendar", "county", EVER),
        ("application-money", "county", "working", "village", half_year),
        ("notice", "county", "working", "", half_year),
    ]
    with psycopg.connect(databases.reader) as connection:
        for stage, level, unit, holder, months in asked:
            report = percentiles_of(connection, "99", level, months, stage, None, unit, holder=holder)
            wanted = expected(known, stage, level, unit, holder, months)
            assert report.areas == {area: ranked(days) for area, days in wanted.items()}
            assert report.areas
        elsewhere = percentiles_of(connection, "37", "county", EVER, "total")
        assert elsewhere.areas == {}
        of_category = percentiles_of(connection, "99", "county", EVER, "total", "MARGINAL")
        assert of_category.areas == {}
        with pytest.raises(LevelNotKept):
            percentiles_of(connection, "99", "village", EVER, "total")


def reports(databases: Databases, cut: Cut) -> tuple[list[DurationReport], list[FigureReport]]:
    """Everything a cut has to say, without the links it was summed over."""
    with psycopg.connect(databases.reader) as connection:
        durations = [
            percentiles_of(connection, "99", level, EVER, stage, None, unit, cut=cut.id)
            for level in ("county", "township")
            for stage in ("total", "money", "notice")
            for unit in ("calendar", "working", "net")
        ]
        figures = [
            counts_of(connection, "99", "village", EVER, what, cut=cut.id)
            for what in ("applied", "confirmed", "money-settled")
        ]
        figures.append(heads_of(connection, "99", "village", EVER, cut=cut.id))
    return durations, figures


def said(found: tuple[list[DurationReport], list[FigureReport]]) -> object:
    return [each.areas for each in found[0]], [each.figures for each in found[1]]


def test_the_same_cut_answers_the_same_however_far_the_models_went_on(
    databases: Databases, projector: Projector, cut: TakeCut
) -> None:
    given = paid_lives(36, seed=3)
    fill(databases.store, given[:12], by_day=False)
    first = cut(1)
    fill(databases.store, given[12:24], by_day=False)
    second = cut(2)
    caught_up(projector, 100)
    assert merged(databases, first)
    before = said(reports(databases, first))
    fill(databases.store, given[24:], by_day=False)
    third = cut(3)
    caught_up(projector, 100)
    assert said(reports(databases, first)) == before
    assert merged(databases, third)  # added to the first
    assert not merged(databases, third)
    assert merged(databases, second)  # one that lies between, merged last
    assert said(reports(databases, first)) == before
    after = {each.id: said(reports(databases, each)) for each in (first, second, third)}
    with psycopg.connect(databases.reader) as connection:
        assert ground_of(connection, third.id).chain == (first.id, third.id)
        assert ground_of(connection, second.id).chain == (first.id, second.id)
        assert ground_of(connection).cut == third.id  # the newest unless another is named
    for each in (third, second, first):  # each anew and alone: the projection has long gone on
        forget(databases)
        assert merged(databases, each)
        assert said(reports(databases, each)) == after[each.id]
    assert after[first.id] != after[second.id] != after[third.id]


def test_models_that_have_not_reached_the_cut_are_waited_for(
    databases: Databases, projector: Projector, cut: TakeCut
) -> None:
    given = paid_lives(4, seed=1)
    fill(databases.store, given[:2])
    caught_up(projector)
    fill(databases.store, given[2:])
    taken = cut(1)
    with pytest.raises(ModelsBehind):
        merged(databases, taken)
    with psycopg.connect(databases.reader) as connection, pytest.raises(NothingMerged):
        ground_of(connection)
    caught_up(projector)
    assert merged(databases, taken)


def test_a_new_calendar_edition_has_everything_counted_anew(
    databases: Databases, projector: Projector, cut: TakeCut
) -> None:
    story = stories.yu_confirmed()
    fill(databases.store, lives(6, templates=[told(story)]))
    caught_up(projector)
    assert merged(databases, cut(1))
    fill(databases.store, lives(6, seed=2, templates=[told(story)]))
    caught_up(projector)
    with psycopg.connect(databases.app) as connection:
        # a calendar that knows only 2026: days of 2021 are not guessed
        late = WorkingCalendar({2026: calendar().editions[2026]})
        assert merge(connection, cut(2), lambda county: late)
        old = percentiles_of(connection, "370786", "county", EVER, "total", cut=UUID(int=1))
        new = percentiles_of(connection, "370786", "county", EVER, "total")
        days = percentiles_of(connection, "370786", "county", EVER, "total", None, "calendar")
    assert old.areas == {"370786": Percentiles(6, 17, 17, 17, 17)}
    assert new.areas == {}
    assert days.areas == {"370786": Percentiles(12, 25, 25, 25, 25)}
    assert old.ground.uncounted == 0
    assert new.ground.uncounted == 12 * len(stretches(lives(1, templates=[told(story)])))
    assert new.ground.chain == (UUID(int=2),)
    assert new.ground.editions == {"370786": (calendar().editions[2026].id,)}


def test_a_merge_that_misses_parked_households_says_so_and_is_not_added_to(
    databases: Databases, projector: Projector, cut: TakeCut
) -> None:
    given = paid_lives(2, seed=9)
    fill(databases.store, given[:1])
    caught_up(projector)
    with psycopg.connect(databases.store) as connection:
        connection.execute(
            "INSERT INTO read_parked (lane, projection, version, household, position, error)"
            " VALUES (1, 'durations', %s, %s, 1, 'poison')",
            [Durations.version, UUID(int=257)],
        )
    assert merged(databases, cut(1))
    with psycopg.connect(databases.store) as connection:
        connection.execute("DELETE FROM read_parked")
    fill(databases.store, given[1:])
    caught_up(projector)
    assert merged(databases, cut(2))
    with psycopg.connect(databases.reader) as connection:
        assert ground_of(connection, UUID(int=1)).parked == 1
        assert ground_of(connection, UUID(int=2)).chain == (UUID(int=2),)


def test_after_many_links_a_report_is_merged_whole(
    databases: Databases, projector: Projector, cut: TakeCut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.merging.CHAIN", 2)
    given = paid_lives(4, seed=5)
    lengths = []
    for n, life in enumerate(given):
        fill(databases.store, [life])
        caught_up(projector)
        assert merged(databases, cut(n + 1))
        with psycopg.connect(databases.reader) as connection:
            lengths.append(len(ground_of(connection).chain))
            (figure,) = counts_of(connection, "99", "province", EVER, "confirmed").figures[:1]
            assert figure.area == "99"
            total = sum(each.homes for each in counts_of(connection, "99", "city", EVER, "confirmed").figures)
        assert total == n + 1
    assert lengths == [1, 2, 2, 2]


def figures(report: FigureReport) -> list[tuple[str, str, str, int, int, int]]:
    return [(f.month, f.category, f.detail, f.homes, f.heads, f.fen) for f in report.figures]


def test_the_figures_of_s1_are_those_of_its_story(
    databases: Databases, projector: Projector, cut: TakeCut
) -> None:
    fill(databases.store, lives(1, templates=[told(stories.yu_exited())]))
    caught_up(projector, 7)
    assert merged(databases, cut(1))
    with psycopg.connect(databases.reader) as connection:

        def counted(what: str, category: str | None = None, months: Months = EVER) -> list[object]:
            return list(figures(counts_of(connection, "370786", "county", months, what, category)))

        assert counted("applied") == [("2021-07", "DIBAO", "window", 1, 0, 0)]
        assert counted("accepted") == [("2021-07", "DIBAO", "", 1, 0, 0)]
        assert counted("confirmed") == [("2021-07", "DIBAO", "", 1, 0, 100_000)]
        assert counted("terminated") == [("2023-05", "DIBAO", "income-above-standard", 1, 0, 0)]
        assert counted("alert-answered") == [("2021-06", "", "application-started", 1, 0, 0)]
        assert counted("refused") == []
        assert counted("money-settled", "TEMPORARY") == [("2021-07", "TEMPORARY", "", 1, 0, 553_700)]
        one = Months(Month(2022, 3), Month(2022, 3))
        assert counted("money-settled", "DIBAO", one) == [("2022-03", "DIBAO", "", 1, 0, 100_000)]
        assert len(counted("money-ordered", "DIBAO")) == 22  # a month each, 2021-08 to 2023-05
        months = Months(Month(2021, 6), Month(2023, 7))
        heads = heads_of(connection, "370786", "county", months)
    in_dibao = [str(month) for month in Months(Month(2021, 7), Month(2023, 5))]
    assert figures(heads) == [(month, "DIBAO", "", 1, 2, 0) for month in in_dibao]


def test_a_family_that_passes_on_is_counted_once_at_each_months_end(
    databases: Databases, projector: Projector, cut: TakeCut
) -> None:
    fill(databases.store, lives(1, templates=[told(stories.ling_marginal())]))
    caught_up(projector)
    assert merged(databases, cut(1))
    with psycopg.connect(databases.reader) as connection:
        months = Months(Month(2026, 9), Month(2026, 10))
        heads = heads_of(connection, "99", "county", months)
    assert figures(heads) == [("2026-09", "DIBAO", "", 1, 3, 0), ("2026-10", "MARGINAL", "", 1, 3, 0)]


def test_a_missed_limit_is_counted_by_its_step(
    databases: Databases, projector: Projector, cut: TakeCut
) -> None:
    story = stories.on_the_road(stories.ling_registered(date(2026, 1, 5)), date(2026, 3, 2), until="accept")
    story = story.passed(date(2026, 3, 10))
    fill(databases.store, lives(1, templates=[told(story)]))
    caught_up(projector)
    assert merged(databases, cut(1))
    with psycopg.connect(databases.reader) as connection:
        report = counts_of(connection, "990301", "township", EVER, "overdue")
    assert figures(report) == [("2026-03", "", "DL-DIB-INV", 1, 0, 0)]


def test_every_stage_that_is_merged_by_holder_is_one_people_know() -> None:
    assert {code for code, stage in STAGES.items() if stage.whole} == {
        *("accept", "opinion", "decide", "total", "money", "application-money", "clue-money", "aid-money")
    }
