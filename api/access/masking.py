"""Masking (脱敏): how direct identifiers look wherever they are shown without a reason to see them whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from domain.values.citizen_id import masked as masked_id_number
from domain.values.private import PrivateKind
from eventstore.keys.keys import ERASED

_STARS: Final = 2


def masked_name(name: str) -> str:
    """The first character and at most two stars: `于*`, `于**`; long names do not tell their length."""
    letters = name.strip()
    if len(letters) < 2:
        return "*"
    return letters[0] + "*" * min(len(letters) - 1, _STARS)


def masked_phone(phone: str) -> str:
    """`138****5678`; of any other number only the last four digits."""
    digits = "".join(sign for sign in phone if sign.isdigit())
    if len(digits) == 11 and digits.startswith("1"):
        return f"{digits[:3]}****{digits[-4:]}"
    return _last_four(digits)


def masked_account(account: str) -> str:
    """The last four places, four stars before them."""
    return _last_four("".join(account.split()))


def _last_four(text: str) -> str:
    return f"****{text[-4:]}" if len(text) > 7 else "****"


def _nothing(_: str) -> str:
    return "****"


_MASKS: Final[Mapping[PrivateKind, Callable[[str], str]]] = {
    "name": masked_name,
    "id-number": masked_id_number,
    "phone": masked_phone,
    "account": masked_account,
    "address": _nothing,
    "text": _nothing,
}


def masked(kind: PrivateKind, clear: str | None) -> str | None:
    """A clear value as it may be shown; what there is not stays None, what was erased reads as erased."""
    if clear is None or clear == ERASED:
        return clear
    return _MASKS[kind](clear)
