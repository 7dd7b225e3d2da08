"""The audit bundle: exported out of a real store, checked by its own verifier where nothing of ours can be imported."""

from __future__ import annotations

import ast
import json
import sys
import tracemalloc
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from application.audit import verify_bundle
from application.audit.bundle import Asked, CheckpointUnknown, EventDamaged, PurposeMissing
from application.scripts.script_run import run_script
from domain.aid.payments import AidDelivered
from domain.guards.registered import HouseholdUnknown
from domain.household.event import Event
from domain.papers.documents import IssueDocument
from domain.values.person import HouseholdId
from eventstore.access_records import Access
from eventstore.sealing.seals import SealMissing
from tests import stories
from tests.application.bundles import ASKED, AT, Clean, Sealed, content, packed, sealed_office, unpacked
from tests.application.papers import asked, issued, lived
from tests.application.trials import sample
from tests.database import Databases, TestServer
from tests.scenario import HOUSEHOLD

if TYPE_CHECKING:
    from playwright.sync_api import Page

OURS = (
    "domain",
    "application",
    "eventstore",
    "projections",
    "api",
    "workers",
    "bootstrap",
    "migrations",
    "msgspec",
)
COUNTY, TOWNSHIP = "370786/civil-affairs", "370786101/township"
Town = tuple[Sealed, dict[str, HouseholdId]]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Clean:
    return Clean.made(tmp_path_factory.mktemp("clean") / "site")


@pytest.fixture(scope="module")
def town(server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Households of a sample story, one split off and one joined, with a document issued, all sealed."""
    with (
        server.databases() as pair,
        sealed_office(pair, tmp_path_factory.mktemp("town"), trial=True) as office,
    ):
        run = run_script(sample("story-split-death"), office.office.handler)
        issue = IssueDocument(date(2026, 11, 1), "confirmation-notice")
        household = run.households["wei"]
        office.office.documents.issue(asked(issue, "990301/civil-affairs", household=household))
        office.seal()
        yield office, run.households


@pytest.fixture(scope="module")
def still(server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sealed]:
    """One family, sealed, in which nothing is to happen any more."""
    with server.databases() as pair, sealed_office(pair, tmp_path_factory.mktemp("still")) as office:
        lived(office.office, stories.yu_graced())
        office.seal()
        yield office


@pytest.fixture
def family(databases: Databases, tmp_path: Path) -> Iterator[Sealed]:
    """One family, sealed up to its grace."""
    with sealed_office(databases, tmp_path) as office:
        lived(office.office, stories.yu_graced())
        office.seal()
        yield office


def checked(bundle: bytes, folder: Path, witnessed: bytes | None = None) -> verify_bundle.Result:
    """What the verifier finds in a bundle."""
    path = packed(unpacked(bundle), folder / "checked.zip")
    return verify_bundle.check(verify_bundle.Files(path), None, witnessed)


def test_it_verifies_on_an_interpreter_with_nothing_but_cryptography(
    town: Town, clean: Clean, tmp_path: Path
) -> None:
    office, households = town
    for key, household in households.items():
        bundle, told = office.exported(household)
        assert told.faults == []
        (tmp_path / f"{key}.zip").write_bytes(bundle)
        (tmp_path / "verify.py").write_bytes(unpacked(bundle)["verify.py"])
        words = ("--key-file", str(office.public), "--checkpoint", str(office.witness / "1.json"))
        ran = clean.verify(tmp_path / "verify.py", str(tmp_path / f"{key}.zip"), *words)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert f"{told.sealed} 个事件摘要相符" in ran.stdout
        assert "第 1 号检查点与见证人留存的一字不差" in ran.stdout
        assert "注意" not in ran.stdout
        assert ran.stdout.endswith("核验通过。 [valid]\n")
        assert ran.stderr == ""


def test_nothing_of_ours_can_be_imported_there(clean: Clean) -> None:
    ran = clean.run(
        "import importlib.util as u; import cryptography;"
        f"print([n for n in {(*OURS, 'psycopg', 'jinja2')!r} if u.find_spec(n)])"
    )
    assert (ran.stdout, ran.stderr) == ("[]\n", "")


def test_the_verifier_is_one_file_for_python_3_9_and_cryptography() -> None:
    source = Path(verify_bundle.__file__).read_text("utf-8")
    tree = ast.parse(source, feature_version=(3, 9))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported - set(sys.stdlib_module_names) == {"cryptography"}
    newer = (
        "datetime.UTC",
        "import UTC",
        "strict=",
        "match ",
        ".removeprefix(",
        "itertools.pairwise",
        "bit_count",
    )
    assert [word for word in newer if word in source.replace("re.fullmatch ", "")] == []


def test_an_unpacked_folder_verifies_by_itself_and_says_what_that_is_worth(
    still: Sealed, clean: Clean, tmp_path: Path
) -> None:
    bundle, told = still.exported()
    folder = tmp_path / "unpacked"
    for name, data in unpacked(bundle).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    ran = clean.verify(folder / "verify.py", "--list")
    assert ran.returncode == 0, ran.stdout
    assert "公钥取自审计包本身，只能证明包内自洽" in ran.stdout
    assert "不能排除整个库连同密钥被重写" in ran.stdout
    assert ran.stdout.count("\thousehold.") == told.sealed
    machine = clean.verify(folder / "verify.py", "--json")
    assert json.loads(machine.stdout)["holds"] is True
    assert json.loads(machine.stdout)["keyInsisted"] is False


def test_the_exit_status_tells_wrong_from_unreadable(still: Sealed, clean: Clean, tmp_path: Path) -> None:
    bundle, _ = still.exported()
    path, script = tmp_path / "bundle.zip", Path(verify_bundle.__file__)
    path.write_bytes(bundle)
    other = b64encode(Ed25519PrivateKey.generate().public_key().public_bytes_raw()).decode()
    cases = [
        ((str(path), "--key", other), 1, "[key-unknown]"),
        ((str(path), "--key", "nonsense"), 2, "[input-unreadable]"),
        ((str(path), "--checkpoint", str(tmp_path / "none.json")), 2, "[input-unreadable]"),
        ((str(script),), 2, "[bundle-unreadable]"),
        ((str(path), "--nonsense"), 2, "usage"),
    ]
    for words, status, said in cases:
        ran = clean.verify(script, *words)
        assert (ran.returncode, said in ran.stdout + ran.stderr) == (status, True), ran.stdout + ran.stderr
        assert "Traceback" not in ran.stderr


def test_two_exports_under_one_checkpoint_differ_in_their_time_alone(still: Sealed) -> None:
    first, _ = still.exported()
    again, _ = still.exported()
    assert first == again
    later, _ = still.exported(at=AT + timedelta(days=1))
    one, two = unpacked(first), unpacked(later)
    assert list(one) == list(two)
    assert [name for name in one if one[name] != two[name]] == ["bundle.json"]
    assert {**content(one), "exportedAt": ""} == {**content(two), "exportedAt": ""}


def test_erasure_leaves_every_proof_valid(family: Sealed, clean: Clean, tmp_path: Path) -> None:
    before, _ = family.exported()
    for member in family.office.households.get(HOUSEHOLD).people.members:
        family.office.store.erase(member.person)
    family.office.store.erase(HOUSEHOLD)
    family.office.store.erase_stream(HOUSEHOLD)
    after, told = family.exported()
    assert (after == before, told.faults) == (True, [])
    (tmp_path / "b.zip").write_bytes(after)
    ran = clean.verify(
        Path(verify_bundle.__file__), str(tmp_path / "b.zip"), "--key-file", str(family.public)
    )
    assert ran.returncode == 0, ran.stdout


def test_what_came_after_the_checkpoint_is_shown_as_unsealed(family: Sealed, tmp_path: Path) -> None:
    issued(family.office, "grace-form", date(2022, 11, 18), COUNTY)
    bundle, told = family.exported()
    assert told.unsealed == len(content(unpacked(bundle))["unsealed"]) == 1
    result = checked(bundle, tmp_path)
    assert result.wrong == []
    assert any("另有 1 个事件摘要相符，但晚于检查点" in line for line in result.shown)
    assert "尚未封存" in unpacked(bundle)["page.html"].decode()
    family.seal()
    sealed, told = family.exported()
    assert (told.checkpoint, told.unsealed) == (2, 0)
    assert checked(sealed, tmp_path).wrong == []
    # and still under the checkpoint a witness has
    old, told = family.exported(number=1)
    assert (told.checkpoint, told.unsealed) == (1, 1)
    assert checked(old, tmp_path, (family.witness / "1.json").read_bytes()).wrong == []
    with pytest.raises(CheckpointUnknown):
        family.exported(number=3)


def test_a_witness_of_another_number_is_compared_as_far_as_it_reaches(family: Sealed, tmp_path: Path) -> None:
    first, _ = family.exported()
    issued(family.office, "grace-form", AT.date(), COUNTY)
    family.seal()
    issued(family.office, "home-visit-form", AT.date(), TOWNSHIP)
    family.seal()
    second = (family.witness / "2.json").read_bytes()
    third = (family.witness / "3.json").read_bytes()
    linked = checked(first, tmp_path, second)
    assert any("第 1 号与第 2 号检查点前后相接" in line for line in linked.shown)
    assert [each.code for each in checked(first, tmp_path, third).wrong] == ["witness-not-comparable"]
    newest, _ = family.exported()
    text_only = json.loads(third)["text"].encode()
    assert checked(newest, tmp_path, text_only).wrong == []
    forked = json.loads(third)
    forked["text"] = forked["text"].replace("\n3\n", "\n3\n", 1).replace("+00:00\n", "+01:00\n", 1)
    assert [each.code for each in checked(newest, tmp_path, json.dumps(forked).encode()).wrong] == [
        "signature-invalid"
    ]


def test_another_history_under_the_same_key_is_not_what_the_witness_saw(
    family: Sealed, databases: Databases, tmp_path: Path
) -> None:
    witnessed = (family.witness / "1.json").read_bytes()
    with psycopg.connect(databases.store, autocommit=True) as connection:
        connection.execute("DELETE FROM es_checkpoint")
    rewritten = replace(family, directory=family.directory)
    for file in family.witness.iterdir():
        file.unlink()
    rewritten.seal()
    bundle, _ = rewritten.exported()
    assert checked(bundle, tmp_path).wrong == []  # whoever has key and store can make it consistent in itself
    assert [each.code for each in checked(bundle, tmp_path, witnessed).wrong] == ["witness-differs"]


def test_a_store_digesting_with_sm3_exports_too(databases: Databases, clean: Clean, tmp_path: Path) -> None:
    with psycopg.connect(databases.store, autocommit=True) as connection:
        connection.execute("UPDATE es_meta SET digest_algorithm = 2")
    with sealed_office(databases, tmp_path / "sm3") as office:
        lived(office.office, stories.yu_accepted())
        office.seal()
        bundle, told = office.exported()
        assert (content(unpacked(bundle))["hash"], told.faults) == ("sm3", [])
        (tmp_path / "b.zip").write_bytes(bundle)
        ran = clean.verify(
            Path(verify_bundle.__file__), str(tmp_path / "b.zip"), "--key-file", str(office.public)
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_look_is_on_record_before_anything_is_read(family: Sealed, databases: Databases) -> None:
    bundles = family.bundles()

    def refuses(accesses: object) -> None:
        raise ConnectionError

    bundles._record = refuses
    out = (family.directory / "out.zip").open("w+b")
    with out, pytest.raises(ConnectionError):
        bundles.export(HOUSEHOLD, out, ASKED, AT)
    assert (family.directory / "out.zip").stat().st_size == 0
    family.exported()
    with psycopg.connect(databases.owner) as connection:
        found = connection.execute("SELECT subject, actor, organ, purpose, fields FROM es_access").fetchall()
    expected = Access(HOUSEHOLD, ASKED.actor, ASKED.organ, ASKED.purpose, ("audit-bundle",))
    assert [(*row[:4], tuple(row[4])) for row in found] == [tuple(expected)]


def test_nothing_personal_is_in_clear_and_no_key_is_used(family: Sealed) -> None:
    family.office.keys._pool.close()  # the keys database is out of reach
    bundle, _ = family.exported()
    clear = ("于某", "于家福宁村1号", stories.A1, stories.A2, "就业后人均收入")
    for name, data in unpacked(bundle).items():
        assert [each for each in clear if each in data.decode()] == [], name


def test_what_cannot_be_exported_is_refused(databases: Databases, tmp_path: Path) -> None:
    with sealed_office(databases, tmp_path) as office:
        with pytest.raises(HouseholdUnknown):
            office.exported()
        lived(office.office, stories.yu_accepted())
        with pytest.raises(SealMissing):
            office.exported()
        with pytest.raises(PurposeMissing), (tmp_path / "out.zip").open("w+b") as out:
            office.bundles().export(HOUSEHOLD, out, Asked("auditor-1", "  "), AT)


def test_a_store_altered_behind_its_back_exports_what_does_not_verify(
    family: Sealed, databases: Databases, tmp_path: Path
) -> None:
    with psycopg.connect(databases.store, autocommit=True) as connection:
        ((decided,),) = connection.execute(
            "UPDATE es_event SET data = replace(convert_from(data, 'UTF8'), '1000', '9000')::bytea"
            " WHERE stream_id = %s AND name = 'household.classified.1' RETURNING version",
            (HOUSEHOLD,),
        )
    bundle, told = family.exported()
    assert told.faults == [decided]
    (fault,) = checked(bundle, tmp_path).wrong
    assert fault.code == "digest-differs"
    assert fault.where.startswith(f"第 {decided} 步")


@pytest.mark.parametrize(
    "data",
    [
        '{"decision":{"receipt":{"packs":5,"rules":[1]},"decider":{"officer":1,"organ":2,"level":[]}}}',
        '{"on":[{}]}',
    ],
)
def test_a_step_altered_out_of_shape_still_is_handed_out(
    family: Sealed, databases: Databases, tmp_path: Path, data: str
) -> None:
    altered(databases, data.encode())
    bundle, told = family.exported()
    assert told.faults == [16]
    assert "digest-differs" in [each.code for each in checked(bundle, tmp_path).wrong]
    assert 'data-version="17"' in unpacked(bundle)["page.html"].decode()


def test_bytes_that_are_no_text_are_named(family: Sealed, databases: Databases) -> None:
    altered(databases, b"\xff\xfe")
    with pytest.raises(EventDamaged, match="第 16 步"):
        family.exported()


def altered(databases: Databases, data: bytes) -> None:
    """The 16th step changed by a superuser."""
    with psycopg.connect(databases.store, autocommit=True) as connection:
        change = "UPDATE es_event SET data = %s WHERE stream_id = %s AND version = 16"
        connection.execute(change, (data, HOUSEHOLD))


def test_three_thousand_events_take_seconds_and_little_memory(databases: Databases, tmp_path: Path) -> None:
    with sealed_office(databases, tmp_path) as office:
        story = stories.yu_confirmed()
        settled = next(each for each in story.events if isinstance(each, AidDelivered))
        many: tuple[Event, ...] = (*story.events, *[settled] * (3_000 - len(story.events)))
        lived(office.office, replace(story, events=many))
        office.seal()
        started = process_time()
        tracemalloc.start()
        try:
            with (tmp_path / "many.zip").open("w+b") as out:
                told = office.bundles().export(HOUSEHOLD, out, ASKED, AT)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert process_time() - started < 20  # watching memory included
        assert (told.sealed, told.faults) == (3_000, [])
        assert peak < 6_000_000
        assert checked((tmp_path / "many.zip").read_bytes(), tmp_path).wrong == []


@pytest.fixture
def browser_page(chromium: str) -> Iterator[Page]:
    """A page of a browser that reaches nothing."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND"],
        )
        yield browser.new_context(viewport={"width": 1000, "height": 900}, locale="zh-CN").new_page()
        browser.close()


def test_the_page_shows_the_chain_and_asks_nobody(town: Town, browser_page: Page, tmp_path: Path) -> None:
    office, households = town
    bundle, told = office.exported(households["wei"])
    (tmp_path / "page.html").write_bytes(unpacked(bundle)["page.html"])
    asked_for: list[str] = []
    said: list[str] = []
    browser_page.on("request", lambda request: asked_for.append(request.url))
    browser_page.on("console", lambda line: said.append(line.text))
    browser_page.goto((tmp_path / "page.html").as_uri())
    assert asked_for == [(tmp_path / "page.html").as_uri()]
    assert said == []
    steps = browser_page.locator("section.step")
    assert steps.count() == told.sealed
    events = content(unpacked(bundle))["events"]
    shown = steps.evaluate_all("all => all.map(one => one.dataset.digest)")
    assert shown == [verify_bundle.bytes_of(each["digest"], "digest").hex() for each in events]
    confirmed = steps.filter(has_text="household.classified.1").inner_text()
    for words in (
        "决定",
        "990301/civil-affairs",
        "补差金额",
        "《最低生活保障审核确认办法》",
        "已封存",
        "低保标准",
    ):
        assert words in confirmed
    whole = browser_page.inner_text("body")
    for words in ("人员1", "户主", "确认通知书", "密文的 SHA-256", "成员死亡", "姓名（人员1）"):
        assert words in whole
    paper = next(each for each in events if each["name"] == "household.document-issued.1")
    assert json.loads(paper["data"])["sha256"] in whole
    assert browser_page.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )


def test_a_household_that_joined_another_says_where_the_family_went(town: Town, tmp_path: Path) -> None:
    office, households = town
    bundle, _ = office.exported(households["brother"])
    assert f"本户已并入 {households['wei']}" in unpacked(bundle)["page.html"].decode()
    assert checked(bundle, tmp_path).wrong == []


def test_issued_documents_are_listed_with_the_hash_their_event_says(town: Town) -> None:
    office, households = town
    told = content(unpacked(office.exported(households["wei"])[0]))
    (paper,) = told["attachments"]
    (event,) = [json.loads(e["data"]) for e in told["events"] if e["name"] == "household.document-issued.1"]
    assert (paper["id"], paper["sha256"], paper["kind"]) == (event["document"], event["sha256"], "document")


def test_the_time_of_an_export_is_told_in_utc(still: Sealed) -> None:
    bundle, _ = still.exported(at=datetime(2026, 11, 22, 8, tzinfo=UTC))
    assert content(unpacked(bundle))["exportedAt"] == "2026-11-22T08:00:00.000000+00:00"
