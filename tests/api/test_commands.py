"""Commands over HTTP: carried out once, on the version seen, by whom the table and the law let."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from httpx2 import AsyncClient

from api.access.identity import Role
from api.access.permissions import permission_for
from domain.catalogue import COMMANDS
from tests import stories
from tests.api.clerk import FAMILY, give, register
from tests.api.office import OTHER_COUNTY, YU_COUNTY, YU_TOWNSHIP, Office

ALERT: dict[str, Any] = {"on": "2021-06-28", "code": "E-EXP-01", "level": "RED"}


async def begun(client: AsyncClient) -> tuple[str, int]:
    answer = await register(client)
    assert answer.status_code == 201, answer.text
    return answer.json()["household"], answer.json()["version"]


async def test_a_registered_household_has_a_place_a_version_and_its_steps(office: Office) -> None:
    async with office.client(office.token(YU_TOWNSHIP)) as client:
        answer = await register(client)
        told = answer.json()
        office.project()
        shown = await client.get(
            answer.headers["Location"], headers={"X-Min-Position": answer.headers["X-Position"]}
        )
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/households/{told['household']}"
    assert answer.headers["ETag"] == shown.headers["ETag"] == '"v3"'
    assert answer.headers["X-Position"] == told["position"] == shown.headers["X-Position"]
    assert "Idempotent-Replayed" not in answer.headers
    assert [(step["version"], step["name"], step["title"], step["on"]) for step in told["steps"]] == [
        (1, "household.registered.1", "家庭登记", "2021-06-28"),
        (2, "household.member-added.1", "成员登记", "2021-06-28"),
        (3, "household.member-added.1", "成员登记", "2021-06-28"),
    ]
    assert [member["name"] for member in shown.json()["members"]] == ["于*", "于**"]


async def test_a_family_is_taken_from_alert_to_confirmed_dibao_over_http(office: Office) -> None:
    township, county = office.token(YU_TOWNSHIP), office.token(YU_COUNTY)
    both = (Role.CASEWORKER, Role.FINANCE)
    async with office.client(township) as village, office.client(county) as bureau:
        household, version = await begun(village)
        office.project()
        shown = (await village.get(f"/v1/households/{household}")).json()
        father, daughter = (member["person"] for member in shown["members"])
        road: list[tuple[AsyncClient, str, dict[str, Any]]] = [
            (village, "raise-alert", {**ALERT, "person": father, "fen": "70000 元"}),
            (village, "verify-alert", {"on": "2021-06-29", "investigators": ["w1", "w2"], "need": True}),
            (village, "feed-back-alert", {"on": "2021-06-29", "outcome": "application-started"}),
            (
                village,
                "apply",
                {
                    "on": "2021-07-01",
                    "applicant": father,
                    "income": [{"kind": "property", "period": "monthly", "fen": 40_000}],
                },
            ),
            (village, "authorise-verification", {"on": "2021-07-01", "persons": [father, daughter]}),
            (village, "accept-application", {"on": "2021-07-01"}),
            (village, "start-investigation", {"on": "2021-07-02"}),
            (village, "request-verification", {"on": "2021-07-02"}),
            (bureau, "start-verification", {"on": "2021-07-02"}),
            (
                bureau,
                "report-verification",
                {"on": "2021-07-06", "eligible": True, "sources": ["bank", "vehicle", "real-estate"]},
            ),
            (
                village,
                "visit-home",
                {"on": "2021-07-07", "investigators": ["w1", "w2"], "signedBy": father},
            ),
            (village, "give-opinion", {"on": "2021-07-08"}),
            (village, "post-notice", {"on": "2021-07-09"}),
            (village, "close-notice", {"on": "2021-07-16"}),
            (bureau, "receive-file", {"on": "2021-07-19"}),
            (bureau, "confirm-dibao", {"on": "2021-07-26"}),
        ]
        for client, command, body in road:
            answer = await give(client, household, command, version, **body)
            assert answer.status_code == 200, (command, answer.text)
            assert answer.json()["news"]
            assert answer.headers["ETag"] == f'"v{answer.json()["version"]}"'
            assert answer.json()["steps"][-1]["version"] == answer.json()["version"]
            version = answer.json()["version"]
        paying = office.client(office.token(YU_COUNTY, roles=both))
        async with paying as client:
            ordered = await give(client, household, "order-payment", version, on="2021-08-10")
        assert ordered.status_code == 200, ordered.text
    state = office.households.get(UUID(household))  # type: ignore[arg-type]
    assert [spell.category for spell in state.categories] == ["DIBAO"]


async def test_the_same_request_again_gets_the_first_answer_and_says_so(office: Office) -> None:
    async with office.client(office.token(YU_TOWNSHIP)) as client:
        first = await register(client, key="one-and-only")
        again = await register(client, key='"one-and-only"')
        household, version = first.json()["household"], first.json()["version"]
        alert = await give(client, household, "raise-alert", version, "alert-key", **ALERT)
        # the version it was based on is no longer the newest
        told_again = await give(client, household, "raise-alert", version, "alert-key", **ALERT)
    for one, other, status in ((first, again, 201), (alert, told_again, 200)):
        assert (one.status_code, other.status_code) == (status, status)
        assert one.json() == other.json()
        assert (one.headers.get("Idempotent-Replayed"), other.headers["Idempotent-Replayed"]) == (
            None,
            "true",
        )
        assert one.headers["ETag"] == other.headers["ETag"]
        assert one.headers.get("Location") == other.headers.get("Location")
    assert [step["title"] for step in told_again.json()["steps"]] == ["预警下发"]


async def test_a_read_that_was_rolled_back_does_not_stand_in_the_way_of_a_command(office: Office) -> None:
    """psycopg has the server forget every prepared statement after it, also those the store has made."""
    async with office.client(office.token(YU_TOWNSHIP)) as client:
        household, version = await begun(client)
        with office.pool.connection() as first, office.pool.connection() as second:
            for connection in (first, second):
                connection.execute("BEGIN")
                connection.execute("SELECT 1", prepare=True)
                connection.execute("ROLLBACK")
                connection.execute("SELECT 1")
        answer = await give(client, household, "raise-alert", version, **ALERT)
    assert answer.status_code == 200, answer.text


async def test_another_content_under_the_same_key_is_refused(office: Office) -> None:
    async with office.client(office.token(YU_TOWNSHIP)) as client:
        household, version = await begun(client)
        await give(client, household, "raise-alert", version, "same-key", **ALERT)
        other = await give(client, household, "raise-alert", version, "same-key", **ALERT | {"level": "BLUE"})
        verified = await give(
            client, household, "verify-alert", version, "same-key",
            on="2021-06-29", investigators=["w1", "w2"], need=True,
        )  # fmt: skip
    assert [(a.status_code, a.json()["code"]) for a in (other, verified)] == [(422, "changed-command")] * 2


async def test_a_key_belongs_to_who_uses_it_and_to_one_household(office: Office) -> None:
    async with office.client(office.token(YU_TOWNSHIP)) as client:
        household, version = await begun(client)
        single = {**FAMILY, "members": [{"key": "B", "name": "于某某", "relation": "head"}]}
        beside = (await register(client, single)).json()
        one = await give(client, household, "raise-alert", version, "my-key-01", **ALERT)
        two = await give(client, beside["household"], "raise-alert", beside["version"], "my-key-01", **ALERT)
    async with office.client(office.token(YU_COUNTY)) as client:
        three = await give(client, household, "raise-alert", version, "my-key-01", **ALERT)
    assert (one.status_code, two.status_code) == (200, 200)
    assert (three.status_code, three.json()["code"]) == (412, "version-conflict")


async def test_of_many_duplicates_at_once_one_becomes_true(office: Office) -> None:
    async with office.client(office.token(YU_TOWNSHIP)) as client:
        registered = await asyncio.gather(*(register(client, key="twelve-at-once") for _ in range(12)))
        household, version = registered[0].json()["household"], registered[0].json()["version"]
        alerts = await asyncio.gather(
            *(give(client, household, "raise-alert", version, "alert-at-once", **ALERT) for _ in range(12))
        )
    assert {answer.status_code for answer in registered} == {201}
    assert {answer.status_code for answer in alerts} == {200}
    for answers in (registered, alerts):
        assert len({answer.text for answer in answers}) == 1
        assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 11
    assert office.store.load(UUID(household)).version == version + 1


async def test_of_two_clerks_the_second_is_told_the_version_there_is(office: Office) -> None:
    async with office.client(office.token(YU_TOWNSHIP)) as client:
        household, version = await begun(client)
        answers = await asyncio.gather(
            *(give(client, household, "raise-alert", version, **ALERT) for _ in range(2))
        )
        none = await give(client, household, "raise-alert", None, **ALERT)
        loose = await give(client, household, "raise-alert", "*", **ALERT)
    done, late = sorted(answers, key=lambda answer: answer.status_code)
    assert (done.status_code, late.status_code) == (200, 412)
    assert (late.json()["code"], late.json()["currentVersion"]) == ("version-conflict", version + 1)
    assert late.headers["ETag"] == done.headers["ETag"]
    # and who was quicker, with what; which is a look at the household like any other
    changed = late.json()["changedBy"]
    assert (changed["officer"], changed["organ"], changed["title"], changed["on"]) == (
        "c1", f"{YU_TOWNSHIP}/civil-affairs", "预警下发", ALERT["on"],
    )  # fmt: skip
    assert changed["recordedAt"] == done.json()["recordedAt"].replace("Z", "+00:00")
    assert all(word in late.json()["title"] for word in ("预警下发", "c1"))
    assert [record[3:] for record in office.looks(UUID(household))] == [("command", ["last-step"])]
    assert (none.status_code, none.json()["code"]) == (428, "version-required")
    assert loose.status_code == 400
    assert [each["pointer"] for each in loose.json()["errors"]] == ["/If-Match"]


async def test_what_is_so_already_is_no_news(office: Office) -> None:
    async with office.client(office.token(YU_TOWNSHIP)) as client:
        household = office.tell(stories.yu_accepted())
        version = office.store.load(household).version
        persons = [str(member.person) for member in stories.yu_accepted().household.members]
        answer = await give(
            client, household, "authorise-verification", version, on="2021-07-01", persons=persons
        )
    assert answer.status_code == 200
    assert (answer.json()["news"], answer.json()["steps"], answer.json()["position"]) == (False, [], None)
    assert answer.json()["version"] == version


async def test_all_faults_are_told_together_and_no_value_is(office: Office, log: io.StringIO) -> None:
    async with office.client(office.token(YU_TOWNSHIP)) as client:
        answer = await client.post(
            f"/v1/households/{stories.A1}/apply",
            json={
                "on": "于某",
                "applicant": "于某",
                "income": [{"kind": "于某", "period": "monthly", "fen": "于某"}],
                "于某": stories.A1,
                "property": {"floor_area": 3},
            },
            headers={"If-Match": "于某".encode().hex()},
        )
    assert answer.status_code == 400
    assert {(each["in"], each["pointer"], each["code"]) for each in answer.json()["errors"]} == {
        ("path", "/household", "uuid-parsing"),
        ("header", "/Idempotency-Key", "missing"),
        ("header", "/If-Match", "string-pattern-mismatch"),
        ("body", "", "unknown-field"),
        ("body", "/on", "not-a-date"),
        ("body", "/applicant", "unknown-person"),
        ("body", "/income/0/kind", "not-one-of"),
        ("body", "/income/0/fen", "amount-unreadable"),
        ("body", "/property", "unknown-field"),
    }
    (version,) = (each for each in answer.json()["errors"] if each["pointer"] == "/If-Match")
    assert "ETag" in version["detail"]
    for text in (answer.text, log.getvalue()):
        assert "于某" not in text
        assert stories.A1 not in text


@pytest.mark.parametrize("body", ["[]", "null", '"于某"', "", "{", "NaN", '{"on": "\\ud800"}', "[" * 100_000])
async def test_a_body_that_is_no_command_is_refused_in_order(office: Office, body: str) -> None:
    headers = {"Idempotency-Key": "k" * 8, "Content-Type": "application/json"}
    async with office.client(office.token(YU_TOWNSHIP)) as client:
        answer = await client.post("/v1/households", content=body.encode(), headers=headers)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_a_refusal_names_its_article_and_repeats_nothing_typed(office: Office) -> None:
    async with office.client(office.token(YU_TOWNSHIP)) as client:
        twice = await register(client, {**FAMILY, "members": [FAMILY["members"][0]] * 2})
        nowhere = await register(client, {**FAMILY, "region": "于某"})
        household, version = await begun(client)
        early = await give(client, household, "accept-application", version, on="2021-07-01")
        abroad = await register(client, {**FAMILY, "region": "990301100201"})
    assert (twice.status_code, twice.json()["code"], twice.json()["ruleId"]) == (
        422, "not-one-head", "M57 art.4",
    )  # fmt: skip
    assert (nowhere.status_code, nowhere.json()["code"]) == (422, "unknown-region")
    assert "于某" not in nowhere.text
    assert (early.status_code, early.headers["Content-Type"]) == (422, "application/problem+json")
    assert (abroad.status_code, abroad.json()["code"]) == (403, "region-outside")


async def test_a_household_of_another_area_is_not_there(office: Office) -> None:
    async with office.client(office.token(YU_TOWNSHIP)) as client:
        household, version = await begun(client)
    async with office.client(office.token(OTHER_COUNTY)) as client:
        answers = [
            await give(client, each, "raise-alert", version, **ALERT) for each in (household, str(uuid4()))
        ]
    assert [(a.status_code, a.json()["code"]) for a in answers] == [(404, "household-unknown")] * 2
    assert [record[1:] for record in office.looks(UUID(household))] == [
        ("c1", f"{OTHER_COUNTY}/civil-affairs", "command", ["refused"])
    ]


async def test_the_domain_refuses_what_the_organ_may_not(office: Office) -> None:
    household = office.tell(stories.yu_received())
    version = office.store.load(household).version
    async with office.client(office.token("3707")) as client:
        answer = await give(client, household, "confirm-dibao", version, on="2021-07-26")
    assert (answer.status_code, answer.json()["code"]) == (422, "not-competent")


async def test_what_the_table_denies_is_refused_with_its_rule_and_on_record(
    office: Office, log: io.StringIO
) -> None:
    household = office.tell(stories.yu_accepted())
    async with office.client(office.token(role=Role.AUDITOR)) as client:
        answer = await give(client, household, "start-investigation", 1, on="2021-07-02")
    assert (answer.status_code, answer.json()["code"], answer.json()["ruleId"]) == (
        403, "command-not-allowed", "P-CASE",
    )  # fmt: skip
    assert "启动调查" in answer.json()["title"]
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    (denied,) = [line for line in lines if line["event"] == "command denied"]
    assert (denied["command"], denied["rule"], denied["roles"]) == (
        "start-investigation", "P-CASE", ["auditor"],
    )  # fmt: skip
    assert [record[-1] for record in office.looks(household)] == [["refused"]]


SYSTEM = {"note-missed-deadline", "warn-grace-expiry", "return-to-monitoring"}
MONEY = {"order-payment", "settle-payment", "return-payment"}


def may(role: Role, command: str) -> bool:
    """The table once more, told the other way round."""
    match role:
        case Role.CASEWORKER:
            return command not in SYSTEM | MONEY
        case Role.FINANCE:
            return command in MONEY
        case Role.SYSTEM:
            return command in SYSTEM | MONEY
    return False


@pytest.mark.parametrize("role", Role)
async def test_every_role_may_give_exactly_its_commands(office: Office, role: Role) -> None:
    """Asked of the server itself: what is let through fails only later, for want of a household."""
    household = uuid4()
    async with office.client(office.token(role=role)) as client:
        for command in COMMANDS:
            path = (
                "/v1/households"
                if command == "register-household"
                else f"/v1/households/{household}/{command}"
            )
            answer = await client.post(path, json={}, headers={"Idempotency-Key": "k" * 8})
            allowed = answer.json()["code"] != "command-not-allowed"
            assert allowed is may(role, command), (role, command, answer.text)
            assert allowed or answer.json()["ruleId"] == permission_for(command).rule
