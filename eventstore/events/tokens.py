"""Sealed tokens (密文令牌): their layout, and how an event's tokens stand one after the other."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import NamedTuple

AES_256_GCM = 1
NONCE_BYTES = 12
_HEAD = 1 + 4 + NONCE_BYTES


class Token(NamedTuple):
    """A sealed value taken apart: algorithm (1 byte), key version (4), nonce (12), ciphertext with its tag."""

    algorithm: int
    key_version: int
    nonce: bytes
    ciphertext: bytes


def join(token: Token) -> bytes:
    """The bytes of a token; numbers big-endian."""
    return (
        token.algorithm.to_bytes(1, "big")
        + token.key_version.to_bytes(4, "big")
        + token.nonce
        + token.ciphertext
    )


def split(token: bytes) -> Token:
    """The parts of a token's bytes; raises ValueError when it is too short to be one."""
    if len(token) <= _HEAD:
        raise ValueError("token too short")
    return Token(token[0], int.from_bytes(token[1:5], "big"), token[5:_HEAD], token[_HEAD:])


def pack(tokens: Iterable[bytes]) -> bytes:
    """The `private` column: every token with its length in four bytes before it."""
    return b"".join(len(token).to_bytes(4, "big") + token for token in tokens)


def token_of(private: bytes | None, n: int) -> bytes:
    """Token number `n`, from 0, of a `private` column; raises ValueError when it is not there."""
    packed, at = private or b"", 0
    try:
        while n:
            at += 4 + _length(packed, at)[0]
            n -= 1
        end = at + 4 + _length(packed, at)[0]
    except struct.error:
        end = len(packed) + 1
    if end > len(packed):
        raise ValueError("tokens cut short")
    return packed[at + 4 : end]


_length = struct.Struct(">I").unpack_from
