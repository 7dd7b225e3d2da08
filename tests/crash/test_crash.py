"""Fifteen kills under load, each of something real and with SIGKILL: nothing acknowledged is lost, nothing is twice."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pytest

from tests.crash.__main__ import crash
from tests.crash.driver import Plan
from tests.crash.report import table_of
from tests.crash.site import Site

KILLS, SEED = 15, 20260701


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the server's processes are found in /proc")
def test_fifteen_kills_under_load_lose_and_repeat_nothing() -> None:
    # on a disk, and short enough for a socket: pytest's own directories are neither
    site = Site(Path(tempfile.mkdtemp(prefix="hulian-crash-")))
    said: list[str] = []
    try:
        report = crash(site, Plan(KILLS, SEED, registers=2), said.append)
    finally:
        if sys.exc_info()[0] is not None:
            print("\n".join(said))
        site.remove()
    told = "\n".join([*said, table_of(report)])
    assert report["clean"], told
    assert report["kills"] == KILLS, told
    # and there was something to lose
    assert report["commands"]["acknowledged"] > 100, told
    assert report["commands"]["joint"] > 0, told
    assert report["reads"] > 10, told
    assert report["rebuilt"] > 0, told
    assert len(report["victims"]) >= 5, told
    assert all(each["examined"] for each in report["checks"].values()), told
