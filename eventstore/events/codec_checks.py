"""What an event may be made of, checked once for every class when a codec is built."""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from domain.household.event import Event
from domain.values.month import Month
from domain.values.private import Private, PrivateKind
from eventstore.errors import UnsuitableEvent

PRIVATE_KINDS: frozenset[str] = frozenset(typing.get_args(PrivateKind))
_PLAIN = {bool, int, str, bytes, date, datetime, UUID, Month, type(None)}
_REFUSED = {
    float: "浮点数不精确，金额用整数分，比率用整数分子与分母",
    complex: "复数无意义",
    Fraction: "比率用整数分子与分母",
    Decimal: "金额用整数分，比率用整数分子与分母",
    time: "时刻须带日期和时区",
    timedelta: "时长用整数天或月份",
    typing.Any: "类型须写明",
    object: "类型须写明",
}


class Shape(typing.NamedTuple):
    """What the codec must know of a class: whether it holds private values, and which fields hold instants."""

    private: bool
    instants: tuple[str, ...]

    def naive(self, event: Event) -> bool:
        """Whether an instant in the event lacks its offset."""
        for field in self.instants:
            value = getattr(event, field)
            if value is not None and any(instant.utcoffset() is None for instant in _instants(value)):
                return True
        return False


def shape_of(name: str, kind: type[Event]) -> Shape:
    """What the event class holds; raises `UnsuitableEvent` for a field that may not be stored."""
    if not dataclasses.is_dataclass(kind):
        raise UnsuitableEvent(name=name, field="*", why="事件须为 dataclass")
    hints = typing.get_type_hints(kind, include_extras=True)
    leaves = {
        field.name: set(_leaves(name, hints[field.name], field.name, frozenset({kind})))
        for field in dataclasses.fields(kind)
    }
    return Shape(
        private=any(Private in found for found in leaves.values()),
        instants=tuple(field for field, found in leaves.items() if datetime in found),
    )


def _leaves(name: str, annotation: object, field: str, above: frozenset[object]) -> Iterator[object]:
    if annotation in above:
        return
    if isinstance(annotation, typing.NewType):
        yield from _leaves(name, annotation.__supertype__, field, above)
    elif isinstance(annotation, typing.TypeVar):
        raise UnsuitableEvent(name=name, field=field, why="类型须写明")
    elif typing.get_origin(annotation) is not None:
        yield from _generic_leaves(name, annotation, field, above)
    elif annotation in _REFUSED:
        raise UnsuitableEvent(name=name, field=field, why=_REFUSED[annotation])
    elif annotation in _PLAIN:
        yield annotation
    elif annotation is Private:
        raise UnsuitableEvent(name=name, field=field, why="须写成 Private[str]")
    elif isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        if not all(isinstance(member.value, str | int) for member in annotation):
            raise UnsuitableEvent(name=name, field=field, why="枚举值须为文字或整数")
        yield annotation
    elif dataclasses.is_dataclass(annotation):
        hints = typing.get_type_hints(annotation, include_extras=True)
        for inner in dataclasses.fields(annotation):
            yield from _leaves(name, hints[inner.name], f"{field}.{inner.name}", above | {annotation})
    else:
        raise UnsuitableEvent(name=name, field=field, why=f"类型 {annotation!r} 不能存储")


def _generic_leaves(name: str, annotation: object, field: str, above: frozenset[object]) -> Iterator[object]:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        yield from _leaves(name, arguments[0], field, above)
    elif origin is typing.Literal:
        if not all(isinstance(value, str | int) for value in arguments):
            raise UnsuitableEvent(name=name, field=field, why="枚举值须为文字或整数")
    elif origin is Private:
        if arguments != (str,):
            raise UnsuitableEvent(name=name, field=field, why="须写成 Private[str]")
        yield Private
    elif origin in (tuple, list, typing.Union, types.UnionType):
        for argument in arguments:
            if argument is not Ellipsis:
                yield from _leaves(name, argument, field, above)
    elif origin in (dict, Mapping):
        if arguments[0] is not str:
            raise UnsuitableEvent(name=name, field=field, why="键须为文字")
        yield from _leaves(name, arguments[1], field, above)
    else:
        raise UnsuitableEvent(name=name, field=field, why=f"类型 {annotation!r} 不能存储")


def _instants(value: object) -> Iterator[datetime]:
    if isinstance(value, datetime):
        yield value
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _instants(getattr(value, field.name))
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _instants(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _instants(item)
