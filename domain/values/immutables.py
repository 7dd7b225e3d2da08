"""Changed copies of frozen dataclasses (不可变对象的改写副本): what every step of a fold makes a few of."""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["become", "in_place", "replace", "same_as"]

if TYPE_CHECKING:
    # under this name the types of the changed fields are checked
    from dataclasses import replace
    from typing import TypeVar

    T = TypeVar("T")

    def in_place(kind: type[T]) -> type[T]: ...
    def same_as(given: object, kind: type[T]) -> T: ...
    def become(given: object, kind: type[T]) -> T: ...
else:
    from dataclasses import fields

    _COPIERS = {}
    _IN_PLACE = {}
    _RECASTERS = {}

    def replace(given, /, **changes):
        """The same value with some fields changed; as `dataclasses.replace`, three times as fast.

        That one asks after every field anew and goes through `__init__`; a fold of a year's events spends
        most of its time there.
        """
        kind = type(given)
        setters = _IN_PLACE.get(kind)
        if setters is not None:
            for name, value in changes.items():
                setters[name](given, value)
            return given
        copier = _COPIERS.get(kind)
        if copier is None:
            copier = _COPIERS[kind] = _copier(kind)
        return copier(given, **changes)

    def in_place(kind):
        """Mark a class whose values are changed where they are: `replace` answers the one given.

        For a value that nobody else holds, like the state within one fold: there a copy a step is made for nobody.
        """
        _IN_PLACE[kind] = {name: getattr(kind, name).__set__ for name in _slots(kind)}
        return kind

    def same_as(given, kind):
        """The same fields as a value of another class, of which the given one's is a subclass or the reverse."""
        copier = _RECASTERS.get(kind)
        if copier is None:
            copier = _RECASTERS[kind] = _recaster(kind)
        return copier(given)

    def become(given, kind):
        """The given value itself, from now on of another class: one with the same fields, above or below its own.

        For a value that nobody holds as what it was before.
        """
        _set_class(given, "__class__", kind)
        return given

    _set_class = object.__setattr__

    def _recaster(kind):
        names = _slots(kind)
        known = {"_new": object.__new__, "_kind": kind}
        known |= {f"_set_{name}": getattr(kind, name).__set__ for name in names}
        lines = ["def recaster(_given):", "    copy = _new(_kind)"]
        lines += [f"    _set_{name}(copy, _given.{name})" for name in names]
        exec("\n".join([*lines, "    return copy"]), known)
        return known["recaster"]

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
