"""Changed copies of frozen dataclasses (不可变对象的改写副本): what every step of a fold makes a few of."""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["replace"]

if TYPE_CHECKING:
    # under this name the types of the changed fields are checked
    from dataclasses import replace
else:
    from dataclasses import fields

    _COPIERS = {}

    def replace(given, /, **changes):
        """The same value with some fields changed; as `dataclasses.replace`, three times as fast.

        That one asks after every field anew and goes through `__init__`; a fold of a year's events spends
        most of its time there.
        """
        kind = type(given)
        copier = _COPIERS.get(kind)
        if copier is None:
            copier = _COPIERS[kind] = _copier(kind)
        return copier(given, **changes)

    def _slots(kind):
        names = [field.name for field in fields(kind)]
        if not all(hasattr(getattr(kind, name, None), "__set__") for name in names):
            raise TypeError(f"{kind.__name__} is not a dataclass with slots")
        return names

    def _copier(kind):
        """A function that copies slot by slot, written out for this class as `dataclasses` writes `__init__`."""
        names = _slots(kind)
        known = {"_new": object.__new__, "_kind": kind, "_same": object()}
        known |= {f"_set_{name}": getattr(kind, name).__set__ for name in names}
        lines = [f"def copier(_given, *, {', '.join(f'{name}=_same' for name in names)}):"]
        lines.append("    copy = _new(_kind)")
        lines += [f"    _set_{name}(copy, _given.{name} if {name} is _same else {name})" for name in names]
        if hasattr(kind, "__post_init__"):
            lines.append("    copy.__post_init__()")
        lines.append("    return copy")
        exec("\n".join(lines), known)
        return known["copier"]
