"""The report (演练报告): what was killed, how soon it went on, and what every check looked at and found."""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from typing import Any

from tests.crash.driver import Run
from tests.crash.evidence import Checked
from tests.crash.journal import Told, longest


def report_of(run: Run, told: Told, checked: Mapping[str, Checked]) -> dict[str, Any]:
    """Everything about a run, as JSON."""
    first = {kill.victim: 0 for kill in run.kills}
    minutes = max(run.ended - run.begun, 1e-9) / 60
    waits = [end - start for start, end in told.times.values() if end is not None]
    return {
        "seed": run.plan.seed,
        "kills": len(run.kills),
        "planned": run.plan.kills,
        "interrupted": run.interrupted,
        "minutes": round(minutes, 2),
        "killsAMinute": round(len(run.kills) / minutes, 1),
        "victims": {victim: _victim(run, told, victim) for victim in first},
        "commands": {
            "asked": len(told.asked),
            "acknowledged": len(told.answered),
            "refused": len(told.refused),
            "neverAnswered": sum(1 for _ in told.open()),
            "joint": sum(
                told.asked[id].do in ("split-household", "join-household", "move-member")
                for id in told.answered
            ),
            "waitMedian": round(longest(waits, 0.5), 3),
            "waitP99": round(longest(waits, 0.99), 3),
            "waitLongest": round(longest(waits, 1.0), 3),
        },
        "reads": len(told.seen),
        "imports": run.imports,
        "rebuilt": run.rebuilt,
        "startedWithoutDatabase": run.away,
        "unexpected": run.unexpected,
        "checks": shown(checked),
        "clean": is_clean(run, checked),
    }


def is_clean(run: Run, checked: Mapping[str, Checked]) -> bool:
    """Whether nothing at all is wrong."""
    return not run.unexpected and all(each.clean for each in checked.values())


def shown(checked: Mapping[str, Checked]) -> dict[str, Any]:
    """What the checks found, as JSON."""
    return {
        name: {"examined": each.examined, "faults": each.faults, "more": each.more}
        for name, each in checked.items()
    }


def checks_of(checks: Mapping[str, Any]) -> list[str]:
    """What the checks found as a table in Markdown, each fault below."""
    lines = ["| check | examined | faults |", "|---|---|---|"]
    for name, each in checks.items():
        lines.append(f"| {name} | {each['examined']} | {len(each['faults']) + each['more']} |")
    for name, each in checks.items():
        lines += [f"- **{name}**: {fault}" for fault in each["faults"]]
        if each["more"]:
            lines.append(f"- **{name}**: and {each['more']} more")
    return lines


def table_of(report: Mapping[str, Any]) -> str:
    """The report as a table in Markdown."""
    commands = report["commands"]
    lines = [
        f"{report['kills']} kills in {report['minutes']} minutes ({report['killsAMinute']} a minute), seed"
        f" {report['seed']}; {commands['asked']} commands asked, {commands['acknowledged']} acknowledged"
        f" ({commands['joint']} over several households), {commands['refused']} refused,"
        f" {commands['neverAnswered']} never answered; {report['reads']} reads on record; {report['imports']} imports"
        f" ended, read models rebuilt {report['rebuilt']} times.",
        f"A command waited {commands['waitMedian']} s (median), {commands['waitP99']} s (99 %),"
        f" {commands['waitLongest']} s (longest).",
        "",
        "| killed | times | up again: median, longest (s) | next command answered: median, longest (s) |",
        "|---|---|---|---|",
    ]
    for victim, each in report["victims"].items():
        lines.append(
            f"| {victim} | {each['times']} | {each['upMedian']}, {each['upLongest']}"
            f" | {each['nextMedian']}, {each['nextLongest']} |"
        )
    lines += ["", *checks_of(report["checks"])]
    lines += [f"- **ended unbidden**: {each}" for each in report["unexpected"]]
    return "\n".join(lines)


def _victim(run: Run, told: Told, victim: str) -> dict[str, Any]:
    kills = [kill for kill in run.kills if kill.victim == victim]
    answers = sorted((start, end) for start, end in told.times.values() if end is not None)
    again = [kill.again - kill.at for kill in kills if kill.again is not None]
    following = []
    for kill in kills:
        # of the commands asked afterwards the one answered first: those under way may have been all but answered
        later = answers[bisect.bisect_right(answers, (kill.at, 0.0)) :]
        if later:
            following.append(min(end for _, end in later) - kill.at)
    return {
        "times": len(kills),
        "upMedian": round(longest(again, 0.5), 2),
        "upLongest": round(longest(again, 1.0), 2),
        "nextMedian": round(longest(following, 0.5), 2),
        "nextLongest": round(longest(following, 1.0), 2),
    }
