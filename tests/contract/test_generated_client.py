"""A client generated from the document: nothing is left out of it, and it works against a served API."""

from __future__ import annotations

import json
import os
import subprocess
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from samples.office_people import VILLAGES
from tests.contract.town import Town

# what the generator has no type for is bytes
CONFIGURATION: Final = {
    "content_type_overrides": dict.fromkeys(
        ("application/pdf", "image/jpeg", "image/png"), "application/octet-stream"
    )
}

PROGRAM: Final = textwrap.dedent('''
    """What a program of another office does with the client: look around, register a family, apply for it."""
    import datetime, importlib, json, pkgutil, sys, uuid
    import hulian_client.api
    from hulian_client import AuthenticatedClient, models

    def operation(name):
        for chapter in pkgutil.iter_modules(hulian_client.api.__path__):
            package = importlib.import_module(f"hulian_client.api.{chapter.name}")
            if name in {each.name for each in pkgutil.iter_modules(package.__path__)}:
                return importlib.import_module(f"hulian_client.api.{chapter.name}.{name}").sync_detailed
        raise LookupError(name)

    asked = json.load(sys.stdin)
    told = {}
    day = datetime.date.fromisoformat(asked["day"])
    with AuthenticatedClient(asked["url"], asked["token"]) as client:
        page = operation("list_households")(client=client, limit=10).parsed
        assert isinstance(page, models.ListShape)
        told["listed"] = [str(item.id) for item in page.items]
        told["next"] = page.next_
        more = operation("list_households")(client=client, limit=10, cursor=page.next_).parsed
        told["more"] = [str(item.id) for item in more.items]
        first = page.items[0].id
        one = operation("get_household")(first, client=client)
        assert isinstance(one.parsed, models.HouseholdShape)
        told["version"], told["etag"] = one.parsed.version, one.headers["ETag"]
        told["name"] = one.parsed.members[0].name
        chain = operation("get_household_chain")(first, client=client, limit=100).parsed
        told["chain"] = [item.version for item in chain.items]
        history = operation("get_household_history")(first, client=client, valid_at=day).parsed
        assert isinstance(history, models.HistoryShape)
        told["history"] = str(history.household)

        family = models.RegisterHousehold(day, asked["village"], [
            models.NewMember("A1", "甲某", models.NewMemberRelation.HEAD, birth=datetime.date(1970, 1, 2)),
        ])
        key = str(uuid.uuid4())
        registered = operation("register_household")(client=client, body=family, idempotency_key=key)
        again = operation("register_household")(client=client, body=family, idempotency_key=key)
        assert isinstance(registered.parsed, models.CommandAnswer)
        assert again.parsed.household == registered.parsed.household
        told["replayed"] = again.headers["Idempotent-Replayed"]
        household = registered.parsed.household
        seen = operation("get_household")(household, client=client, x_min_position=registered.parsed.position)
        applicant = seen.parsed.members[0].person

        application = models.Apply(day, applicant, income=[
            models.IncomeItem(models.IncomeItemKind.WAGE, models.IncomeItemPeriod.MONTHLY, 30_000),
        ])
        apply = operation("apply")
        asking = {"client": client, "body": application}
        applied = apply(household, **asking, idempotency_key=str(uuid.uuid4()), if_match=seen.headers["ETag"])
        assert isinstance(applied.parsed, models.CommandAnswer), applied
        told["steps"] = [step.name for step in applied.parsed.steps]
        authorised = operation("authorise_verification")(
            household, client=client, body=models.AuthoriseVerification(day, [applicant]),
            idempotency_key=str(uuid.uuid4()), if_match=applied.headers["ETag"],
        )
        assert isinstance(authorised.parsed, models.CommandAnswer), authorised
        told["authorised"] = authorised.parsed.version - applied.parsed.version

        stale = apply(household, **asking, idempotency_key=str(uuid.uuid4()), if_match=seen.headers["ETag"])
        unlawful = operation("close_notice")(
            household, client=client, body=models.CloseNotice(day),
            idempotency_key=str(uuid.uuid4()), if_match=authorised.headers["ETag"],
        )
        nobody = operation("get_household")(uuid.UUID(int=5), client=client)
        for name, problem in {"stale": stale, "unlawful": unlawful, "nobody": nobody}.items():
            assert isinstance(problem.parsed, models.Problem), problem
            told[name] = [problem.status_code, problem.parsed.code]
        told["now"] = stale.parsed.current_version == authorised.parsed.version
    json.dump(told, sys.stdout)
''')


@pytest.fixture(scope="module")
def generated(
    client_python: Path, document_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """A folder with the client in it, and what the generator said."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "client.yaml").write_text(yaml.safe_dump(CONFIGURATION), "utf-8")
    beside = client_python.parent
    ran = subprocess.run(
        [
            *(beside / "openapi-python-client", "generate", "--path", document_file, "--meta", "none"),
            *("--output-path", folder / "hulian_client", "--config", folder / "client.yaml"),
        ],
        cwd=folder,
        env={**os.environ, "PATH": f"{beside}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return folder, ran.stdout + ran.stderr


def test_nothing_is_left_out_of_the_generated_client(
    generated: tuple[Path, str], document: dict[str, Any]
) -> None:
    folder, said = generated
    assert "WARNING" not in said.upper(), said
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    modules = [file for file in folder.glob("hulian_client/api/*/*.py") if file.name != "__init__.py"]
    assert len(modules) == len(operations)


def test_another_office_works_with_the_generated_client(
    generated: tuple[Path, str], client_python: Path, town: Town
) -> None:
    asked = {"url": town.url, "token": town.token(), "day": "2026-11-16", "village": next(iter(VILLAGES))}
    with _projected(town):
        ran = subprocess.run(
            [client_python, "-c", PROGRAM],
            input=json.dumps(asked),
            cwd=generated[0],
            env={**os.environ, "PYTHONPATH": str(generated[0]), "NO_PROXY": "127.0.0.1"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert len(told["listed"]) == len(told["more"]) == 10
    assert not set(told["listed"]) & set(told["more"])
    assert told["etag"] == f'"v{told["version"]}"'
    assert told["chain"][-1] == told["version"]
    assert told["name"].endswith("*")
    assert told["history"] == told["listed"][0]
    assert told["replayed"] == "true"
    assert told["steps"][0] == "household.applied.1"
    assert told["authorised"] > 0
    assert told["stale"] == [412, "version-conflict"]
    assert told["now"] is True
    assert told["unlawful"][0] == 422
    assert told["nobody"] == [404, "household-unknown"]


@contextmanager
def _projected(town: Town) -> Iterator[None]:
    """With the read models kept up to what is written."""
    ended = threading.Event()

    def project() -> None:
        while not ended.wait(0.05):
            town.office.project()

    worker = threading.Thread(target=project, name="projector")
    worker.start()
    try:
        yield
    finally:
        ended.set()
        worker.join()
