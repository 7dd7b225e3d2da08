"""Identity (身份): who asks, for which organ and area, in which role and for what purpose; development tokens."""

from __future__ import annotations

import base64
import ipaddress
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import Depends, Header, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import KeySet, OKPKey

from api.http.limits import Limited, RateLimits
from api.http.problems import Denied, Problem
from domain.values.receipt import Actor
from eventstore.keys.key_files import KeyFiles, KeyProvider

NATION: Final = "cn"
"""The area of who may see every region."""

ISSUER: Final = "hulian-development"
AUDIENCE: Final = "hulian"
ALGORITHM: Final = "Ed25519"
LIFETIME: Final = timedelta(hours=12)
_KNOWN_TOKENS = 1_000
_CHALLENGE: Mapping[str, str] = {"WWW-Authenticate": "Bearer"}
_CLAIMS = jwt.JWTClaimsRegistry(
    iss={"essential": True, "value": ISSUER},
    aud={"essential": True, "value": AUDIENCE},
    exp={"essential": True},
)


class Role(StrEnum):
    """In what capacity somebody works with the system (角色)."""

    CASEWORKER = "caseworker"
    AUDITOR = "auditor"
    SUPERVISOR = "supervisor"
    FINANCE = "finance"
    SYSTEM = "system"
    OPERATOR = "operator"


ROLE_WORDS: Final[Mapping[Role, str]] = {
    Role.CASEWORKER: "经办人员",
    Role.AUDITOR: "审计、纪检人员",
    Role.SUPERVISOR: "管理人员",
    Role.FINANCE: "资金发放人员",
    Role.SYSTEM: "系统服务",
    Role.OPERATOR: "运维人员",
}
"""What roles are called when people read them."""


class Purpose(StrEnum):
    """What a household's data is looked at for (查阅用途); written down with every look."""

    CASE_HANDLING = "case-handling"
    RECERTIFICATION = "recertification"
    REMEDY = "remedy"
    AUDIT = "audit"


PURPOSE_WORDS: Final[Mapping[Purpose, str]] = {
    Purpose.CASE_HANDLING: "办理救助事项",
    Purpose.RECERTIFICATION: "定期核查",
    Purpose.REMEDY: "异议、复议、信访",
    Purpose.AUDIT: "审计监督",
}
"""What purposes are called when people read them."""


PURPOSES: Final[Mapping[Role, tuple[Purpose, ...]]] = {
    Role.CASEWORKER: (Purpose.CASE_HANDLING, Purpose.RECERTIFICATION, Purpose.REMEDY),
    Role.AUDITOR: (Purpose.AUDIT, Purpose.REMEDY),
    Role.SUPERVISOR: (),
    Role.FINANCE: (),
    Role.SYSTEM: (),
    Role.OPERATOR: (),
}
"""What each role may look at households for; the first is meant where none is said."""


class TokenMissing(Problem):
    """请先登录：请求没有携带访问令牌。"""

    status = 401
    headers: ClassVar[Mapping[str, str]] = _CHALLENGE


class TokenInvalid(Problem):
    """访问令牌无效。请重新登录。"""

    status = 401
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


class TokenExpired(Problem):
    """访问令牌已过期。请重新登录。"""

    status = 401
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


class DevelopmentTokenRefused(Problem):
    """开发令牌只在服务仅监听本机地址时有效。请改用统一身份认证，或只监听 127.0.0.1。"""

    status = 401
    headers: ClassVar[Mapping[str, str]] = _CHALLENGE


class RoleNotAllowed(Denied):
    """当前角色不能查阅家庭信息。"""


class PurposeNotAllowed(Denied):
    """当前角色不能以该用途查阅家庭信息。"""


class OrganUnclear(ValueError):
    """机构须写成 区划代码/部门，例如 370786/civil-affairs；辖区须为区划代码，全国为 cn。"""

    code = "organ-unclear"

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks: a pseudonymous officer of an organ, for a region and all below it (`cn`: everywhere)."""

    officer: str
    organ: str
    region: str
    roles: frozenset[Role]

    @property
    def actor(self) -> Actor:
        """As whom the domain knows them; a service of the system acts for no organ."""
        if Role.SYSTEM in self.roles:
            return Actor(f"system:{self.officer}")
        return Actor(self.officer, self.organ)


class Tokens(Protocol):
    """Where access tokens are understood: development tokens here, an identity provider's elsewhere."""

    def identity(self, token: str, listens_on: str | None) -> Identity:
        """Whose token it is; raises a 401 `Problem`. `listens_on` is the address of the server's socket."""
        ...


class DevelopmentTokens:
    """Tokens signed by this installation itself (开发令牌), good only while the server listens on loopback.

    Their keys are Ed25519 seeds, `token-1.key` in the key directory, made at the first start.
    """

    def __init__(self, key_directory: Path) -> None:
        self._keys = _token_keys(key_directory)
        self._known: dict[str, tuple[Identity, float]] = {}

    def identity(self, token: str, listens_on: str | None) -> Identity:
        """Whose token it is; raises `TokenInvalid`, `TokenExpired` or `DevelopmentTokenRefused`."""
        if listens_on is None or not is_loopback(listens_on):
            raise DevelopmentTokenRefused
        known = self._known.get(token)
        if known is None:
            known = self._verified(token)
            if len(self._known) >= _KNOWN_TOKENS:
                self._known.clear()
            self._known[token] = known
        if known[1] <= time.time():
            raise TokenExpired
        return known[0]

    def _verified(self, token: str) -> tuple[Identity, float]:
        public = KeySet([_signing_key(version, self._keys) for version in self._keys.versions()])
        try:
            claims = jwt.decode(token, public, algorithms=[ALGORITHM]).claims
            _CLAIMS.validate(claims)
            return _identity(claims), float(claims["exp"])
        except ExpiredTokenError:
            raise TokenExpired from None
        except (JoseError, KeyError, TypeError, ValueError):
            raise TokenInvalid from None


def issue_token(
    key_directory: Path,
    *,
    officer: str,
    organ: str,
    region: str | None = None,
    roles: Iterable[Role] = (Role.CASEWORKER,),
    lifetime: timedelta = LIFETIME,
) -> str:
    """A development token, good for `lifetime` from now; the region is the organ's own if none is named.

    Raises `OrganUnclear` for an organ that is not `region code/department`.
    """
    keys = _token_keys(key_directory)
    version, _ = keys.current()
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": officer,
        "organ": organ,
        "region": region or Actor(officer, organ).region,
        "roles": sorted(roles),
        "iat": now,
        "exp": now + int(lifetime.total_seconds()),
    }
    _identity(claims)
    header = {"alg": ALGORITHM, "kid": str(version)}
    return jwt.encode(header, claims, _signing_key(version, keys), algorithms=[ALGORITHM])


def is_loopback(address: str) -> bool:
    """Whether only programs of this machine reach a server that listens on an address."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_loopback


def _token_keys(directory: Path) -> KeyFiles:
    return KeyFiles(directory / "token", "token")


def _signing_key(version: int, keys: KeyProvider) -> OKPKey:
    seed = keys.get(version) or b""
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    x = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return OKPKey.import_key(
        {"kty": "OKP", "crv": "Ed25519", "kid": str(version), "d": _text(seed), "x": _text(x)}
    )


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _identity(claims: Mapping[str, Any]) -> Identity:
    officer, organ, region = (str(claims[name]) for name in ("sub", "organ", "region"))
    if not (officer and organ and (region == NATION or region.isdigit())):
        raise OrganUnclear
    return Identity(officer, organ, region, frozenset(Role(role) for role in claims["roles"]))


_bearer = HTTPBearer(auto_error=False, scheme_name="token", description="访问令牌（JWT）")


async def identified(
    request: Request, bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
) -> Identity:
    """Who asks, by the bearer token of the request; raises a 401 `Problem`."""
    if bearer is None:
        raise TokenMissing
    tokens: Tokens = request.app.state.tokens
    try:
        identity = tokens.identity(bearer.credentials, request.app.state.listens_on)
    except TokenInvalid:
        # only who sends bad tokens is slowed down: behind a gateway all have one address
        limits: RateLimits = request.app.state.limits
        limits.hit(Limited.LOGIN, request.client.host if request.client else "-")
        raise
    request.scope["hulian.officer"] = identity.officer
    request.state.identity = identity
    return identity


_PURPOSE_SAID: Final = (
    "查阅用途："
    + "、".join(f"{purpose} {word}" for purpose, word in PURPOSE_WORDS.items())
    + "；不填为本角色通常的用途"
)


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who may look at households, and what for."""

    identity: Identity
    purpose: Purpose


async def reading(
    identity: Annotated[Identity, Depends(identified)],
    purpose: Annotated[Purpose | None, Header(alias="X-Purpose", description=_PURPOSE_SAID)] = None,
) -> Reader:
    """The identity with its purpose; raises `RoleNotAllowed` or `PurposeNotAllowed`."""
    return reader_of(identity, purpose)


def reader_of(identity: Identity, purpose: Purpose | None) -> Reader:
    """Who may look, and what for where none is said; raises `RoleNotAllowed` or `PurposeNotAllowed`."""
    allowed = [each for role in sorted(identity.roles) for each in PURPOSES[role]]
    if not allowed:
        raise RoleNotAllowed
    if purpose is not None and purpose not in allowed:
        raise PurposeNotAllowed
    if purpose is None:
        purpose = Purpose.CASE_HANDLING if Purpose.CASE_HANDLING in allowed else allowed[0]
    return Reader(identity, purpose)
