"""Key files (密钥文件): the keys that live outside every database, one file a purpose and version, mode 0600."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from typing import Protocol

_KEY_BYTES = 32
_FILE = re.compile(r"(.+)-(\d+)\.key")


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
    """Keys of one purpose, version n in `<stem>-<n>.key`; the first is made when there is none."""

    def __init__(self, stem: Path, purpose: str) -> None:
        self._directory = stem.parent
        self._stem = stem.name
        self._purpose = purpose
        self._keys: dict[int, bytes] = {}
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._read():
            self._make(1)
            self._read()

    @property
    def purpose(self) -> str:
        return self._purpose

    def current(self) -> tuple[int, bytes]:
        version = max(self._keys)
        return version, self._keys[version]

    def get(self, version: int) -> bytes | None:
        return self._keys.get(version) or self._read().get(version)

    def versions(self) -> list[int]:
        return sorted(self._keys, reverse=True)

    def _read(self) -> dict[int, bytes]:
        keys: dict[int, bytes] = {}
        for path in self._directory.iterdir():
            match = _FILE.fullmatch(path.name)
            if match is None or match[1] != self._stem:
                continue
            key = path.read_bytes()
            if len(key) != _KEY_BYTES:
                raise ValueError(
                    f"密钥文件 {path} 应为 {_KEY_BYTES} 字节，实为 {len(key)} 字节。请从备份恢复该文件。"
                )
            keys[int(match[2])] = key
        self._keys = keys
        return keys

    def _make(self, version: int) -> None:
        path = self._directory / f"{self._stem}-{version}.key"
        draft = self._directory / f".{path.name}.{secrets.token_hex(8)}"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(handle, secrets.token_bytes(_KEY_BYTES))
            os.fsync(handle)
        finally:
            os.close(handle)
        try:
            # Linking is the race: of several first starts, one makes the key and the others read it.
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        folder = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
