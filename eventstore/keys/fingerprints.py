"""Fingerprints (密钥指纹): which outer keys belong to a keys database, and which of them are in use no more."""

from __future__ import annotations

import hmac
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from psycopg import Connection

from eventstore.errors import KeysMissing, WrongKey
from eventstore.keys.key_files import KeyProvider, has_key_files

PURPOSES: Final = ("kek", "index", "request")
"""The outer keys a key ring needs: what wraps, what finds, what tells requests apart."""

_NOTE = """
INSERT INTO key_check (purpose, version, fingerprint) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING
"""
_KNOWN = "SELECT version, fingerprint, retired_at FROM key_check WHERE purpose = %s ORDER BY version"


class Known(NamedTuple):
    """An outer key as the keys database knows it: 16 bytes that tell it from another, never the key."""

    version: int
    fingerprint: bytes
    retired_at: datetime | None


def fingerprint(purpose: str, key: bytes) -> bytes:
    """The 16 bytes by which a key of 32 bytes is recognised."""
    return hmac.digest(key, f"hulian {purpose}".encode(), sha256)[:16]


def known(connection: Connection[Any], purpose: str) -> list[Known]:
    """The versions of a purpose this keys database has ever been used with, the oldest first."""
    return [Known(*row) for row in connection.execute(_KNOWN, (purpose,)).fetchall()]


def require_files(connection: Connection[Any], directory: Path) -> None:
    """Refuse a directory without the keys this database is used with; raises `KeysMissing`, makes nothing."""
    for purpose in PURPOSES:
        versions = [each.version for each in known(connection, purpose) if each.retired_at is None]
        if versions and not has_key_files(directory, purpose):
            raise KeysMissing(what="、".join(f"{purpose}-{version}.key" for version in versions))


def check(connection: Connection[Any], provider: KeyProvider) -> None:
    """Note the keys that are new, and compare the others.

    Raises `WrongKey` for a key of another system, `KeysMissing` for one in use that is not here.
    """
    purpose = provider.purpose
    here = {version: provider.get(version) or b"" for version in provider.versions()}
    for version, key in here.items():
        connection.execute(_NOTE, (purpose, version, fingerprint(purpose, key)))
    for each in known(connection, purpose):
        if each.version not in here:
            if each.retired_at is None:
                raise KeysMissing(what=f"{purpose}-{each.version}.key")
        elif fingerprint(purpose, here[each.version]) != each.fingerprint:
            raise WrongKey(what=f"{purpose}-{each.version}")
