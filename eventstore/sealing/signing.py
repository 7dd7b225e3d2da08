"""Signing (签名): who signs checkpoints, with which key, and by which public halves they are checked.

Keys lie as 0600 files `seal-<n>.key` beside the other outer keys, the public half as `seal-<n>.pub`: the base64 of
its 32 bytes. The newest number signs; the public halves of all numbers stay, for they check what was signed before.
A key that is to sign next lies as `seal-<n>.next`, its public half published already.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal, NamedTuple, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from eventstore.errors import StoreError
from eventstore.keys.key_files import KeyFiles, put_once, sync

ED25519: Final = 0x01
"""Signature type byte of C2SP's signed note."""
SM2: Final = 0xFE
"""Signature type byte kept for SM2."""

_KEY: Final = re.compile(r"seal-(\d+)\.key")
_NEXT: Final = re.compile(r"seal-(\d+)\.next")
_PUBLIC: Final = re.compile(r"seal-(\d+)\.pub")
_KEY_BYTES: Final = 32
_LOOKS: Final = 10


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


def fingerprint(public: bytes) -> str:
    """What people compare a public key by: the SHA-256 of its bytes, as the verifier of audit bundles prints it."""
    text = sha256(public).hexdigest()
    return " ".join(text[n : n + 8] for n in range(0, len(text), 8))


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


class SealKey(NamedTuple):
    """A seal key as it lies in a key directory.

    `signs`: the newest, which signs; `waits`: made, to sign next; `replaced`: an older one whose private half is
    still here; `public`: only its public half is here.
    """

    number: int
    public: bytes
    state: Literal["signs", "waits", "replaced", "public"]


class SealKeys:
    """The signing keys of an installation in its key directory; looked at anew whenever they are asked for.

    The first is made when there is none. Raises `SealKeyFault` for a file that holds no key, or a public half that
    is not its key's.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def signer(self) -> Signer:
        """The newest key, its public half published."""
        for _ in range(_LOOKS):
            number = max(self._ensured())
            with suppress(FileNotFoundError):
                signer = self._signer(number)
                if signer.public == _public_of(self._path(number, "pub")):
                    return signer
            # Replaced and retired while it was read: a file is overwritten before it goes, and what is left in it
            # must sign nothing.
        raise SealKeyFault(path=self._path(number, "key"), why="读不出来")

    def public(self) -> PublicKeys:
        """The public halves of all keys, also of those whose private half is gone."""
        self._ensured()
        return PublicKeys.in_directory(self._directory)

    def each(self) -> list[SealKey]:
        """All keys that lie here, by number; makes nothing."""
        if not self._directory.is_dir():
            return []
        here = self._numbers()
        newest, waiting = max(here, default=0), self._waiting(here)
        found = []
        for number in sorted({*here, *waiting, *self._numbered(_PUBLIC)}):
            path = self._path(number, "pub")
            if path.exists():
                public = _public_of(path)
            else:
                public = self._signer(number, "next" if number in waiting else "key").public
            state: Literal["signs", "waits", "replaced", "public"] = "public"
            if number in here:
                state = "signs" if number == newest else "replaced"
            elif number in waiting:
                state = "waits"
            found.append(SealKey(number, public, state))
        return found

    def make_next(self) -> int:
        """Have a key that is to sign next, its public half published; answers its number.

        It signs only after `renew`: meanwhile its public half can be given to whoever is to believe it.
        """
        with self._alone():
            return self._made_next()

    def renew(self) -> int:
        """Have the key that waits sign from now on, a new one when none does; answers its number.

        The old public halves stay. The public half is there before the key signs, and whatever ends this midway
        leaves a key that waits, which the next renewal takes.
        """
        with self._alone():
            number = self._made_next()
            self._path(number, "next").rename(self._path(number, "key"))
            sync(self._directory)
            return number

    def retire(self) -> list[int]:
        """Delete the private halves of all keys but the newest, for ever; answers their numbers."""
        with self._alone():
            *older, _ = sorted(self._ensured())
            files = KeyFiles(self._directory / "seal", "seal")
            for number in older:
                files.discard(number)
            return older

    def _ensured(self) -> list[int]:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The public halves first: the first key's is written after it, so that one without a key is one whose key
        # is gone.
        published = self._numbered(_PUBLIC)
        numbers = self._numbers()
        if not numbers:
            numbers = [max([0, *published]) + 1]
            self._put(self._path(numbers[0], "key"), secrets.token_bytes(_KEY_BYTES))
        for number in numbers:
            try:
                self._publish(number)
            except (FileNotFoundError, SealKeyFault):
                if self._path(number, "key").exists():  # else retired in this moment, and published long ago
                    raise
        return numbers

    def _made_next(self) -> int:
        numbers = self._ensured()
        waiting = self._waiting(numbers)
        number = max(waiting, default=max([*numbers, *self._numbered(_PUBLIC)]) + 1)
        self._put(self._path(number, "next"), secrets.token_bytes(_KEY_BYTES))
        self._publish(number, "next")
        return number

    def _waiting(self, numbers: Iterable[int]) -> list[int]:
        newest = max(numbers, default=0)
        return [number for number in self._numbered(_NEXT) if number > newest]

    def _numbers(self) -> list[int]:
        return self._numbered(_KEY)

    def _numbered(self, names: re.Pattern[str]) -> list[int]:
        return [int(match[1]) for path in self._directory.iterdir() if (match := names.fullmatch(path.name))]

    def _path(self, number: int, kind: str) -> Path:
        return self._directory / f"seal-{number}.{kind}"

    def _signer(self, number: int, kind: str = "key") -> Ed25519Signer:
        path = self._path(number, kind)
        key = path.read_bytes()
        if len(key) != _KEY_BYTES:
            raise SealKeyFault(path=path, why=f"应为 {_KEY_BYTES} 字节，实为 {len(key)} 字节")
        return Ed25519Signer(key)

    def _publish(self, number: int, kind: str = "key") -> None:
        public = self._signer(number, kind).public
        path = self._path(number, "pub")
        self._put(path, b64encode(public) + b"\n")
        if _public_of(path) != public:
            raise SealKeyFault(path=path, why="公钥与私钥不是一对")

    def _put(self, path: Path, content: bytes) -> None:
        """Write a file unless there is one of that name: of several first starts, one writes."""
        if not path.exists():
            put_once(path, content)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Be the only one who replaces or retires; those who sign need not wait."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._directory / ".seal.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _public_of(path: Path) -> bytes:
    try:
        key = b64decode(path.read_text("ascii").strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise SealKeyFault(path=path, why=f"应为 {_KEY_BYTES} 字节的公钥(base64)")
    return key
