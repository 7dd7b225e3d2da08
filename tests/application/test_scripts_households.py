"""Scripts of several households: one splits off, one joins, and everybody keeps the key the script gave them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from application.scripts.script import Script, ScriptRefused
from application.scripts.script_reader import read_script
from application.scripts.script_run import RefusalMissing, ScriptStopped, run_script
from bootstrap.wiring import Installation
from tests.application.trials import carried_out, sample, told, trial
from tests.database import TestServer

Json = dict[str, Any]

HEAD = """\
title: 试办
persons:
  A1: {name: 甲某, birth: 1960-02-03}
  A2: {name: 甲二, birth: 1985-02-03}
  B1: {name: 乙某, birth: 1961-02-03}
  K: {name: 丙某, id: "990301195603181010"}
households:
  jia: {region: "370786101215", members: {A1: head, A2: son}}
  yi: {region: "370786101216", members: {B1: head}}
steps:
"""
BY = "by: {organ: 370786101/township, officer: w1}"
SPLIT = (
    f"on: 2025-07-01, {BY}, do: split-household, household: jia, members: [{{person: A2, relation: head}}]"
)
MOVE = f"on: 2025-07-02, {BY}, do: move-member, household: jia, person: A2, relation: other, into: yi"
JOIN = f"{BY}, do: join-household, household: yi, members: [{{person: B1, relation: other}}]"
ADD = (
    f"on: 2025-07-01, {BY}, do: add-member, household: jia, cause: return, "
    'member: {key: K, name: 丙某, relation: other, id_number: "990301195603181010"}'
)


def script(*steps: str, head: str = HEAD, name: str = "several") -> Script:
    return read_script(head + "".join(f"  - {{{step}}}\n" for step in steps), name)


def faults(*steps: str) -> list[tuple[int | None, str, str]]:
    with pytest.raises(ScriptRefused) as caught:
        script(*steps)
    return [(fault.step, fault.field, fault.code) for fault in caught.value.faults]


@pytest.fixture(scope="module")
def installation(server: TestServer) -> Iterator[Installation]:
    with trial(server) as installation:
        yield installation


@pytest.fixture(scope="module")
def story(server: TestServer) -> Iterator[Json]:
    with trial(server) as installation:
        outcome = carried_out(installation, sample("story-split-death"))
        again = run_script(sample("story-split-death"), installation.handler)
        assert again.events == 0
        assert told(installation, again) == outcome
        yield outcome


def days(household: Json, event: str) -> list[str]:
    return [row["date"] for row in household["chain"] if row["event"] == f"household.{event}.1"]


# --- the sample story


def test_the_story_tells_three_households_by_its_own_keys(story: Json) -> None:
    ties = {key: (told["split_from"], told["joined_into"]) for key, told in story["households"].items()}
    assert ties == {"wei": (None, None), "brother": (None, "wei"), "young": ("wei", None)}


def test_the_amount_follows_who_is_in_the_family(story: Json) -> None:
    assert story["households"]["wei"]["benefits"] == [
        {"kind": "DIBAO", "fen": 220_000, "from": "2026-04", "to": "2026-06"},  # 560 × 5 - 600
        {"kind": "DIBAO", "fen": 112_000, "from": "2026-06", "to": "2026-08"},
        {"kind": "DIBAO", "fen": 56_000, "from": "2026-08", "to": "2026-10"},
        {"kind": "DIBAO", "fen": 112_000, "from": "2026-10", "to": None},
    ]
    settled = [row["fen"] for row in story["households"]["wei"]["payments"] if row["state"] == "settled"]
    assert sum(settled) == 2 * 220_000 + 2 * 112_000 + 2 * 56_000 + 2 * 112_000


def test_the_death_is_settled_within_three_months(story: Json) -> None:
    wei = story["households"]["wei"]
    assert days(wei, "member-died") == ["2026-07-15"]
    assert {"what": "DL-DTH", "due": "2026-10-12", "done": "2026-07-28", "met": True} in wei["due"]
    assert [row for household in story["households"].values() for row in household["due"] if not row["done"]]
    assert [row["what"] for row in wei["due"] if row["done"] is None] == ["DL-REC-HALF"]
    assert not [row for row in wei["chain"] if row["in_time"] is False]


def test_the_new_household_begins_with_the_split_and_is_corrected_there(story: Json) -> None:
    young = [row["event"].split(".")[1] for row in story["households"]["young"]["chain"]]
    assert young == ["split-from", *["member-arrived"] * 3, "reassessment-concluded", "member-corrected"]
    assert days(story["households"]["brother"], "joined-into") == ["2026-09-01"]


def test_what_may_not_be_is_refused_in_the_story(story: Json) -> None:
    assert [(each["household"], each["code"]) for each in story["refused"]] == [
        ("wei", "hearing-not-held"),
        ("young", "corrected-already"),
    ]


# --- keys of households


def test_a_household_is_named_by_its_key_wherever_one_is_asked_for(installation: Installation) -> None:
    run = run_script(script(MOVE, name="moves"), installation.handler)
    (moved,) = [
        m for m in installation.households.get(run.households["yi"]).people.members if m.relation == "other"
    ]
    assert run.subjects[moved.person] == "A2"
    assert run.events == 7  # two households registered with three members, and the move's two


def test_a_household_only_others_name_is_registered_before_they_do(installation: Installation) -> None:
    later = HEAD.replace("members: {B1: head}}", "members: {B1: head}, registered: 2025-06-01}")
    run = run_script(script(MOVE, head=later, name="registered"), installation.handler)
    rows = installation.store.load(run.households["yi"]).rows
    assert [str(row.effective_on) for row in rows] == ["2025-06-01", "2025-06-01", "2025-07-02"]


def test_the_household_a_split_begins_is_named_in_the_steps_after_it(installation: Installation) -> None:
    change = f"on: 2025-07-02, {BY}, do: report-change, household: xin, person: A2, kind: income"
    back = f"on: 2025-07-03, {JOIN}, into: xin"
    run = run_script(script(SPLIT + ", begins: xin", change, back, name="xin"), installation.handler)
    xin = installation.households.get(run.households["xin"])
    assert [run.subjects[m.person] for m in xin.people.members] == ["A2", "B1"]
    assert installation.households.get(run.households["yi"]).lineage.joined_into == xin.id
    assert (
        run_script(script(SPLIT + ", begins: xin", change, back, name="xin"), installation.handler).events
        == 0
    )


def test_who_is_added_later_goes_by_their_key_from_then_on(installation: Installation) -> None:
    leave = f"on: 2025-07-02, {BY}, do: move-member, household: jia, person: K, relation: other, into: yi"
    for events in (8, 0):
        run = run_script(script(ADD, leave, name="added"), installation.handler)
        assert run.events == events
        (moved,) = installation.households.get(run.households["yi"]).people.members[1:]
        assert run.subjects[moved.person] == "K"


def test_keys_that_mean_nothing_are_faults_with_their_step() -> None:
    change = f"on: 2025-07-02, {BY}, do: report-change, household: xin, person: A2, kind: income"
    assert faults(MOVE.replace("into: yi", "into: bing")) == [(1, "into", "unknown-household")]
    assert faults(change, SPLIT.replace("07-01", "07-03") + ", begins: xin", MOVE.replace("-02", "-04")) == [
        (1, "household", "unknown-household")
    ]


def test_a_split_says_which_household_it_begins_and_nothing_else_does() -> None:
    assert faults(SPLIT, MOVE) == [(1, "begins", "missing-field")]
    assert faults(SPLIT + ", begins: yi", MOVE) == [(1, "begins", "household-twice")]
    assert faults(MOVE + ", begins: xin") == [(1, "begins", "begins-nothing")]
    assert faults(SPLIT + ", begins: xin, every: month, until: 2025-09", MOVE) == [
        (1, "begins", "begins-with-every")
    ]


# --- refusals expected


def test_a_refusal_of_several_households_can_be_expected(installation: Installation) -> None:
    nobody = SPLIT.replace("{person: A2, relation: head}", "") + ", refused: nobody-splits-off"
    same = MOVE.replace("into: yi", "into: jia") + ", refused: same-household"
    run = run_script(script(nobody, same, MOVE, name="refused"), installation.handler)
    assert [each.code for each in run.refused] == ["nobody-splits-off", "same-household"]


def test_after_joining_the_way_there_is_told(installation: Installation) -> None:
    after = f"on: 2025-07-05, {BY}, do: report-change, household: yi, person: B1, kind: income"
    steps = (f"on: 2025-07-03, {JOIN}, into: jia", after + ", refused: joined-elsewhere")
    run = run_script(script(*steps, name="joined"), installation.handler)
    assert [each.code for each in run.refused] == ["joined-elsewhere"]
    assert told(installation, run)["households"]["yi"]["joined_into"] == "jia"


def test_a_correction_expected_to_be_refused_is_decided_with_the_step_it_names(
    installation: Installation,
) -> None:
    def correct(step: int, said: str, refused: str) -> str:
        return (
            f"on: 2025-07-02, {BY}, do: correct-member, household: jia, step: {step}, why: 笔误, {said}, "
            f"refused: {refused}"
        )

    number = 'id_number: "990301195603181010"'
    steps = (
        ADD,
        correct(1, "relation: son", "not-correctable"),
        correct(2, "relation: head", "nothing-wrong"),
        correct(3, number, "number-is-anothers"),
        correct(9, "relation: son", "no-such-step"),
    )
    head = HEAD.replace("  yi: {", "  bing: {")  # registered, so that it has a step
    other = f"on: 2025-07-02, {BY}, do: report-change, household: bing, person: B1, kind: income"
    for _ in range(2):
        run = run_script(script(*steps, other, head=head, name="corrections"), installation.handler)
        assert [each.code for each in run.refused] == [
            "not-correctable",
            "nothing-wrong",
            "number-is-anothers",
            "no-such-step",
        ]
    wrong = script(ADD, correct(3, "relation: daughter", "nothing-wrong"), other, head=head, name="unrefused")
    with pytest.raises(ScriptStopped) as stopped:
        run_script(wrong, installation.handler)
    assert isinstance(stopped.value, RefusalMissing)
