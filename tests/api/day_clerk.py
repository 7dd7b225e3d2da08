"""Clerks of the day (经办人): officers who look and act over HTTP, and remember every look of theirs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from httpx2 import Client, Response

from api.access.identity import Role
from tests.api.day import Body, Day

SCAN = b"%PDF-1.7 \x00"


class Clerk:
    """One officer at a desk (经办人): looks and acts over HTTP as the office's own program would."""

    def __init__(self, day: Day, officer: str, organ: str, *roles: Role) -> None:
        self.day, self.officer, self.organ = day, officer, organ
        headers = {"Authorization": f"Bearer {day.token(officer, organ, *roles)}"}
        self._client = Client(base_url=day.base, headers=headers, timeout=60)

    def __enter__(self) -> Clerk:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    # looking

    def asks(self, path: str, seen: str | None = None, **query: str | int | bool) -> Response:
        """One GET, at least as new as the position `seen`; asked again while the read models are behind."""
        params = {name: str(value).lower() if value is True else value for name, value in query.items()}
        headers = {"X-Min-Position": seen} if seen else {}
        while True:
            answer = self._client.get(path, params=params, headers=headers)
            if not (answer.status_code == 409 and answer.json()["code"] == "not-seen-yet"):
                return answer

    def sees(self, household: UUID, view: str = "", /, **query: str) -> dict[str, Any]:
        """What a view of a household tells, the last write to it included."""
        path = f"/v1/households/{household}" + (f"/{view}" if view else "")
        answer = self.asks(path, self.day.positions.get(household), **query)
        assert answer.status_code == 200, (view, answer.text)
        assert answer.headers["Cache-Control"] == "private, no-store"
        self.noted(view or "names")
        told: dict[str, Any] = answer.json()
        if not view:
            assert answer.headers["ETag"] == f'"v{told["version"]}"'
            self.day.versions[household] = told["version"]
        return told

    def is_not_shown(
        self, household: UUID, view: str = "", status: int = 404, code: str = "household-unknown"
    ) -> None:
        """Refused, by default like a household there is not; that it was asked stands on record."""
        answer = self.asks(f"/v1/households/{household}" + (f"/{view}" if view else ""))
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        self.noted("refused")

    def learns_nothing(self, household: UUID, view: str, code: str, **query: str) -> None:
        """There is nothing to tell of what was asked; that it was asked stands on record."""
        answer = self.asks(f"/v1/households/{household}/{view}", **query)
        assert (answer.status_code, answer.json()["code"]) == (404, code)
        self.noted(view)

    def searches(self, **asked: str) -> list[dict[str, Any]]:
        """Look for a person, what is looked for in the body and nowhere else."""
        self.day.settles()
        answer = self._client.post("/v1/households/_search", json=asked)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        self.noted("search:id-number")
        for _ in found:
            self.noted("names")
        return found

    def page(self, path: str, what: str, **query: str | int | bool) -> list[dict[str, Any]]:
        """All pages of a list, one after another."""
        items: list[dict[str, Any]] = []
        cursor: dict[str, str | int | bool] = {}
        while True:
            answer = self.asks(path, self.day.last, **query, **cursor)
            assert answer.status_code == 200, answer.text
            told = answer.json()
            for _ in {item.get("household", item.get("id")) for item in told["items"]}:
                self.noted(what)
            items += told["items"]
            if told["next"] is None:
                return items
            assert 'rel="next"' in answer.headers["Link"]
            cursor = {"cursor": told["next"]}

    def work(self, whose: str, **query: str | int | bool) -> list[dict[str, Any]]:
        """The work list: mine, the office's, or the whole area's."""
        return self.page("/v1/work-items", "work-items", whose=whose, **query)

    def to_do(self, household: UUID) -> dict[str, str | None]:
        """What waits at a household: the steps, each with its last day."""
        items = self.sees(household, "work-items")["items"]
        return {item["step"]: item["due"] for item in items}

    def dues(self, household: UUID) -> dict[str, str]:
        """The deadlines that run, each with its day."""
        return {each["what"]: each["day"] for each in self.sees(household)["due"]}

    def stage(self, household: UUID) -> tuple[str, str]:
        """Where the family is told its application is."""
        case = self.sees(household, "status")["case"]
        return case["stage"], case["words"]

    def report(self, kind: str, /, **query: str) -> dict[str, Any]:
        """A report of counts: about nobody, and so on no record."""
        answer = self.asks(f"/v1/reports/{kind}", **query)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    # acting

    def registers(self, region: str, members: list[Body], **more: Any) -> tuple[UUID, list[UUID]]:
        """Begin a family's chain; its id and its people's, in the order they were named."""
        answer = self.posts(
            "/v1/households", {"on": self.day.today.isoformat(), "region": region, "members": members, **more}
        )
        assert answer.status_code == 201, answer.text
        household = self.wrote(answer)
        assert answer.headers["Location"] == f"/v1/households/{household}"
        return household, [UUID(member["person"]) for member in self.sees(household)["members"]]

    def does(self, household: UUID, command: str, /, **body: Any) -> dict[str, Any]:
        """One step, based on the version last seen; what it made true."""
        answer = self.gives(household, command, **body)
        assert answer.status_code in (200, 201), (command, answer.text)
        self.wrote(answer)
        told: dict[str, Any] = answer.json()
        assert told["news"], command
        assert answer.headers["ETag"] == f'"v{told["version"]}"'
        return told | {
            "location": answer.headers.get("Location"),
            "names": [s["name"] for s in told["steps"]],
        }

    def is_refused(self, household: UUID, command: str, code: str, /, **body: Any) -> dict[str, Any]:
        """The law or the state of the household does not allow the step: a code, a sentence, nothing written."""
        return self._refused(household, command, (422, code), body)

    def is_denied(self, household: UUID, command: str, code: str, status: int, /, **body: Any) -> None:
        """The step is not theirs to take; that it was tried stands on record."""
        self._refused(household, command, (status, code), body)
        self.noted("refused")

    def _refused(
        self, household: UUID, command: str, expected: tuple[int, str], body: Body
    ) -> dict[str, Any]:
        answer = self.gives(household, command, **body)
        problem: dict[str, Any] = answer.json()
        assert (answer.status_code, problem.get("code")) == expected, (command, answer.text)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert problem["title"]
        assert problem["requestId"] == answer.headers["X-Request-ID"]
        return problem

    def gives(
        self,
        household: UUID,
        command: str,
        /,
        key: str | None = None,
        based_on: int | None = None,
        **body: Any,
    ) -> Response:
        """The request itself."""
        if based_on is None:
            if household not in self.day.versions:
                self.sees(household)
            based_on = self.day.versions[household]
        body = {"on": self.day.today.isoformat(), **body}
        return self.posts(f"/v1/households/{household}/{command}", body, key, {"If-Match": f'"v{based_on}"'})

    def posts(
        self, path: str, body: Body, key: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        return self._client.post(
            path,
            json=json.loads(json.dumps(body, default=str)),
            headers={"Idempotency-Key": key or str(uuid4()), **(headers or {})},
        )

    def wrote(self, answer: Response) -> UUID:
        """Remember how far an answer wrote; the household it is about."""
        told = answer.json()
        household = UUID(told["household"])
        for each in (told, *told["others"]):
            self.day.versions[UUID(each["household"])] = each["version"]
            self.day.positions[UUID(each["household"])] = told["position"]
        self.day.last = told["position"]
        return household

    # papers

    def uploads(self, household: UUID, person: UUID, kind: str) -> str:
        """A scanned paper of a member's; the id that stands in the step that rests on it."""
        answer = self._client.post(
            f"/v1/households/{household}/attachments",
            params={"kind": kind, "person": str(person)},
            content=SCAN,
            headers={"Idempotency-Key": str(uuid4()), "Content-Type": "application/pdf"},
        )
        assert answer.status_code == 201, answer.text
        shown = self.asks(answer.headers["Location"])
        assert (shown.status_code, shown.content) == (200, SCAN)
        self.noted(f"attachment:{kind}")
        return str(answer.json()["id"])

    def issues(self, household: UUID, kind: str, **body: Any) -> dict[str, Any]:
        """Issue a document; as it stands in the family's list."""
        assert self.does(household, "issue-document", kind=kind, **body)["names"] == [
            "household.document-issued.1"
        ]
        self.noted("issue-document")
        document: dict[str, Any] = self.sees(household, "documents")["items"][-1]
        assert (document["kind"], document["deliveredOn"]) == (kind, None)
        return document

    def prints(self, household: UUID, document: Body) -> str:
        """The page as it was issued, for the printer."""
        answer = self.asks(f"/v1/households/{household}/documents/{document['id']}")
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        self.noted("attachment:document")
        assert str(document["number"]) in answer.text
        return answer.text

    def noted(self, what: str) -> None:
        """Write a look into the diary, to be found again among the access records."""
        self.day.diary[f"{self.officer}@{self.organ}", what] += 1
