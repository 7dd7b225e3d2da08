"""Log lines: one shape for all, no ID number in any of them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from asgi_correlation_id import correlation_id

from bootstrap.logging import configure_logging, mask_identity_numbers

PERSON = "99010119730412002X"
MASKED = "990101********002X"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"身份证{PERSON}。", f"身份证{MASKED}。"),
        (f"id{PERSON.lower()}y", "id990101********002xy"),
        ("990101197399990023", "990101********0023"),  # no such date, still 18 places alone
        (f'"{PERSON}","{PERSON}"', f'"{MASKED}","{MASKED}"'),
        ("6f1d990101197399990023ab", "6f1d990101197399990023ab"),  # inside a request id
        ("2026-07-01T09:00:00.123456+08:00 27537", "2026-07-01T09:00:00.123456+08:00 27537"),
    ],
)
def test_identity_numbers_are_masked_and_little_else(text: str, masked: str) -> None:
    assert mask_identity_numbers(text) == masked


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "text"])
def test_no_line_shows_an_identity_number(stream: io.StringIO, as_json: bool) -> None:
    configure_logging(json=as_json, stream=stream)
    structlog.get_logger("hulian").info(
        "looked up", person=PERSON, nested={"id": [PERSON]}, **{f"k{PERSON}": 1}
    )
    logging.getLogger("uvicorn.access").info('%s - "GET /v1/x?id=%s"', "127.0.0.1", PERSON)
    try:
        raise ValueError(PERSON)
    except ValueError:
        logging.getLogger("uvicorn.error").exception("failed")
        structlog.get_logger("hulian").exception("failed", id=int(PERSON[:17] + "1"))
    lines = stream.getvalue()
    assert PERSON not in lines
    assert PERSON[6:14] not in lines
    assert lines.count(MASKED) >= 5
    assert "Traceback" in lines


def test_json_lines_carry_level_logger_time_and_request(stream: io.StringIO) -> None:
    configure_logging("INFO", json=True, stream=stream)
    token = correlation_id.set("r-1")
    try:
        structlog.get_logger("hulian.command").info("handled", command="accept", events=2)
        logging.getLogger("library").debug("unheard")
        logging.getLogger("library").warning("heard")
    finally:
        correlation_id.reset(token)
    ours, theirs = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert (ours["event"], ours["command"], ours["events"]) == ("handled", "accept", 2)
    assert (ours["level"], ours["logger"], ours["request_id"]) == ("info", "hulian.command", "r-1")
    assert "timestamp" in ours
    assert (theirs["event"], theirs["level"], theirs["request_id"]) == ("heard", "warning", "r-1")
