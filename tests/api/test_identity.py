"""Who is let in: development tokens, on loopback only."""

from __future__ import annotations

import base64
import json
import socket
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from httpx2 import AsyncClient, Client
from joserfc import jwt
from joserfc.jwk import OctKey

from api.access import identity
from api.access.identity import (
    DevelopmentTokenRefused,
    DevelopmentTokens,
    Identity,
    OrganUnclear,
    Role,
    TokenExpired,
    TokenInvalid,
    is_loopback,
    issue_token,
)
from api.serve import serving
from tests.api.office import Office

LOOPBACK = "127.0.0.1"


def token(directory: Path, **more: Any) -> str:
    return issue_token(directory, **{"officer": "c1", "organ": "370786/civil-affairs"} | more)


def refused_code(client_answer: Any) -> tuple[int, str]:
    assert client_answer.headers["WWW-Authenticate"].startswith("Bearer")
    return client_answer.status_code, client_answer.json()["code"]


def test_a_token_says_who_it_is_for(tmp_path: Path) -> None:
    given = token(tmp_path, roles=(Role.AUDITOR,))
    known = DevelopmentTokens(tmp_path).identity(given, LOOPBACK)
    assert known == Identity("c1", "370786/civil-affairs", "370786", frozenset({Role.AUDITOR}))


def test_the_key_is_kept_in_a_file_of_the_owner_alone(tmp_path: Path) -> None:
    token(tmp_path)
    (key,) = tmp_path.iterdir()
    assert key.name == "token-1.key"
    assert key.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("organ", ["", "civil-affairs", "/civil-affairs"])
def test_a_token_needs_an_organ_with_its_region(tmp_path: Path, organ: str) -> None:
    with pytest.raises(OrganUnclear, match="370786/civil-affairs"):
        token(tmp_path, organ=organ)


def test_a_token_ends_also_when_it_was_known_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens, given = DevelopmentTokens(tmp_path), token(tmp_path, lifetime=timedelta(minutes=5))
    tokens.identity(given, LOOPBACK)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 301)
    for asked in (tokens, DevelopmentTokens(tmp_path)):
        with pytest.raises(TokenExpired):
            asked.identity(given, LOOPBACK)


def test_a_token_of_another_key_or_altered_is_refused(tmp_path: Path) -> None:
    tokens, given = DevelopmentTokens(tmp_path / "here"), token(tmp_path / "here")
    head, body, seal = given.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    raised = base64.urlsafe_b64encode(json.dumps(claims | {"region": "cn"}).encode()).rstrip(b"=").decode()
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    public = b"guessed" * 5
    symmetric = jwt.encode({"alg": "HS256", "kid": "1"}, claims, OctKey.import_key(public))
    for wrong in (
        token(tmp_path / "elsewhere"),
        f"{head}.{raised}.{seal}",
        f"{none}.{body}.",
        symmetric,
        "not.a.token",
        "",
    ):
        with pytest.raises(TokenInvalid):
            tokens.identity(wrong, LOOPBACK)


@pytest.mark.parametrize(
    "missing", [{"exp": None}, {"aud": "another"}, {"iss": "another"}, {"roles": ["king"]}, {"region": "x"}]
)
def test_a_token_that_lacks_or_twists_a_claim_is_refused(tmp_path: Path, missing: dict[str, Any]) -> None:
    tokens = DevelopmentTokens(tmp_path)
    claims = {
        "iss": identity.ISSUER,
        "aud": identity.AUDIENCE,
        "sub": "c1",
        "organ": "370786/civil-affairs",
        "region": "370786",
        "roles": ["caseworker"],
        "exp": int(time.time()) + 60,
    } | missing
    claims = {name: claim for name, claim in claims.items() if claim is not None}
    keys = identity._token_keys(tmp_path)
    signed = jwt.encode(
        {"alg": "Ed25519", "kid": "1"}, claims, identity._signing_key(1, keys), algorithms=["Ed25519"]
    )
    with pytest.raises(TokenInvalid):
        tokens.identity(signed, LOOPBACK)


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.4", False),
        ("::ffff:10.0.0.1", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_loopback_is_only_what_no_other_machine_reaches(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback


@pytest.mark.parametrize("address", [None, "0.0.0.0", "10.0.0.1"])
def test_development_tokens_are_refused_off_loopback(tmp_path: Path, address: str | None) -> None:
    with pytest.raises(DevelopmentTokenRefused):
        DevelopmentTokens(tmp_path).identity(token(tmp_path), address)


async def test_nobody_is_let_in_without_a_good_token(office: Office, tmp_path: Path) -> None:
    paths = ("/v1/households", f"/v1/households/{uuid4()}", f"/v1/households/{uuid4()}/chain")
    cases: list[tuple[AsyncClient, str]] = [
        (office.client(), "token-missing"),
        (office.client(token(tmp_path / "other")), "token-invalid"),
        (office.client(office.token(lifetime=timedelta(seconds=-1))), "token-expired"),
        (office.client(office.token(), office.app(listens_on=None)), "development-token-refused"),
    ]
    for client, code in cases:
        async with client:
            for path in paths:
                assert refused_code(await client.get(path)) == (401, code)


@pytest.mark.parametrize(("address", "status"), [("127.0.0.1", 200), ("0.0.0.0", 401)])
def test_the_socket_decides_whether_development_tokens_are_taken(
    office: Office, address: str, status: int
) -> None:
    with socket.create_server((address, 0)) as listening:
        # whatever the app was told before
        app = office.app(listens_on="127.0.0.1" if status == 401 else "0.0.0.0")
        with serving(app, listening):
            url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1/households"
            with Client(headers={"Authorization": f"Bearer {office.token()}"}) as client:
                answer = client.get(url)
    assert answer.status_code == status
