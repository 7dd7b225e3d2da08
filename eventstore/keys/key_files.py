"""Key files (密钥文件): the keys that live outside every database, one file a purpose and version, mode 0600."""

from __future__ import annotations

import os
import re
import secrets
import time
from pathlib import Path
from typing import Protocol

_KEY_BYTES = 32
_FILE = re.compile(r"(.+)-(\d+)\.key")
_SETTLED_NS = 50_000_000
"""A folder changed less than this ago may change again without its time moving on."""


class KeyProvider(Protocol):
    """Where keys of one purpose come from: a file here, a hardware module or a key service elsewhere."""

    @property
    def purpose(self) -> str:
        """What the keys are for: `kek`, `index`, `request`."""
        ...

    def current(self) -> tuple[int, bytes]:
        """The newest version and its 32 bytes."""
        ...

    def get(self, version: int) -> bytes | None:
        """The 32 bytes of a version, None when it is not here."""
        ...

    def versions(self) -> list[int]:
        """All versions here, newest first."""
        ...


class KeyFiles:
    """Keys of one purpose, version n in `<stem>-<n>.key`; the first is made when there is none.

    A version added or removed by another process is noticed at the next question, without a restart.
    """

    def __init__(self, stem: Path, purpose: str) -> None:
        self._directory = stem.parent
        self._stem = stem.name
        self._purpose = purpose
        self._keys: dict[int, bytes] = {}
        self._read_at: int | None = None
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._read():
            self._make(1)
            self._read()

    @property
    def purpose(self) -> str:
        return self._purpose

    def current(self) -> tuple[int, bytes]:
        keys = self._now()
        version = max(keys)
        return version, keys[version]

    def get(self, version: int) -> bytes | None:
        return self._now().get(version)

    def versions(self) -> list[int]:
        return sorted(self._now(), reverse=True)

    def make(self, version: int) -> bytes:
        """Have the key of a version, made now unless it is there already; its 32 bytes."""
        self._make(version)
        return self._read()[version]

    def discard(self, version: int) -> None:
        """Delete the file of a version, for ever; nothing when it is not there.

        The bytes are overwritten before, which helps where the file system writes in place.
        """
        gone = self._directory / f".{self._stem}-{version}.{secrets.token_hex(8)}"
        try:
            # Nobody reads it as a key from here on.
            self._path(version).rename(gone)
        except FileNotFoundError:
            return
        with gone.open("r+b") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        gone.unlink()
        sync(self._directory)
        self._read()

    def _now(self) -> dict[int, bytes]:
        # One look at the folder's time is all a question costs. Files swept away from under a running process
        # do not stop it: what it has read it goes on with.
        try:
            if self._read_at is None or os.stat(self._directory).st_mtime_ns != self._read_at:
                return self._read()
        except OSError:
            pass
        return self._keys

    def _read(self) -> dict[int, bytes]:
        changed = os.stat(self._directory).st_mtime_ns
        keys: dict[int, bytes] = {}
        for path in self._directory.iterdir():
            match = _FILE.fullmatch(path.name)
            if match is None or match[1] != self._stem:
                continue
            try:
                key = path.read_bytes()
            except FileNotFoundError:
                continue  # retired in this moment
            if len(key) != _KEY_BYTES:
                raise ValueError(
                    f"密钥文件 {path} 应为 {_KEY_BYTES} 字节，实为 {len(key)} 字节。请从备份恢复该文件。"
                )
            keys[int(match[2])] = key
        if keys or not self._keys:
            self._keys = keys
        self._read_at = changed if time.time_ns() - changed > _SETTLED_NS else None
        return self._keys

    def _path(self, version: int) -> Path:
        return self._directory / f"{self._stem}-{version}.key"

    def _make(self, version: int) -> None:
        put_once(self._path(version), secrets.token_bytes(_KEY_BYTES))


def put_once(path: Path, content: bytes) -> None:
    """Write a file (0600) durably unless there is one of that name: of several first starts, one writes."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, content)
        os.fsync(handle)
    finally:
        os.close(handle)
    try:
        # Linking is the race: one makes the file, and the others find it.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    sync(path.parent)


def sync(directory: Path) -> None:
    """Have what was made, renamed or removed in a directory survive."""
    folder = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def has_key_files(directory: Path, purpose: str) -> bool:
    """Whether there is a key of this purpose in a directory, of whatever version."""
    return any(
        (match := _FILE.fullmatch(path.name)) is not None and match[1] == purpose
        for path in (directory.iterdir() if directory.is_dir() else ())
    )
