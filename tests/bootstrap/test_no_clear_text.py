"""Nothing personal stands in clear anywhere but where it is sealed: tables, dumps, backups, logs, errors, metrics."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
import re
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import structlog
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient, Response

from application.handling.request import Request
from bootstrap.cli.backup.command import BackupRequest, backup
from bootstrap.cli.exit_status import sentence_of
from bootstrap.cli.import_register import ImportRequest, import_workbook
from bootstrap.cli.run.command import run_file
from bootstrap.cli.show import show_household
from bootstrap.cli.token import development_token
from bootstrap.logging import configure_logging
from bootstrap.server.programs import program_for, run, server_major
from bootstrap.settings import Settings, load_settings
from bootstrap.wiring import Installation, api_of
from domain.members.registration import NewMember, RegisterHousehold
from domain.values.citizen_id import check_digit
from domain.values.receipt import Actor
from eventstore import errors
from tests.application.registers import daughter, household, mother, written
from tests.bootstrap.hidden import forms, leaks
from tests.database import Databases, TestServer
from tests.installations import installed

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
VILLAGE, TOWNSHIP, COUNTY = "370786101215", "370786101/township", "370786/civil-affairs"


def number(birth: str, sequence: int) -> str:
    first17 = f"990101{birth}{sequence:03d}"
    return first17 + check_digit(first17)


ASKED = {
    "name": "欧阳砚秋",
    "number": number("19730412", 517),
    "child": "欧阳霁月",
    "child number": number("20010903", 528),
    "phone": "13987650421",
    "address": "凤栖梧桐巷三十七号院西厢",
    "account": "6217003860098765432",
    "note": "旧伤复发须长期卧床休养",
    "complainant": "端木清和",
    "complaint": "听闻其弟在外经营砖窑",
    "agent": "诸葛明澈",
    "scan": "这是一份住院病历的扫描件",
}
IMPORTED = {
    "name": "慕容听雨",
    "number": number("19850312", 546),
    "child": "慕容拾薪",
    "child number": number("20140901", 554),
    "address": "拾穗桥头第九户",
    "account": "6230520980012348888",
    "wrong": "宇文不器",
    "wrong number": number("19850312", 546)[:-1] + "A",
}
TOLD = {
    "name": "司徒望舒",
    "number": number("19730412", 533),
    "child": "司徒折桂",
    "child number": number("20010903", 541),
    "address": "揽月坡下老磨坊东屋",
    "cause": "意外坠落致股骨骨折入院",
    "reasons": "家中小儿已有稳定薪酬进项",
}
VALUES = [*ASKED.values(), *IMPORTED.values(), *TOLD.values()]
CONTROL = "福宁"  # a value there is nothing secret about, planted to see that the search finds


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging("DEBUG", json=True, stream=stream)
    client = logging.getLogger("httpx2")
    client.setLevel(logging.WARNING)  # who asks, here in one process with who answers
    yield stream
    client.setLevel(logging.NOTSET)
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


class Window:
    """Somebody at the API, who keeps every answer."""

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        self.app = app
        self.said: list[bytes] = []
        self.tokens = {
            organ: development_token(settings, "c1", organ, roles=("caseworker", "operator", "auditor"))
            for organ in (TOWNSHIP, COUNTY)
        }

    async def ask(self, method: str, path: str, organ: str = TOWNSHIP, **more: Any) -> Response:
        headers = {"Authorization": f"Bearer {self.tokens[organ]}", **more.pop("headers", {})}
        transport = ASGITransport(self.app, raise_app_exceptions=False)
        async with AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            answer = await client.request(method, path, headers=headers, **more)
        self.said += [answer.content, *(f"{k}: {v}".encode() for k, v in answer.headers.items())]
        return answer

    async def give(
        self, at: str, organ: str = TOWNSHIP, /, version: int | None = None, **body: Any
    ) -> Response:
        headers = {"Idempotency-Key": str(uuid4())}
        if version is not None:
            headers["If-Match"] = f'"v{version}"'
        return await self.ask("POST", at, organ, json=body, headers=headers)


MEMBERS: list[dict[str, Any]] = [
    {"key": "A1", "name": ASKED["name"], "relation": "head", "idNumber": ASKED["number"]},
    {
        "key": "A2",
        "name": ASKED["child"],
        "relation": "daughter",
        "idNumber": ASKED["child number"],
        "student": True,
    },
]
OPENING: dict[str, Any] = {
    "on": "2026-08-03", "region": VILLAGE, "members": MEMBERS,
    "address": ASKED["address"], "phone": ASKED["phone"],
}  # fmt: skip


async def a_family_comes(window: Window, installation: Installation) -> None:
    """A family registered, applying, complained about, with papers and a document; every step over HTTP."""
    answer = await window.give("/v1/households", **OPENING)
    assert answer.status_code == 201, answer.text
    chain = f"/v1/households/{answer.json()['household']}"
    installation.caught_up()
    shown = (await window.ask("GET", chain)).json()
    head, child = (member["person"] for member in shown["members"])
    scan = await window.ask(
        "POST", f"{chain}/attachments", params={"kind": "mandate", "person": head},
        content=b"%PDF-1.7 \x00" + ASKED["scan"].encode(),
        headers={"Idempotency-Key": str(uuid4()), "Content-Type": "application/pdf"},
    )  # fmt: skip
    assert scan.status_code == 201, scan.text
    mandate = {
        "kind": "relative", "name": ASKED["agent"], "paper": "委托书1号", "signedBy": head, "relation": "sibling",
        "scope": ["apply", "supplement", "receive"], "attachment": scan.json()["id"],
    }  # fmt: skip
    steps: list[tuple[str, dict[str, Any]]] = [
        ("raise-alert", {"code": "EN-01", "level": "YELLOW", "note": ASKED["note"]}),
        ("apply", {
            "applicant": head, "channel": "agent", "account": ASKED["account"], "note": ASKED["note"],
            "mandate": mandate, "property": {"tenure": "owned", "dwellings": 1},
            "income": [{"kind": "other", "period": "monthly", "fen": 40_000, "person": head}],
        }),
        ("receive-complaint", {
            "channel": "hotline", "about": "eligibility", "text": ASKED["complaint"], "name": ASKED["complainant"],
        }),
        ("authorise-verification", {"persons": [head, child]}),
        ("notify-missing-items", {"items": ["住院费用发票"]}),
        ("issue-document", {"kind": "missing-items-notice"}),
    ]  # fmt: skip
    version = shown["version"]
    for command, body in steps:
        answer = await window.give(f"{chain}/{command}", version=version, on="2026-08-03", **body)
        assert answer.status_code in (200, 201), (command, answer.text)
        version = answer.json()["version"]
    installation.caught_up()
    for view in (
        "",
        "/chain",
        "/work-items",
        "/status",
        "/statement",
        "/documents",
        "/accesses",
        "/payments",
    ):
        await window.ask("GET", chain + view)
    for asked in ({"idNumber": ASKED["number"]}, {"name": ASKED["name"]}, {"phone": ASKED["phone"]}):
        found = await window.ask("POST", "/v1/households/_search", json=asked)
        assert found.status_code in (200, 400), found.text


async def everything_goes_wrong(window: Window, installation: Installation) -> None:
    """Requests that are refused, malformed or break, each with something personal in the wrong place."""
    repeated: dict[str, Any] = {"headers": {"Idempotency-Key": str(uuid4())}}
    await window.ask("POST", "/v1/households", json=OPENING, **repeated)
    await window.ask("POST", "/v1/households", json=OPENING | {"address": ASKED["note"]}, **repeated)
    for body in (
        OPENING | {"region": ASKED["name"]},
        OPENING | {"on": ASKED["number"]},
        OPENING | {ASKED["name"]: 1},
        OPENING | {"members": [MEMBERS[0] | {"idNumber": ASKED["number"][:-1] + "A"}]},
        OPENING | {"members": [MEMBERS[0] | {"relation": ASKED["phone"]}]},
        OPENING | {"members": ASKED["name"]},
    ):
        answer = await window.ask(
            "POST", "/v1/households", json=body, headers={"Idempotency-Key": str(uuid4())}
        )
        assert answer.status_code >= 400, answer.text
    for secret in (ASKED["name"], ASKED["number"], ASKED["phone"]):
        await window.ask("GET", f"/v1/households/{secret}")
        await window.ask("GET", "/v1/households", params={"q": secret, "region": secret, "cursor": secret})
        await window.ask("POST", f"/v1/households/{uuid4()}/{secret}", json={secret: secret})
        await window.ask(
            "POST",
            "/v1/households",
            content=f'{{"members": "{secret}'.encode(),
            headers={"Idempotency-Key": str(uuid4())},
        )
        await window.ask("GET", "/v1/households", headers={"X-Purpose": secret.encode().hex()})
    # a database that fails in the middle of a write
    with psycopg.connect(installation.addresses.store, autocommit=True) as connection:
        connection.execute("ALTER TABLE es_event ADD CONSTRAINT broken CHECK (length(data) < 0) NOT VALID")
        members = [MEMBERS[0] | {"idNumber": number("19660606", 519)}]
        answer = await window.give("/v1/households", **(OPENING | {"members": members}))
        assert answer.status_code == 500, answer.text
        connection.execute("ALTER TABLE es_event DROP CONSTRAINT broken")
    metrics = await window.ask("GET", "/metrics")
    assert metrics.status_code == 200
    await window.ask("GET", "/v1/reports/durations", organ=COUNTY)


def a_register_is_imported(settings: Settings, directory: Path) -> None:
    file = directory / "register.xlsx"
    heads = {"name": IMPORTED["name"], "id_number": IMPORTED["number"]}
    children = {"name": IMPORTED["child"], "id_number": IMPORTED["child number"]}
    wrong = {"name": IMPORTED["wrong"], "id_number": IMPORTED["wrong number"], "household": "002"}
    file.write_bytes(
        written(
            [
                household(
                    applicant=IMPORTED["name"], address=IMPORTED["address"], account=IMPORTED["account"]
                ),
                household(household="002", applicant=IMPORTED["wrong"]),
            ],
            [mother(**heads), daughter(**children), mother(**wrong)],
            [],
        )
    )
    import_workbook(settings, file, ImportRequest(sure=True))
    import_workbook(settings, file, ImportRequest(as_json=True))


def a_script_is_played(settings: Settings, directory: Path) -> None:
    text = (SAMPLES / "story-yu.yaml").read_text("utf-8")
    for before, after in (
        ("name: 于某某", f"name: {TOLD['child']}"),
        ("name: 于某,", f"name: {TOLD['name']},"),
        ("990101197304120013", TOLD["number"]),
        ("990101200109030025", TOLD["child number"]),
        ("于家福宁村1号", TOLD["address"]),
        ("住院自付费用过高", TOLD["cause"]),
        ("就业后人均收入超过低保标准，渐退期届满", TOLD["reasons"]),
    ):
        assert before in text
        text = text.replace(before, after)
    script = directory / "story.yaml"
    script.write_text(text, "utf-8")
    outcome = run_file(settings, script, into=True)
    outcome.show()
    show_household(settings, str(outcome.run.households["yu"]), "w1", as_json=True)


def dumped(url: str, directory: Path) -> bytes:
    """A database as plain text, every row of every table."""
    program, _ = program_for("pg_dump", server_major(url))
    file = directory / "dump.sql"
    run((program, "--format=plain", f"--file={file}"), url)
    return file.read_bytes()


def test_nothing_personal_stands_in_clear_anywhere(
    databases: Databases,
    server: TestServer,
    tmp_path: Path,
    log: io.StringIO,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = load_settings(home=tmp_path / "home", database_url=databases.store, keys_url=databases.keys)
    places: dict[str, bytes] = {}
    with installed(databases, settings.key_directory) as installation:
        app = api_of(installation, settings)
        app.state.listens_on = "127.0.0.1"
        window = Window(app, settings)
        asyncio.run(a_family_comes(window, installation))
        a_register_is_imported(settings, tmp_path)
        a_script_is_played(settings, tmp_path)
        asyncio.run(everything_goes_wrong(window, installation))
        places["errors"] = the_store_refuses(installation)
        places["answers"] = b"\n".join(window.said)
    backup(settings, BackupRequest(tmp_path / "b1", tmp_path / "b2", tmp_path / "b3"))
    said = capsys.readouterr()
    places["terminal"] = (said.out + said.err).encode()
    places["log"] = log.getvalue().encode()
    for name, url in (("store", databases.store), ("keys", databases.keys)):
        places[name] = dumped(url, tmp_path)
    for file in (
        file for base in ("b1", "b2", "b3") for file in (tmp_path / base).rglob("*") if file.is_file()
    ):
        places[f"backup {file.name}"] = file.read_bytes()
        if file.suffix == ".dump":
            program, _ = program_for("pg_restore", server_major(databases.store))
            plain = subprocess.run([program, "-f", "-", file], capture_output=True, check=True)
            places[f"backup {file.name}, read"] = plain.stdout
    if server.external is None:
        for file in server.embedded.home.rglob("*.log"):
            places[f"server {file.name}"] = file.read_bytes()

    assert leaks(places, VALUES) == []

    # all of it was there to be found: sealed, told, refused, logged
    assert b"household.applied.1" in places["store"]
    assert places["store"].count(b"read_card") > 5
    assert places["log"].count(b"\n") > 20
    assert b"invalid-request" in places["answers"]
    codes = set(re.findall(rb'"code":"([a-z-]+)"', places["answers"]))
    assert codes >= {b"invalid-request", b"changed-command", b"id-number-refused", b"unknown-region"}
    assert {place for place, _ in leaks(places, [VILLAGE])} >= {"store", "backup store.dump, read", "answers"}


def the_store_refuses(installation: Installation) -> bytes:
    """What refusals and failures say, as a traceback or the command line would show it."""
    said = []
    for member in (
        NewMember("A1", ASKED["name"], "head", ASKED["number"][:-1] + "A"),
        NewMember("A1", ASKED["name"], ASKED["phone"], ASKED["number"]),  # type: ignore[arg-type]
    ):
        command = RegisterHousehold(date(2026, 8, 3), VILLAGE, (member,), address=ASKED["address"])
        try:
            installation.handler.handle(Request(uuid4(), command, Actor("w1", TOWNSHIP)))
        except Exception as fault:
            said.append(f"{fault!r} {fault} {sentence_of(fault)}")
    person = installation.store.find("id-number", ASKED["number"])
    assert person is not None
    token = installation.keys.seal(person, "name", ASKED["name"].encode())
    with pytest.raises(errors.WrongKey) as wrong:
        installation.keys.open(person, "name", token[:-1] + bytes([token[-1] ^ 1]))
    said.append(f"{wrong.value!r} {wrong.value}")
    assert len(said) > 1
    return "\n".join(said).encode()


@pytest.mark.parametrize("value", [ASKED["name"], ASKED["number"], ASKED["phone"], ASKED["complaint"]])
def test_the_search_finds_a_value_in_whatever_form_it_stands(value: str) -> None:
    def sure(content: bytes) -> None:
        for around in (b"", b"x", b"xy", b"xyz"):
            assert leaks({"here": around + content + around}, [value]) == [("here", value)], content

    sure(value.encode())
    sure(value.encode("gb18030"))
    sure(json.dumps({"a": value}).encode())
    sure(b"'\\x" + json.dumps({"a": value}).encode().hex().encode() + b"'")
    sure(b"'\\x" + value.encode("gb18030").hex().encode() + b"'")
    sure(value.encode().hex().upper().encode())
    for before in ("", "a", "ab"):
        coded = base64.b64encode(f"{before}{value}.".encode())
        sure(b'"' + coded + b'"')
        sure(b'"\\x' + coded.hex().encode() + b'"')
        sure(base64.urlsafe_b64encode(f"{before}{value}.".encode()))
    if value.isascii():
        sure(" ".join(value[n : n + 4] for n in range(0, len(value), 4)).encode())
    assert leaks({"here": b"nothing of the sort"}, [value]) == []
    assert len(set(forms(value))) > 20
