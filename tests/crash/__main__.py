"""`python -m tests.crash --kills 300 --seed 1`: kill everything at random under load, then check everything.

Ctrl-C ends the killing; what has happened so far is checked all the same. Exit status: 0 clean, 1 something is
wrong, and then the home stays for whoever looks into it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

from bootstrap.wiring import opened
from tests.crash.checks import all_checked
from tests.crash.driver import Plan, driven
from tests.crash.entrances import HttpDoor, answer_of
from tests.crash.evidence import Checked, Evidence
from tests.crash.journal import Asked, Fields, Journal, Told, read_journals
from tests.crash.report import checks_of, is_clean, report_of, shown, table_of
from tests.crash.site import Site, registers_of


def crash(site: Site, plan: Plan, say: Callable[[str], None]) -> dict[str, Any]:
    """One run on a new site, all of it: load, kills, recovery, checks; the report."""
    with driven(site, plan, say) as driver:
        told = read_journals(site.journal)
        say(f"checking: {len(told.asked)} commands, {len(told.seen)} reads")
        checked = checked_at(site, told, driver.ports, plan.seed)
        report = report_of(driver.run, told, checked)
    say("clean" if is_clean(driver.run, checked) else "NOT CLEAN")
    return report


def checked_at(site: Site, told: Told, ports: Sequence[int], seed: int) -> dict[str, Checked]:
    """What every check finds at a site that is at rest; `ports` are those of its API, none when it is down."""
    journal = Journal(site.home / "again.jsonl")
    door = HttpDoor(ports, site.keys, journal, "again", Random(seed), Event())

    def over_http(asked: Asked) -> Fields | None:
        answer = door.again(asked, patience=20)
        if answer is None or answer.status_code not in (200, 201):
            return None
        again: Fields = answer.json()
        return again

    try:
        with opened(site.addresses, site.keys, pool_size=4) as installation:
            handler = installation.handler
            again: dict[str, Callable[[Asked], Fields | None]] = {
                "handler": lambda asked: answer_of(handler.handle(asked.request))
            }
            if ports:
                again["http"] = over_http
            return all_checked(
                Evidence(installation, site.keys, site.witness, told, registers_of(site.home), again, seed)
            )
    finally:
        door.close()
        journal.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=15)
    parser.add_argument(
        "--seed", type=int, default=int(time.time()), help="of the order of kills and of the load"
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="no more kills after so long")
    parser.add_argument(
        "--home", type=Path, help="an empty directory on the disk to be used; else a temporary one"
    )
    parser.add_argument(
        "--keep", action="store_true", help="leave the home, its server stopped, even when all is clean"
    )
    parser.add_argument("--json", type=Path, help="write the report there as JSON, too")
    parser.add_argument("--check", type=Path, metavar="HOME", help="only check again what was left there")
    told = parser.parse_args()
    if told.check is not None:
        return _check(Site(told.check), told.seed)
    site = Site(told.home or Path(tempfile.mkdtemp(prefix="hulian-crash-")))
    begun = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - begun:7.1f} s] {line}", flush=True)

    say(f"seed {told.seed}, home {site.home}")
    clean = False
    try:
        report = crash(site, Plan(told.kills, told.seed, told.minutes), say)
        clean = report["clean"]
        print(table_of(report))
        if told.json is not None:
            told.json.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", "utf-8")
    finally:
        if clean and not told.keep:
            site.remove()
        else:
            site.server.stop()
            say(f"left for looking into it: {site.home} (journal, logs, databases)")
    return 0 if clean else 1


def _check(site: Site, seed: int) -> int:
    site.server.start()
    try:
        checked = checked_at(site, read_journals(site.journal), (), seed)
    finally:
        site.server.stop()
    print("\n".join(checks_of(shown(checked))))
    return 0 if all(each.clean for each in checked.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
