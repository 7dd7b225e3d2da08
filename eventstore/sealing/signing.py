"""Signing (签名): who signs checkpoints, with which key, and by which public halves they are checked.

Keys lie as 0600 files `seal-<n>.key` beside the other outer keys, the public half as `seal-<n>.pub`: the base64 of
its 32 bytes. The newest number signs; the public halves of all numbers stay, for they check what was signed before.
"""

from __future__ import annotations

import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from eventstore.errors import StoreError
from eventstore.keyfiles import put_once

ED25519: Final = 0x01
"""Signature type byte of C2SP's signed note."""
SM2: Final = 0xFE
"""Signature type byte kept for SM2."""

_KEY: Final = re.compile(r"seal-(\d+)\.key")
_PUBLIC: Final = re.compile(r"seal-(\d+)\.pub")
_KEY_BYTES: Final = 32


class SealKeyFault(StoreError):
    """封存密钥文件 {path} 有误：{why}。请从密钥备份恢复该文件。"""


class Signer(Protocol):
    """Signs checkpoints: Ed25519 from a file here; a hardware module or SM2 elsewhere."""

    @property
    def type(self) -> int:
        """The signature type byte: `ED25519` or `SM2`."""
        ...

    @property
    def public(self) -> bytes:
        """The public key's bytes."""
        ...

    def sign(self, text: bytes) -> bytes:
        """The signature over these bytes."""
        ...


class Ed25519Signer:
    """Signs with a private key of 32 bytes."""

    type = ED25519

    def __init__(self, private: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(private)

    @property
    def public(self) -> bytes:
        """The 32 bytes of the public key."""
        return self._key.public_key().public_bytes_raw()

    def sign(self, text: bytes) -> bytes:
        """The 64 bytes of the signature."""
        return self._key.sign(text)


def key_hash(name: str, public: bytes, type: int = ED25519) -> bytes:
    """The four bytes by which a signature line names its key."""
    return sha256(name.encode() + b"\x0a" + bytes([type]) + public).digest()[:4]


class PublicKeys:
    """The public keys (Ed25519) that checkpoints are believed by."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        self.keys: Final = tuple(keys)

    @classmethod
    def in_directory(cls, directory: Path) -> PublicKeys:
        """All public halves that lie there, in the order of their numbers; raises `SealKeyFault`."""
        found: dict[int, bytes] = {}
        if directory.is_dir():
            for path in directory.iterdir():
                match = _PUBLIC.fullmatch(path.name)
                if match is not None:
                    found[int(match[1])] = _public_of(path)
        return cls(found[number] for number in sorted(found))

    def named(self, name: str) -> Mapping[bytes, bytes]:
        """The keys by the four bytes that name them beside this key name."""
        return {key_hash(name, key): key for key in self.keys}

    def verify(self, name: str, named_by: bytes, signature: bytes, text: bytes) -> bool:
        """Whether a key known here made the signature over the text."""
        key = self.named(name).get(named_by)
        if key is None:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(signature, text)
        except InvalidSignature:
            return False
        return True


class SealKeys:
    """The signing keys of an installation in its key directory; looked at anew whenever they are asked for.

    The first is made when there is none. Raises `SealKeyFault` for a file that holds no key, or a public half that
    is not its key's.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def signer(self) -> Signer:
        """The newest key."""
        return self._signer(max(self._ensured()))

    def public(self) -> PublicKeys:
        """The public halves of all keys, also of those whose private half is gone."""
        self._ensured()
        return PublicKeys.in_directory(self._directory)

    def renew(self) -> int:
        """Make a new key, which signs from now on; answers its number. The old public halves stay."""
        number = max([*self._ensured(), *self._published()]) + 1
        self._make(number)
        self._publish(number)
        return number

    def _ensured(self) -> list[int]:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # the public halves first: each is written after its key, so that one without a key is one whose key is gone
        published = self._published()
        numbers = self._numbers()
        if not numbers:
            numbers = [max([0, *published]) + 1]
            self._make(numbers[0])
        for number in numbers:
            self._publish(number)
        return numbers

    def _numbers(self) -> list[int]:
        return [int(match[1]) for path in self._directory.iterdir() if (match := _KEY.fullmatch(path.name))]

    def _published(self) -> list[int]:
        return [
            int(match[1]) for path in self._directory.iterdir() if (match := _PUBLIC.fullmatch(path.name))
        ]

    def _signer(self, number: int) -> Ed25519Signer:
        path = self._directory / f"seal-{number}.key"
        key = path.read_bytes()
        if len(key) != _KEY_BYTES:
            raise SealKeyFault(path=path, why=f"应为 {_KEY_BYTES} 字节，实为 {len(key)} 字节")
        return Ed25519Signer(key)

    def _make(self, number: int) -> None:
        self._put(f"seal-{number}.key", secrets.token_bytes(_KEY_BYTES))

    def _publish(self, number: int) -> None:
        public = self._signer(number).public
        path = self._directory / f"seal-{number}.pub"
        self._put(path.name, b64encode(public) + b"\n")
        if _public_of(path) != public:
            raise SealKeyFault(path=path, why="公钥与私钥不是一对")

    def _put(self, name: str, content: bytes) -> None:
        """Write a file unless there is one of that name: of several first starts, one writes."""
        path = self._directory / name
        if not path.exists():
            put_once(path, content)


def _public_of(path: Path) -> bytes:
    try:
        key = b64decode(path.read_text("ascii").strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise SealKeyFault(path=path, why=f"应为 {_KEY_BYTES} 字节的公钥(base64)")
    return key
