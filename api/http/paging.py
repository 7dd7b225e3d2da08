"""Pages (分页): opaque signed cursors that say after which row the next page begins."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final

from fastapi import Query

from api.http.problems import Problem
from eventstore.keys.key_files import KeyFiles

MOST: Final = 100
"""The most rows of one page."""

Limit = Annotated[int, Query(ge=1, le=MOST, description="每页条数，最多 100")]
Cursor = Annotated[str | None, Query(max_length=500, description="上一页给出的 next；不填为第一页")]

Place = list[str | int | None]
"""The sort key of a page's last row."""

_SEAL = 16


class CursorInvalid(Problem):
    """分页游标无效，或不属于本次查询。请从第一页重新查询。"""

    status = 400


class Cursors:
    """Writes and reads cursors; one is good only for the query it was given for, and by its holder's region."""

    def __init__(self, key_directory: Path) -> None:
        """Signs with `cursor-1.key` in the key directory, made at the first start."""
        self._keys = KeyFiles(key_directory / "cursor", "cursor")

    def write(self, query: tuple[str | None, ...], place: Place) -> str:
        """The cursor of the page after `place` in a query (its path and filters)."""
        version, key = self._keys.current()
        body = json.dumps([version, place], separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(_seal(key, query, body) + body).rstrip(b"=").decode()

    def read(self, query: tuple[str | None, ...], cursor: str) -> Place:
        """Where the page begins; raises `CursorInvalid` for a cursor that is not ours or another query's."""
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            seal, body = raw[:_SEAL], raw[_SEAL:]
            version, place = json.loads(body)
            key = self._keys.get(version)
        except (ValueError, TypeError, binascii.Error, RecursionError):
            raise CursorInvalid from None
        if key is None or not hmac.compare_digest(seal, _seal(key, query, body)):
            raise CursorInvalid
        return list(place)


def _seal(key: bytes, query: tuple[str | None, ...], body: bytes) -> bytes:
    about = json.dumps(query, ensure_ascii=False).encode()
    return hmac.digest(key, len(about).to_bytes(4, "big") + about + body, sha256)[:_SEAL]
