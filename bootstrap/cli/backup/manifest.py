"""The manifest of a backup (备份清单): a JSON file beside each dump, read from the same snapshot as the dump."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from psycopg import Connection

from bootstrap.settings import SettingsFault

FORMAT = "hulian.backup/1"
Kind = Literal["store", "keys"]

_META = "SELECT store_id::text, trial, digest_algorithm FROM es_meta"
_HEADS = "SELECT array_agg(position ORDER BY lane) FROM es_lane"
_EVENTS = """
SELECT lane, encode(sha256(string_agg(digest, ''::bytea ORDER BY position)), 'hex') FROM es_event GROUP BY lane
"""
_KEYS = """
SELECT lane, encode(sha256(string_agg(
    uuid_send(owner) || int4send(version) || int4send(kek_version) || coalesce(wrapped, ''::bytea), ''::bytea
    ORDER BY owner, version)), 'hex')
FROM key_data GROUP BY lane
"""
_LIVING = "SELECT kek_version, count(*) FROM key_data WHERE wrapped IS NOT NULL GROUP BY kek_version"
_CHECKS = (
    "SELECT purpose, version, encode(fingerprint, 'hex'), retired_at IS NOT NULL FROM key_check ORDER BY 1, 2"
)
_MIGRATIONS = "SELECT number, sha256 FROM hulian_migration ORDER BY number"
_ROLES = "SELECT rolname::text FROM pg_roles WHERE rolname LIKE 'hulian\\_%' ORDER BY rolname"
_MEMBERS = """
SELECT r.rolname::text, m.rolname::text FROM pg_auth_members a
JOIN pg_roles r ON r.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
WHERE r.rolname LIKE 'hulian\\_%' AND m.rolname LIKE 'hulian\\_%' ORDER BY 1, 2
"""
_GRANTS = """
SELECT r.rolname::text, a.privilege_type FROM pg_database d
CROSS JOIN LATERAL aclexplode(d.datacl) a JOIN pg_roles r ON r.oid = a.grantee
WHERE d.datname = current_database() AND r.rolname LIKE 'hulian\\_%' ORDER BY 1, 2
"""


class NotABackup(SettingsFault):
    """The file is not one of our backups, not whole, or not the one its manifest describes."""

    code = "not-a-backup"


def store_content(connection: Connection[Any]) -> dict[str, Any]:
    """The state of an event store in a few values: its id, its positions, and the digests lane by lane."""
    meta = connection.execute(_META).fetchone()
    heads = connection.execute(_HEADS).fetchone()
    assert meta is not None
    assert heads is not None
    return {
        "store": meta[0],
        "trial": meta[1],
        "digestAlgorithm": meta[2],
        "positions": heads[0],
        "events": {str(lane): digest for lane, digest in sorted(connection.execute(_EVENTS).fetchall())},
    }


def keys_content(connection: Connection[Any]) -> dict[str, Any]:
    """The state of a keys database in a few values; fingerprints, never a key."""
    return {
        "kek": {str(version): count for version, count in sorted(connection.execute(_LIVING).fetchall())},
        "outer": [
            {"purpose": purpose, "version": version, "fingerprint": fingerprint, "retired": retired}
            for purpose, version, fingerprint, retired in connection.execute(
                _old_checks(connection)
            ).fetchall()
        ],
        "keys": {str(lane): digest for lane, digest in sorted(connection.execute(_KEYS).fetchall())},
    }


def surroundings(connection: Connection[Any]) -> dict[str, Any]:
    """What a dump leaves out: the roles, their members, their rights to the database, and the migrations."""
    return {
        "server": connection.info.server_version,
        "migrations": [list(row) for row in connection.execute(_MIGRATIONS).fetchall()],
        "roles": [name for (name,) in connection.execute(_ROLES).fetchall()],
        "members": [list(row) for row in connection.execute(_MEMBERS).fetchall()],
        "grants": [list(row) for row in connection.execute(_GRANTS).fetchall()],
    }


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file in hex."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a manifest, durably, readable by its owner only."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump({"format": FORMAT, **content}, file, ensure_ascii=False, indent=1, default=str)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())


def read_manifest(dump: Path, kind: Kind) -> dict[str, Any]:
    """The manifest of a dump (`store.json` beside `store.dump`), when the dump is the one it describes.

    Raises `NotABackup`, `FileNotFoundError`.
    """
    if not dump.is_file():
        raise FileNotFoundError(2, "", str(dump))
    beside = dump.with_suffix(".json")
    if not beside.is_file():
        raise NotABackup(f"{dump} 旁没有清单 {beside.name}，可能是中途停下的备份，不能恢复。")
    try:
        manifest = json.loads(beside.read_text("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError):
        raise NotABackup(f"清单 {beside} 无法读取。") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT or manifest.get("kind") != kind:
        word = {"store": "业务库", "keys": "密钥库"}[kind]
        raise NotABackup(f"{dump} 不是{word}的备份。")
    if sha256_of(dump) != manifest["sha256"]:
        raise NotABackup(f"{dump} 与清单中的 SHA-256 不符：文件不完整或已被改动，不能恢复。")
    return manifest


def _old_checks(connection: Connection[Any]) -> bytes:
    """The checks of a keys database that was made before keys could be retired: it has no column for that."""
    column = connection.execute(
        "SELECT FROM information_schema.columns WHERE table_name = 'key_check' AND column_name = 'retired_at'"
    ).fetchone()
    return (_CHECKS if column is not None else _CHECKS.replace("retired_at IS NOT NULL", "false")).encode()
