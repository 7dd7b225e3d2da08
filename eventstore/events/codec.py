"""The codec (编解码): the domain's own dataclasses to the exact bytes that are stored, and back by stored name."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple, get_origin

import msgspec

from domain.household.event import Event
from domain.values.month import Month
from domain.values.private import Private
from eventstore.errors import BadCall, NaiveTime, NoPrivateValue, UnknownEvent, UnsuitableEvent
from eventstore.events.codec_checks import PRIVATE_KINDS, Shape, shape_of
from eventstore.events.envelope import Encoded
from eventstore.events.tokens import token_of

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
"""Turns the stored fields of one number of an event into those of the next; pure."""

_NAME = re.compile(r"([a-z]+\.[a-z0-9]+(?:-[a-z0-9]+)*)\.([1-9]\d*)")


class _Old(NamedTuple):
    upcasters: tuple[Upcaster, ...]
    current: str


class _Tokens(threading.local):
    def __init__(self) -> None:
        self.packed: bytes | None = None
        self.privates: list[Private[Any]] = []


class Codec:
    """Encodes and decodes the events of a catalogue.

    Refuses a catalogue with a class that may not be stored (`UnsuitableEvent`), or with a gap in its chain
    of upcasters (`BadCall`), when it is built; later, an event it does not know with `UnknownEvent`.
    """

    def __init__(
        self,
        catalogue: Mapping[str, type[Event]],
        upcasters: Mapping[tuple[str, int], Upcaster] = MappingProxyType({}),
    ) -> None:
        """`upcasters` is keyed by the name without its number, and the number it starts from."""
        self._names: dict[type[Event], str] = {}
        self._shapes: dict[type[Event], Shape] = {}
        self._decoders: dict[str, Callable[[bytes], Event]] = {}
        self._private_names: set[str] = set()
        self._simple: dict[str, Callable[[bytes], Event]] = {}
        self._catalogue = dict(catalogue)
        self._tokens = _Tokens()
        self._plain = msgspec.json.Encoder(enc_hook=_encode_value, order="deterministic").encode
        self._sealing = msgspec.json.Encoder(enc_hook=self._encode_private, order="deterministic").encode
        self._plainly: dict[type[Event], str] = {}
        for name, kind in catalogue.items():
            if _NAME.fullmatch(name) is None:
                raise UnsuitableEvent(name=name, field="*", why="名称须形如 household.grace-granted.1")
            if kind in self._names:
                raise UnsuitableEvent(name=name, field="*", why=f"该类已名为 {self._names[kind]}")
            self._names[kind] = name
            self._shapes[kind] = shape_of(name, kind)
            self._decoders[name] = msgspec.json.Decoder(kind, dec_hook=self._decode_value).decode
            if self._shapes[kind].private:
                self._private_names.add(name)
            elif not self._shapes[kind].instants:
                self._simple[name] = self._decoders[name]
                self._plainly[kind] = name
        self._old = _chains(catalogue, upcasters)
        self._private_names.update(
            name for name, old in self._old.items() if old.current in self._private_names
        )

    @property
    def catalogue(self) -> Mapping[str, type[Event]]:
        """The current stored names and their classes."""
        return MappingProxyType(self._catalogue)

    def name_of(self, kind: type[Event]) -> str:
        """The stored name of an event class; raises `UnknownEvent`."""
        try:
            return self._names[kind]
        except KeyError:
            raise UnknownEvent(name=kind.__name__) from None

    def knows(self, name: str) -> bool:
        """Whether events stored under this name can be read."""
        return name in self._decoders or name in self._old

    def encode(self, event: Event) -> Encoded:
        """The event's name, its JSON bytes and its private values, which are not in the bytes.

        Raises `UnknownEvent`, `NaiveTime` and `NoPrivateValue`.
        """
        kind = type(event)
        plainly = self._plainly.get(kind)
        if plainly is not None:
            return Encoded(plainly, self._plain(event), ())
        name = self.name_of(kind)
        shape = self._shapes[kind]
        if shape.instants and shape.naive(event):
            raise NaiveTime(name=name)
        if not shape.private:
            return Encoded(name, self._plain(event), ())
        privates = self._tokens.privates = []
        data = self._sealing(event)
        self._tokens.privates = []
        for private in privates:
            if private.kind not in PRIVATE_KINDS:
                raise UnsuitableEvent(name=name, field=private.kind, why="个人信息种类不在表中")
            if not isinstance(private.value, str) and private.token is None:
                raise NoPrivateValue(name=name, kind=private.kind)
        return Encoded(name, data, privates)

    def decode(self, name: str, data: bytes, private: bytes | None = None) -> Event:
        """The event stored under `name`; its private values carry their tokens, none is opened.

        Raises `UnknownEvent`; `NaiveTime` for an instant without offset.
        """
        simple = self._simple.get(name)
        if simple is not None:
            return simple(data)
        if name in self._private_names:
            self._tokens.packed = private
        try:
            decoder = self._decoders[name]
        except KeyError:
            event = self._decode_old(name, data)
        else:
            event = decoder(data)
        shape = self._shapes[type(event)]
        if shape.instants and shape.naive(event):
            raise NaiveTime(name=name)
        return event

    def schema(self, name: str) -> dict[str, Any]:
        """The JSON Schema of what is stored under a current name."""
        return msgspec.json.schema(self._catalogue[name], schema_hook=_schema_of_value)

    def _encode_private(self, value: object) -> object:
        if not isinstance(value, Private):
            return _encode_value(value)
        privates = self._tokens.privates
        privates.append(value)
        return {"owner": value.owner, "kind": value.kind, "n": len(privates) - 1}

    def _decode_old(self, name: str, data: bytes) -> Event:
        old = self._old.get(name)
        if old is None:
            raise UnknownEvent(name=name)
        fields = msgspec.json.decode(data)
        for upcast in old.upcasters:
            fields = upcast(fields)
        return self._decoders[old.current](msgspec.json.encode(fields))

    def _decode_value(self, kind: type, value: Any) -> Any:
        # Nothing else is handed here: the shapes were looked at when the codec was built.
        if kind is Month:
            return _month(value)
        n = value["n"]
        return Private(value["owner"], value["kind"], n=n, token=token_of(self._tokens.packed, n))


_month = lru_cache(maxsize=4096)(Month.parse)


_month_text = lru_cache(maxsize=4096)(Month.__str__)


def _encode_value(value: object) -> object:
    if isinstance(value, Month):
        return _month_text(value)
    raise NotImplementedError(f"{type(value)!r} is not stored")


def _schema_of_value(kind: type) -> dict[str, Any]:
    if kind is Month:
        return {"type": "string", "pattern": r"^\d{4}-\d{2}$", "description": "YYYY-MM"}
    if (get_origin(kind) or kind) is Private:
        return {
            "type": "object",
            "description": "sealed: n counts the event's tokens",
            "properties": {
                "owner": {"type": "string", "format": "uuid"},
                "kind": {"enum": sorted(PRIVATE_KINDS)},
                "n": {"type": "integer", "minimum": 0},
            },
            "required": ["owner", "kind", "n"],
        }
    raise NotImplementedError(f"{kind!r} is not stored")


def _chains(
    catalogue: Mapping[str, type[Event]], upcasters: Mapping[tuple[str, int], Upcaster]
) -> dict[str, _Old]:
    current: dict[str, int] = {}
    for name in catalogue:
        base, number = name.rsplit(".", 1)
        if base in current:
            raise BadCall(why=f"{base} 在目录中有两个编号，旧编号须由升级函数读取")
        current[base] = int(number)
    for base, start in upcasters:
        if not 1 <= start < current.get(base, 0):
            raise BadCall(why=f"升级函数 {base}.{start} 不通向目录中的任何事件")
    old: dict[str, _Old] = {}
    for base, newest in current.items():
        for start in range(1, newest):
            missing = [step for step in range(start, newest) if (base, step) not in upcasters]
            if missing:
                raise BadCall(why=f"{base}.{missing[0]} 缺少升级函数")
            chain = tuple(upcasters[base, step] for step in range(start, newest))
            old[f"{base}.{start}"] = _Old(chain, f"{base}.{newest}")
    return old
