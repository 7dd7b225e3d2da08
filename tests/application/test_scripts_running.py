"""Scripts carried out: twice, half, beside a worker, against what they expect, and in a store that is no trial."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files

import psycopg
import pytest

from application.scripts.script import CHINA, Script, ScriptRefused
from application.scripts.script_reader import read_script
from application.scripts.script_run import (
    RefusalMissing,
    RefusedOtherwise,
    ScriptRun,
    ScriptStopped,
    StepRefused,
    run_script,
)
from bootstrap.cli.run.outcome import OutcomeUnread, outcome_json
from bootstrap.trial_store import fresh_trial
from bootstrap.wiring import Installation
from domain.values.spells import Label
from tests.application.trials import sample, store_in_use, told, trial
from tests.database import TestServer
from workers.deadlines import carry_out

HEAD = """\
title: 试办
persons:
  A1: {name: 于某, id: "990101197304120013"}
  A2: {name: 于某某, birth: 2015-09-03}
households:
  yu: {region: "370786101215", members: {A1: head, A2: daughter}}
steps:
"""
BY = "by: {organ: 370786101/township, officer: w1}"
APPLY = f"on: 2021-07-01, {BY}, do: apply, household: yu, applicant: A1"
SIGN = f"on: 2021-07-01, {BY}, do: authorise-verification, household: yu, persons: [A1]"
ACCEPT = f"on: 2021-07-01, {BY}, do: accept-application, household: yu"


@pytest.fixture(scope="module")
def installation(server: TestServer) -> Iterator[Installation]:
    with trial(server) as installation:
        yield installation


def script(name: str, *steps: str, head: str = HEAD) -> Script:
    return read_script(head + "".join(f"  - {{{step}}}\n" for step in steps), name)


def stopped(installation: Installation, told: Script) -> ScriptStopped:
    with pytest.raises(ScriptStopped) as caught:
        run_script(told, installation.handler)
    return caught.value


def without_ids(head: str = HEAD) -> str:
    """The same household, found by no ID number, so that every script has a family of its own."""
    return head.replace(', id: "990101197304120013"', "")


def events_of(installation: Installation, run: ScriptRun) -> list[str]:
    return [row.name for row in installation.store.load(run.households["yu"]).rows]


def test_the_same_script_again_answers_the_same_and_adds_nothing(server: TestServer) -> None:
    for name in ("story-yu", "story-ling-unheard"):
        with trial(server) as installation:
            first = run_script(sample(name), installation.handler)
            outcome, heads = told(installation, first), installation.store.heads()
            again = run_script(sample(name), installation.handler)
            assert (first.events > 50, again.events) == (True, 0)
            assert told(installation, again) == outcome
            assert again.reached == first.reached
            assert installation.store.heads() == heads


def test_a_script_grown_longer_goes_on_where_it_ended(installation: Installation) -> None:
    short = run_script(script("grows", APPLY, SIGN, head=without_ids()), installation.handler)
    longer = run_script(script("grows", APPLY, SIGN, ACCEPT, head=without_ids()), installation.handler)
    assert longer.events == 1
    assert longer.households == short.households
    assert events_of(installation, longer)[-1] == "household.application-accepted.1"


def test_a_script_whose_earlier_step_changed_is_stopped(installation: Installation) -> None:
    run_script(script("changes", APPLY, SIGN, head=without_ids()), installation.handler)
    other = APPLY + ", channel: online"
    stop = stopped(installation, script("changes", other, SIGN, head=without_ids()))
    assert (stop.step, stop.do, stop.code) == (1, "apply", "changed-command")


def test_an_unexpected_refusal_stops_with_step_command_code_and_sentence(installation: Installation) -> None:
    early = f"on: 2021-07-02, {BY}, do: start-investigation, household: yu"
    stop = stopped(installation, script("stops", APPLY, early, head=without_ids()))
    assert isinstance(stop, StepRefused)
    assert (stop.step, stop.line, stop.on) == (2, 9, date(2021, 7, 2))
    assert str(stop) == (
        "第2步（第9行，2021-07-02）start-investigation：申请尚未受理，不能进入调查核实；请先受理或者一次性告知补正。"
        " [not-accepted]"
    )


def test_what_came_before_a_stop_is_done_and_nothing_after(installation: Installation) -> None:
    late = f"on: 2021-07-03, {BY}, do: start-verification, household: yu"
    stop = stopped(installation, script("half", APPLY, late, head=without_ids()))
    assert stop.code == "not-accepted"
    assert (stop.run.events, [each.step for each in stop.run.refused]) == (4, [2])
    mended = run_script(script("half", APPLY, SIGN, head=without_ids()), installation.handler)
    assert events_of(installation, mended)[-2:] == [
        "household.applied.1",
        "household.verification-authorised.1",
    ]


def test_an_expected_refusal_is_told_and_writes_nothing(installation: Installation) -> None:
    late = f"on: 2021-07-03, {BY}, do: start-investigation, household: yu, refused: not-accepted"
    run = run_script(script("expects", APPLY, late, head=without_ids()), installation.handler)
    (refused,) = run.refused
    assert (refused.step, refused.do, refused.code, refused.article) == (
        2,
        "start-investigation",
        "not-accepted",
        "M57 art.28",
    )
    assert events_of(installation, run)[-1] == "household.applied.1"


def test_a_refusal_that_does_not_come_stops_the_script_and_writes_nothing(installation: Installation) -> None:
    steps = (APPLY, SIGN, ACCEPT + ", refused: not-applied")
    stop = stopped(installation, script("missing", *steps, head=without_ids()))
    assert isinstance(stop, RefusalMissing)
    assert (stop.step, stop.code, stop.expected) == (3, "refusal-missing", "not-applied")
    before = run_script(script("missing", APPLY, SIGN, head=without_ids()), installation.handler)
    assert events_of(installation, before)[-1] == "household.verification-authorised.1"


def test_another_refusal_than_expected_stops_the_script(installation: Installation) -> None:
    late = f"on: 2021-07-03, {BY}, do: start-investigation, household: yu, refused: not-competent"
    stop = stopped(installation, script("other", APPLY, late, head=without_ids()))
    assert isinstance(stop, RefusedOtherwise)
    assert (stop.code, stop.expected) == ("not-accepted", "not-competent")
    assert "not-competent" in str(stop)
    assert "not-accepted" in str(stop)


def test_a_refusal_by_the_store_can_be_expected_too(server: TestServer) -> None:
    text = files("samples").joinpath("story-ling.yaml").read_text("utf-8")
    confirm = "do: confirm-dibao, household: ling}"
    beginning = text[: text.index(confirm)] + confirm.replace("}", ", refused: claim-conflict}\n")
    with trial(server) as installation:
        run_script(sample("story-ling"), installation.handler)
        for _ in range(2):
            run = run_script(read_script(beginning, "the same persons once more"), installation.handler)
            assert [refused.code for refused in run.refused] == ["claim-conflict"]


def test_the_system_acts_while_the_clock_passes(installation: Installation) -> None:
    late = f"on: 2021-07-20, {BY}, do: report-change, household: yu, person: A1, kind: income"
    outcome = told(
        installation,
        run_script(script("late", APPLY, SIGN, ACCEPT, late, head=without_ids()), installation.handler),
    )
    chain = outcome["households"]["yu"]["chain"]
    assert [(row["date"], row["actor"], row["facts"]["what"]) for row in chain if "what" in row["facts"]] == [
        ("2021-07-07", "system:deadlines", "DL-DIB-INV")
    ]
    assert [row["date"] for row in chain] == sorted(row["date"] for row in chain)
    assert {"what": "DL-DIB-INV", "due": "2021-07-06", "done": None, "met": None} in outcome["households"][
        "yu"
    ]["due"]


def test_a_worker_in_between_changes_nothing_of_a_second_run(server: TestServer) -> None:
    told_before = sample("story-ling-unheard")
    with store_in_use(server) as installation:
        first = run_script(told_before, installation.handler)
        household = first.households["ling"]
        assert carry_out(installation.handler, household, date(2026, 10, 2)).acts == 1
        again = run_script(told_before, installation.handler)
        assert (again.events, again.refused, again.reached) == (0, first.refused, first.reached)
        assert [label.label for label in installation.households.get(household).status.labels] == [
            Label.GRACE,
            Label.EXITED,
        ]


def test_what_the_worker_did_first_the_script_does_not_do_again(server: TestServer) -> None:
    whole = sample("story-yu")
    half = Script(whole.name, whole.title, whole.regions, whole.persons, whole.households, whole.steps[:-1])
    with store_in_use(server) as installation:
        household = run_script(half, installation.handler).households["yu"]
        assert carry_out(installation.handler, household, date(2023, 6, 1)).acts == 1
        assert run_script(whole, installation.handler).events == 0
        assert installation.households.get(household).status.cycle == 2


def test_a_told_time_is_when_it_was_recorded_and_later_steps_follow(installation: Installation) -> None:
    steps = (
        APPLY + ", at: 2021-07-04T16:30",
        SIGN.replace("2021-07-01", "2021-07-02"),
        ACCEPT.replace("-01", "-05"),
    )
    run = run_script(script("clock", *steps, head=without_ids()), installation.handler)
    rows = installation.store.load(run.households["yu"]).rows
    late = datetime(2021, 7, 4, 16, 30, tzinfo=CHINA)
    assert [row.recorded_at for row in rows] == [
        *[datetime(2021, 7, 1, 9, tzinfo=CHINA)] * 3,
        late,
        late,
        datetime(2021, 7, 5, 9, tzinfo=CHINA),
    ]
    known = installation.households.get(run.households["yu"], known_at=late - timedelta(seconds=1))
    assert known.case is None


def test_a_store_that_is_no_trial_keeps_its_own_clock(server: TestServer) -> None:
    with store_in_use(server) as installation:
        before = datetime.now(UTC) - timedelta(seconds=1)
        run = run_script(script("real", APPLY), installation.handler)
        rows = installation.store.load(run.households["yu"]).rows
        assert {row.effective_on for row in rows} == {date(2021, 7, 1)}
        assert all(row.recorded_at >= before for row in rows)


def test_a_person_of_two_households_is_one_person_by_the_id_number(installation: Installation) -> None:
    second = HEAD.replace("steps:", '  wu: {region: "370786101215", members: {A1: head}}\nsteps:')
    steps = (APPLY, APPLY.replace("yu", "wu").replace("07-01", "07-02"))
    run = run_script(script("two", *steps, head=second), installation.handler)
    (one, _), (other,) = (
        installation.households.get(run.households[key]).people.members for key in ("yu", "wu")
    )
    assert one.person == other.person
    assert run.subjects[one.person] == "A1"


def test_a_region_the_register_does_not_know_is_refused_before_anything_happens(
    installation: Installation,
) -> None:
    heads = installation.store.heads()
    with pytest.raises(ScriptRefused) as caught:
        run_script(script("nowhere", APPLY, head='regions: ["999999"]\n' + HEAD), installation.handler)
    assert [(fault.field, fault.code) for fault in caught.value.faults] == [("regions[0]", "unknown-region")]
    assert installation.store.heads() == heads


def test_an_outcome_the_read_models_do_not_hold_yet_is_not_made_up(installation: Installation) -> None:
    installation.caught_up()
    run = run_script(script("unread", APPLY, head=without_ids()), installation.handler)
    with installation.pool.connection() as connection, pytest.raises(OutcomeUnread):
        outcome_json(run, connection)


def test_a_fresh_trial_leaves_nothing_behind(server: TestServer) -> None:
    if server.external is not None:
        pytest.skip("an embedded server is needed")

    def databases() -> set[str]:
        with psycopg.connect(server.uri("postgres")) as connection:
            rows = connection.execute("select datname from pg_database").fetchall()
            return {name for (name,) in rows if "trial" in name}

    def fails() -> None:
        with fresh_trial(server.embedded) as installation:
            assert installation.store.trial
            assert len(databases()) == 2
            run_script(script("fresh", APPLY), installation.handler)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fails()
    assert databases() == set()
