"""Looking for a value wherever it might stand, in whatever form (明文查找): for tests that nothing personal leaks."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote

_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}){6,}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}")
_SEPARATORS = re.compile(r"[\s\-·,，、。.]")


def forms(value: str) -> Iterator[bytes]:
    """The value in every form it could have been written in: encodings, escapes, with and without separators."""
    spellings = {value, _SEPARATORS.sub("", value), value.lower(), value.upper()}
    if value.isascii():
        grouped = [value[n : n + 4] for n in range(0, len(value), 4)]
        spellings |= {" ".join(grouped), "-".join(grouped)}
        if len(value) == 11:
            spellings |= {f"{value[:3]}{dash}{value[3:7]}{dash}{value[7:]}" for dash in " -"}
        if len(value) == 18:
            spellings |= {f"{value[:6]}{dash}{value[6:14]}{dash}{value[14:]}" for dash in " -"}
    for spelling in spellings:
        escaped = json.dumps(spelling)[1:-1]
        for text in {spelling, escaped, escaped.replace("\\", "\\\\"), quote(spelling)}:
            for encoding in ("utf-8", "gb18030", "utf-16-le", "utf-16-be"):
                raw = text.encode(encoding)
                yield from (raw, raw.hex().encode(), raw.hex().upper().encode())
                yield from _in_base64(raw)


def _in_base64(raw: bytes) -> Iterator[bytes]:
    """What base64 of anything that has these bytes in it must have in it, wherever they begin."""
    for shift in range(3):
        coded = base64.b64encode(bytes(shift) + raw)
        # characters that depend on what stands before or after are left out
        sure = coded[(shift * 8 + 5) // 6 : (shift + len(raw)) * 8 // 6]
        yield sure
        yield sure.translate(bytes.maketrans(b"+/", b"-_"))


def unfolded(content: bytes) -> list[bytes]:
    """The bytes, and what stands in hexadecimal or base64 within them, decoded, as a dump has binary columns."""
    found = [content]
    blobs = [bytes.fromhex(each.decode()) for each in _HEX.findall(content)]
    found.append(b"\x00".join(blobs))
    coded = []
    for each in _BASE64.findall(content + b"\x00" + found[1]):
        plain = each.translate(bytes.maketrans(b"-_", b"+/"))
        coded.append(
            base64.b64decode(plain + b"=" * (-len(plain) % 4), validate=False) if len(plain) % 4 != 1 else b""
        )
    found.append(b"\x00".join(coded))
    return found


def leaks(places: Mapping[str, bytes], values: Iterable[str]) -> list[tuple[str, str]]:
    """Where which of the values stands."""
    wanted = {value: tuple({form for form in forms(value) if len(form) >= 4}) for value in values}
    found = []
    for place, content in places.items():
        for layer in unfolded(content):
            for value, each in wanted.items():
                if any(form in layer for form in each):
                    found.append((place, value))
    return sorted(set(found))
