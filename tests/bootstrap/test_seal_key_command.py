"""`hulian keys` for the seal key: a new one signs, what the old one signed still holds, here and elsewhere."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import UUID

import psycopg
import pytest
from typer.testing import CliRunner

from application.audit import verify_bundle
from bootstrap.cli.main import app
from bootstrap.settings import Settings, load_settings
from bootstrap.wiring import Installation, sealing
from domain.members.registration import NewMember, RegisterHousehold
from eventstore.sealing.checkpoint import Checkpoint
from eventstore.sealing.seals import SealTampered, checkpoints, unsealed
from eventstore.sealing.signing import PublicKeys
from tests.database import Databases, TestServer
from tests.installations import addresses_of, installed, told
from workers import sealer

TOWNSHIP, VILLAGE = "370786101/township", "370786101215"
SOON = 30.0


@dataclass(frozen=True)
class Office:
    """An installation on a test's databases, with a witness, and its commands."""

    settings: Settings
    installation: Installation
    databases: Databases

    @property
    def keys(self) -> Path:
        return self.settings.key_directory

    def hulian(self, *words: str, status: int = 0) -> str:
        """What a command says, told this office's variables, expected to end with a status."""
        done = CliRunner().invoke(app, list(words), env=self.variables)
        assert done.exit_code == status, (words, done.output, done.exception)
        return done.stdout

    @property
    def variables(self) -> dict[str, str]:
        return {
            "HULIAN_HOME": str(self.settings.home),
            "HULIAN_DATABASE_URL": str(self.settings.database_url),
            "HULIAN_KEYS_URL": str(self.settings.keys_url),
            "HULIAN_WITNESS": str(self.settings.witness),
        }

    def listed(self) -> dict[str, Any]:
        """What `hulian keys list --json` says, whether or not something is to be done."""
        said = CliRunner().invoke(app, ["keys", "list", "--json"], env=self.variables).stdout
        return dict(json.loads(said))

    def registered(self, n: int) -> UUID:
        member = NewMember("A1", f"于福{n}", "head")
        command = RegisterHousehold(date(2026, 3, 2), VILLAGE, (member,))
        (answer,) = told(self.installation, [(TOWNSHIP, command)], name=f"register {n}")
        return answer.household

    def sealed(self, n: int) -> Checkpoint:
        """The checkpoint over one more household."""
        self.registered(n)
        self.hulian("audit", "seal")
        return self.checkpoints()[-1]

    def checkpoints(self) -> list[Checkpoint]:
        with psycopg.connect(self.databases.app) as connection:
            return list(checkpoints(connection))

    def public(self, number: int) -> PublicKeys:
        """The public half of one key alone."""
        return PublicKeys(
            [verify_bundle.bytes_of((self.keys / f"seal-{number}.pub").read_text().strip(), "")]
        )

    def signed_by(self) -> list[list[int]]:
        """For each checkpoint the numbers of the keys that signed it."""
        numbers = sorted(int(path.stem.removeprefix("seal-")) for path in self.keys.glob("seal-*.pub"))
        return [
            [number for number in numbers if each.note.signed_by(self.public(number))]
            for each in self.checkpoints()
        ]


@pytest.fixture
def office(databases: Databases, tmp_path: Path) -> Iterator[Office]:
    (tmp_path / "witness").mkdir()
    settings = load_settings(
        home=tmp_path / "home",
        database_url=databases.store,
        keys_url=databases.keys,
        witness=tmp_path / "witness",
    )
    with installed(databases, settings.key_directory) as installation:
        yield Office(settings, installation, databases)


def test_a_worker_that_runs_signs_with_the_new_key_and_all_still_verifies(office: Office) -> None:
    stop = Event()

    def signed_all() -> list[list[int]]:
        """Who signed what, once nothing is left to be sealed."""
        until = time.monotonic() + SOON
        with psycopg.connect(office.databases.sealer, autocommit=True) as connection:
            while unsealed(connection).events:
                assert time.monotonic() < until
                time.sleep(0.02)
        return office.signed_by()

    with sealing(addresses_of(office.databases), office.settings) as lanes_sealer:
        worker = Thread(target=sealer.run, args=(lanes_sealer, stop, 0.02))
        worker.start()
        try:
            office.registered(1)
            before = signed_all()
            said = office.hulian("keys", "rotate", "seal")
            office.registered(2)
            after = signed_all()
            assert {*map(tuple, before)} == {(1,)}
            assert after[: len(before)] == before
            assert {*map(tuple, after[len(before) :])} == {(2,)}
            office.hulian("keys", "retire")
            office.registered(3)
            last = signed_all()
        finally:
            stop.set()
            worker.join(SOON)
    assert len(last) > len(after)
    assert {*map(tuple, last[len(before) :])} == {(2,)}
    second = (office.keys / "seal-2.pub").read_text()
    fingerprint = sha256(verify_bundle.bytes_of(second.strip(), "")).hexdigest()
    assert "封存密钥已更换：seal-2" in said
    assert fingerprint in said.replace(" ", "")
    assert "仍凭它核对：seal-1.pub" in said
    assert "seal-2.pub 交给" in said
    found = json.loads(office.hulian("audit", "verify", "--json"))
    assert found["faults"] == []
    assert found["checkpoints"] == found["witnessed"] == len(last)
    # without the old public half what it signed could not be believed: it has to stay
    (office.keys / "seal-1.pub").unlink()
    codes = {
        each["code"] for each in json.loads(office.hulian("audit", "verify", "--json", status=1))["faults"]
    }
    assert "checkpoint-signature" in codes


def test_bundles_under_checkpoints_of_either_key_are_verified(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    household = office.registered(1)
    office.hulian("audit", "seal")
    asked = (str(household), "--purpose", "专项检查", "--actor", "auditor-1")
    given = tmp_path / "given.zip"  # in hand before the key was replaced
    office.hulian("audit", "export", *asked, "--out", str(given))
    office.hulian("keys", "rotate", "seal")
    assert office.sealed(2).number == 2
    office.hulian("keys", "retire")
    old, new = tmp_path / "old.zip", tmp_path / "new.zip"
    office.hulian("audit", "export", *asked, "--checkpoint", "1", "--out", str(old))
    office.hulian("audit", "export", *asked, "--out", str(new))
    first, second = (str(office.keys / f"seal-{number}.pub") for number in (1, 2))
    witnessed = {n: str(office.settings.witness / f"{n}.json") for n in (1, 2) if office.settings.witness}
    for bundle in (given, old):
        assert verify_bundle.main([str(bundle), "--key-file", first, "--checkpoint", witnessed[1]]) == 0
    assert verify_bundle.main([str(new), "--key-file", second, "--checkpoint", witnessed[2]]) == 0
    shown = capsys.readouterr().out
    for each in office.listed()["seals"]:
        assert each["fingerprint"] in shown  # what the verifier prints is what `keys list` says
    # with the one key a verifier insists on, the other is not believed; with both, either is
    assert verify_bundle.main([str(new), "--key-file", first]) == 1
    assert verify_bundle.main([str(old), "--key-file", second]) == 1
    assert "key-unknown" in capsys.readouterr().out
    both = tmp_path / "both.pub"
    both.write_text(Path(first).read_text() + Path(second).read_text())
    for bundle, checkpoint in ((given, 1), (old, 1), (new, 2)):
        words = [str(bundle), "--key-file", str(both), "--checkpoint", witnessed[checkpoint]]
        assert verify_bundle.main(words) == 0
    # the witness's checkpoint beside it is linked to this one across the replacement
    assert verify_bundle.main([str(new), "--key-file", str(both), "--checkpoint", witnessed[1]]) == 0


def test_a_backup_carries_the_new_key_and_what_is_restored_goes_on_with_it(
    office: Office, server: TestServer, tmp_path: Path
) -> None:
    office.sealed(1)
    office.hulian("keys", "rotate", "seal")
    office.sealed(2)
    office.hulian("keys", "retire")
    waiting = office.hulian("keys", "rotate", "seal", "--only-make")
    assert "seal-3" in waiting
    places = {name: tmp_path / name for name in ("store", "keys", "files")}
    words = ("--keys-to", str(places["keys"]), "--key-files-to", str(places["files"]))
    office.hulian("backup", str(places["store"]), *words)
    store, keys, files = (next(place.glob("2*")) for place in places.values())
    with server.empty_database() as store_url, server.empty_database() as keys_url:
        settings = load_settings(
            home=tmp_path / "elsewhere",
            database_url=store_url,
            keys_url=keys_url,
            witness=office.settings.witness,
        )
        there = replace(office, settings=settings, databases=Databases(store_url, keys_url))
        dumps = ("--store", str(store / "store.dump"), "--keys", str(keys / "keys.dump"))
        there.hulian("restore", *dumps, "--key-files", str(files), "--verify")
        assert there.listed()["seals"] == office.listed()["seals"]
        assert [each["state"] for each in there.listed()["seals"]] == ["public", "signs", "waits"]
        assert "没有发现问题" in there.hulian("audit", "verify")
        with installed(there.databases, settings.key_directory) as installation:
            there = replace(there, installation=installation)
            there.sealed(3)
        there.hulian("keys", "rotate", "seal")
        assert there.signed_by() == [[1], [2], [2]]
        assert "没有发现问题" in there.hulian("audit", "verify")


def test_repeated_it_makes_no_second_key_and_says_the_same(office: Office) -> None:
    first = office.hulian("keys", "rotate", "seal")  # nothing was ever signed
    assert "现用的封存密钥 seal-1 还没有签署最新的检查点，不另造新的。" in first
    assert "旧公钥" not in first
    office.sealed(1)
    made = office.hulian("keys", "rotate", "seal").splitlines()
    again = office.hulian("keys", "rotate", "seal").splitlines()
    assert made[0].startswith("封存密钥已更换：seal-2")
    assert again[0] == "现用的封存密钥 seal-2 还没有签署最新的检查点，不另造新的。"
    assert made[1:] == again[1:]
    assert made[-1].endswith("hulian keys retire")
    seals = office.listed()["seals"]
    assert [(each["number"], each["state"]) for each in seals] == [(1, "replaced"), (2, "signs")]
    assert "seal-1 的私钥已不再需要：hulian keys retire" in office.listed()["warnings"]
    lines = office.hulian("keys", "list", status=1).splitlines()
    for each, state in zip(seals, ("已换下，只用来核对旧检查点", "现用，签署检查点"), strict=True):
        said = f"封存密钥 seal-{each['number']}（{state}）公钥指纹 {each['fingerprint']}"
        assert said in lines  # on one line, whatever the terminal
    assert "seal-1 的私钥已退役" in office.hulian("keys", "retire")
    assert sorted(path.name for path in office.keys.glob("seal-*")) == [
        "seal-1.pub",
        "seal-2.key",
        "seal-2.pub",
    ]
    assert "没有可以退役的密钥" in office.hulian("keys", "retire")
    assert [each for each in office.listed()["warnings"] if "seal" in each] == []
    # once it has signed, the next may come
    office.sealed(2)
    assert "封存密钥已更换：seal-3" in office.hulian("keys", "rotate", "seal")
    # one that must not sign at all is replaced by one made on purpose
    office.hulian("keys", "rotate", "seal", "--only-make")
    assert "封存密钥已更换：seal-4" in office.hulian("keys", "rotate", "seal")
    office.sealed(3)
    assert office.signed_by() == [[1], [2], [4]]


def test_on_several_hosts_the_public_half_goes_first(office: Office, tmp_path: Path) -> None:
    office.sealed(1)
    other = replace(office, settings=office.settings.model_copy(update={"home": tmp_path / "other"}))
    shutil.copytree(office.keys, other.keys)
    said = office.hulian("keys", "rotate", "seal", "--only-make")
    assert "已生成封存密钥 seal-2，尚未启用" in said
    assert said == office.hulian("keys", "rotate", "seal", "--only-make")
    assert any("seal-2 尚未启用" in each for each in office.listed()["warnings"])
    office.sealed(2)
    assert office.signed_by() == [[1], [1]]
    # what becomes of a host that was left out
    left_out = replace(office, settings=office.settings.model_copy(update={"home": tmp_path / "left-out"}))
    shutil.copytree(other.keys, left_out.keys)
    shutil.copy(office.keys / "seal-2.pub", other.keys)
    assert "封存密钥已更换：seal-2" in office.hulian("keys", "rotate", "seal")
    office.sealed(3)
    assert "没有发现问题" in other.hulian("audit", "verify")
    other.sealed(4)  # still with the key it has
    office.sealed(5)
    assert office.signed_by() == [[1], [1], [2], [1], [2]]
    with (
        sealing(addresses_of(office.databases), left_out.settings) as lanes_sealer,
        pytest.raises(SealTampered, match="不是用本系统的封存密钥"),
    ):
        lanes_sealer.run_once()
    shutil.copy(office.keys / "seal-2.key", other.keys)
    other.sealed(6)
    office.hulian("keys", "retire")
    other.hulian("keys", "retire")
    office.sealed(7)
    assert office.signed_by()[5:] == [[2], [2]]
    for host in (office, other):
        assert "没有发现问题" in host.hulian("audit", "verify")
