"""Attachments and documents: taken in once, shown to who may see the household, each look on record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from httpx2 import AsyncClient, Response

from eventstore.attachments import LARGEST
from tests import stories
from tests.api.clerk import give
from tests.api.office import OTHER_COUNTY, YU_COUNTY, YU_TOWNSHIP, Office

PDF = b"%PDF-1.7 \xe4\xba\x8e\xe6\x9f\x90"


async def put(
    client: AsyncClient,
    household: UUID,
    data: bytes = PDF,
    media: str = "application/pdf",
    key: str | None = None,
    query: str = "",
) -> Response:
    headers = {"Content-Type": media, "Idempotency-Key": key or str(uuid4())}
    return await client.post(f"/v1/households/{household}/attachments{query}", content=data, headers=headers)


async def test_what_was_taken_in_is_handed_out_the_same_and_the_look_is_on_record(office: Office) -> None:
    life = stories.yu_registered()
    household = office.tell(life)
    async with office.client(office.token()) as client:
        stored = await put(client, household, query=f"?kind=mandate&person={stories.person(life, 1)}")
        shown = await client.get(stored.headers["Location"], headers={"X-Purpose": "remedy"})
    assert stored.status_code == 201
    assert (stored.json()["owner"], stored.json()["kind"]) == (str(stories.person(life, 1)), "mandate")
    assert (shown.content, shown.headers["Content-Type"]) == (PDF, "application/pdf")
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert office.looks() == [
        (household, "c1", f"{YU_COUNTY}/civil-affairs", "remedy", ["attachment:mandate"])
    ]


async def test_the_same_upload_again_is_the_same_attachment(office: Office) -> None:
    household = office.tell(stories.yu_registered())
    async with office.client(office.token()) as client:
        first, again = [await put(client, household, key="upload-01") for _ in range(2)]
        other = await put(client, household, PDF + b"2", key="upload-01")
    assert (first.status_code, again.status_code, first.json()) == (201, 201, again.json())
    assert (other.status_code, other.json()["code"]) == (422, "attachment-changed")


@pytest.mark.parametrize(
    ("data", "media", "status"),
    [
        (b"", "application/pdf", 400),
        (b"<script>", "text/html", 415),
        (b"<script>", "application/pdf", 415),
        (PDF, "image/png", 415),
        (b"\x89PNG\r\n\x1a\n", "image/png", 201),
        (b"\xff\xd8\xff\xe0", "image/jpeg; q=1", 201),
        (b"%PDF-" + bytes(LARGEST - 5), "application/pdf", 201),
        (b"%PDF-" + bytes(LARGEST - 4), "application/pdf", 413),
    ],
)
async def test_only_what_it_says_it_is_and_not_too_large(
    office: Office, data: bytes, media: str, status: int
) -> None:
    household = office.tell(stories.yu_registered())
    async with office.client(office.token()) as client:
        answer = await put(client, household, data, media)
    assert answer.status_code == status
    if status != 201:
        assert answer.headers["Content-Type"] == "application/problem+json"


async def test_an_ordinary_body_stays_small(office: Office) -> None:
    async with office.client(office.token(YU_TOWNSHIP)) as client:
        headers = {"Idempotency-Key": "k" * 8, "Content-Type": "application/json"}
        told = await client.post("/v1/households", content=b" " * (2 << 20), headers=headers)
        untold = await client.post("/v1/households", content=drops(), headers=headers)
    for answer in (told, untold):
        assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
        assert answer.headers["API-Version"]


async def drops() -> AsyncIterator[bytes]:
    """A body that does not say how long it is."""
    for _ in range(40):
        yield b" " * (1 << 16)


async def test_nobody_sees_or_adds_papers_of_a_household_that_is_not_theirs(office: Office) -> None:
    household = office.tell(stories.yu_registered())
    beside = office.register(1)
    async with office.client(office.token()) as client:
        id = (await put(client, household)).json()["id"]
        elsewhere = await client.get(f"/v1/households/{beside}/attachments/{id}")
        unknown = await client.get(f"/v1/households/{household}/attachments/{uuid4()}")
        stranger = await put(client, household, query=f"?person={uuid4()}")
    async with office.client(office.token(OTHER_COUNTY)) as client:
        foreign = [
            await put(client, household),
            await client.get(f"/v1/households/{household}/attachments/{id}"),
        ]
    assert [answer.status_code for answer in (elsewhere, unknown, *foreign)] == [404] * 4
    assert (stranger.status_code, stranger.json()["code"]) == (422, "not-of-the-household")
    assert [record[-1] for record in office.looks(household)] == [["refused"]] * 2


async def test_an_erased_attachment_is_gone(office: Office) -> None:
    household = office.tell(stories.yu_registered())
    async with office.client(office.token()) as client:
        id = (await put(client, household)).json()["id"]
        office.store.erase(household)
        answer = await client.get(f"/v1/households/{household}/attachments/{id}")
    assert (answer.status_code, answer.json()["code"]) == (410, "attachment-gone")


async def test_a_document_is_issued_listed_and_read(office: Office) -> None:
    household = office.tell(stories.yu_accepted())
    version = office.store.load(household).version
    async with office.client(office.token(YU_TOWNSHIP)) as client:
        issued = await give(
            client, household, "issue-document", version, on="2021-07-01", kind="acceptance-notice"
        )
        assert issued.status_code == 200, issued.text
        office.project()
        listed = await client.get(f"/v1/households/{household}/documents")
        (document,) = listed.json()["items"]
        page = await client.get(f"/v1/households/{household}/documents/{document['id']}")
        bare = await client.get(f"/v1/households/{household}/attachments/{document['id']}")
        beside = await client.get(f"/v1/households/{office.register(1)}/documents/{document['id']}")
    assert document["number"] in page.text
    assert page.headers["Content-Type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert (bare.status_code, beside.status_code) == (404, 404)
    seen = [record[-1] for record in office.looks(household)]
    assert ["documents"] in seen
    assert ["attachment:document"] in seen
