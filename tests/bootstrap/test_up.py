"""`hulian up` as a new user meets it: a real process on a fresh home, asked over HTTP, stopped with Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bootstrap.server.embedded import EmbeddedPostgres

STARTED = 120.0


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hulian-up-") as directory:
        yield Path(directory) / "home"
        EmbeddedPostgres(Path(directory) / "home" / "postgres").destroy()


@contextmanager
def running(home: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A started `hulian up` and what it has said so far, ending with its last line of advice."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bootstrap", "up"],
        env={**os.environ, "HULIAN_HOME": str(home), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    said: list[str] = []
    until = time.monotonic() + STARTED
    try:
        for line in process.stdout:
            said.append(line)
            if "Ctrl-C" in line:
                break
            assert time.monotonic() < until, "".join(said)
        yield process, "".join(said)
    finally:
        if process.poll() is None:
            process.kill()
        process.stdout.close()
        process.wait()


def stopped(process: subprocess.Popen[str]) -> str:
    """Press Ctrl-C and wait for the end; what was said on the way."""
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    rest = process.stdout.read()
    assert process.wait(60) == 0, rest
    return rest


def asked(url: str, token: str) -> dict[str, Any]:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        read: dict[str, Any] = json.load(answer)
        return read


def households(url: str, token: str) -> list[dict[str, Any]]:
    until = time.monotonic() + 30
    while True:
        items: list[dict[str, Any]] = asked(f"{url}/v1/households?limit=100", token)["items"]
        if len(items) >= 22 or time.monotonic() > until:
            return items
        time.sleep(0.2)


def test_it_starts_with_samples_answers_stops_cleanly_and_keeps_its_data(home: Path) -> None:
    with running(home) as (process, said):
        url = re.search(r"http://127\.0\.0\.1:\d+", said)
        token = re.search(r"export TOKEN=(\S+)", said)
        assert url is not None, said
        assert token is not None, said
        assert "退回 10 户" in said
        first = households(url[0], token[1])
        assert len(first) == 22
        assert all(item["head"]["name"].endswith("*") for item in first)
        assert "数据保留" in stopped(process)
    assert not EmbeddedPostgres(home / "postgres").running()
    with running(home) as (process, said):
        url = re.search(r"http://127\.0\.0\.1:\d+", said)
        token = re.search(r"export TOKEN=(\S+)", said)
        assert url is not None, said
        assert token is not None, said
        assert "本次新增 0 户" in said
        again = households(url[0], token[1])
        assert {item["id"] for item in again} == {item["id"] for item in first}
        stopped(process)
