"""The codec: what may be stored, and that it comes back the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any, Literal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.household.event import Event
from domain.values.money import Fen
from domain.values.month import Month, Months
from domain.values.private import Private, PrivateKind
from eventstore.errors import BadCall, NaiveTime, UnknownEvent, UnsuitableEvent
from eventstore.events.codec import Codec
from eventstore.events.tokens import pack
from eventstore.store import LaneStore
from tests.eventstore.samples import CATALOGUE, Colour, Joined, Opened, Paid, Person
from tests.eventstore.stores import append, command, stream

DAYS = st.dates(date(1900, 1, 1), date(2200, 12, 31))
MONTHS = DAYS.map(Month.of)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
INSTANTS = st.datetimes(timezones=st.sampled_from([UTC])) | st.datetimes().map(
    lambda moment: moment.replace(tzinfo=UTC)
)
PAYMENTS = st.builds(
    Paid,
    DAYS,
    MONTHS,
    st.integers(-(2**62), 2**62).map(Fen),
    st.none() | st.tuples(MONTHS, MONTHS).map(lambda pair: Months(*sorted(pair))),
    st.sampled_from(Colour),
    st.lists(st.integers(0, 10**9).map(Fen), max_size=4).map(tuple),
    st.none() | st.uuids(),
    st.none() | INSTANTS,
)


def private(kind: PrivateKind) -> st.SearchStrategy[Private[str]]:
    return st.builds(lambda owner, text: Private(owner, kind, text), st.uuids(), TEXTS)


JOINS = st.builds(
    Joined,
    DAYS,
    st.lists(
        st.builds(Person, st.uuids(), private("name"), st.none() | private("id-number")), max_size=3
    ).map(tuple),
    st.none() | private("phone"),
)
EVENTS = st.one_of(st.builds(Opened, DAYS, TEXTS), PAYMENTS, JOINS)
CODEC = Codec(CATALOGUE)


def privates_of(event: Event) -> list[Private[str] | None]:
    if not isinstance(event, Joined):
        return []
    return [value for person in event.members for value in (person.name, person.number)] + [event.phone]


@given(EVENTS)
def test_every_event_comes_back_the_same(event: Event) -> None:
    encoded = CODEC.encode(event)
    tokens = [f"{value.owner}{value.value}".encode() for value in encoded.privates]
    decoded = CODEC.decode(encoded.name, encoded.data, pack(tokens))
    assert decoded == event
    for before, after in zip(privates_of(event), privates_of(decoded), strict=True):
        assert (before is None) == (after is None)
        if before is not None and after is not None:
            assert after.token == f"{before.owner}{before.value}".encode()
            assert (after.owner, after.kind, after.value) == (before.owner, before.kind, None)
    assert CODEC.encode(decoded).data == encoded.data


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(EVENTS, min_size=1, max_size=4), st.uuids())
def test_every_event_comes_back_from_the_store_and_its_privates_from_reveal(
    store: LaneStore, events: list[Event], to: UUID
) -> None:
    before = store.load(to).version
    append(store, command(f"{to} {before}"), to, before, events)
    loaded = store.load(to, after=before).events
    assert loaded == events
    said = [value for event in events for value in privates_of(event)]
    read = [value for event in loaded for value in privates_of(event)]
    clear = store.keys.reveal(read, purpose="test", actor="w1", subject=to)
    assert clear == [None if value is None else value.value for value in said]


class Ratio(float, Enum):
    HALF = 0.5


@dataclass(frozen=True)
class Deep:
    values: tuple[dict[str, float], ...]


def events_with(annotation: object) -> type[Event]:
    @dataclass(frozen=True)
    class Odd(Event):
        on: date
        field: annotation  # type: ignore[valid-type]

    Odd.__annotations__["field"] = annotation
    Odd.__annotations__["on"] = date
    return Odd


@pytest.mark.parametrize(
    "annotation",
    [
        float,
        float | None,
        tuple[float, ...],
        Deep,
        Ratio,
        Fraction,
        Decimal,
        complex,
        Any,
        object,
        timedelta,
        set[int],
        dict[int, str],
        Literal["a", 1.5],
        Private,
        Private[int],
        Private[bytes],
    ],
)
def test_a_class_that_may_not_be_stored_is_refused_at_start(annotation: object) -> None:
    with pytest.raises(UnsuitableEvent, match="field"):
        Codec({"sample.odd.1": events_with(annotation)})


@pytest.mark.parametrize(
    "name", ["Odd", "sample.odd", "sample.Odd.1", "sample.odd.0", "sample.odd_x.1", "a.b.c.1"]
)
def test_a_stored_name_has_one_form(name: str) -> None:
    with pytest.raises(UnsuitableEvent):
        Codec({name: Opened})


def test_a_class_has_one_name() -> None:
    with pytest.raises(UnsuitableEvent):
        Codec({"sample.opened.1": Opened, "sample.begun.1": Opened})


def test_an_unknown_kind_of_private_value_is_refused() -> None:
    event = Joined(date(2026, 1, 1), (), Private(stream(1), "shoe-size", "43"))  # type: ignore[arg-type]
    with pytest.raises(UnsuitableEvent):
        CODEC.encode(event)


def test_an_instant_without_offset_in_stored_bytes_is_refused() -> None:
    data = b'{"on":"2026-01-01","month":"2026-01","fen":1,"seen_at":"2026-01-01T00:00:00"}'
    with pytest.raises(NaiveTime):
        CODEC.decode("sample.paid.1", data)


def test_a_month_that_is_none_is_refused_when_read() -> None:
    with pytest.raises(ValueError, match="月份"):
        CODEC.decode("sample.paid.1", b'{"on":"2026-01-01","month":"2026-13","fen":1}')


def test_a_float_in_stored_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match="int"):
        CODEC.decode("sample.paid.1", b'{"on":"2026-01-01","month":"2026-12","fen":1.5}')


def area(fields: dict[str, Any]) -> dict[str, Any]:
    return {"on": fields["on"], "area": fields["area"]}


def region(fields: dict[str, Any]) -> dict[str, Any]:
    return {"on": fields["on"], "region": fields["area"]}


def test_an_old_number_is_read_through_all_its_upcasters() -> None:
    codec = Codec({"sample.opened.3": Opened}, {("sample.opened", 1): area, ("sample.opened", 2): region})
    expected = Opened(date(2026, 1, 1), "990101")
    assert codec.decode("sample.opened.1", b'{"on":"2026-01-01","area":"990101","left":1}') == expected
    assert codec.decode("sample.opened.2", b'{"on":"2026-01-01","area":"990101"}') == expected
    assert codec.encode(expected).name == "sample.opened.3"
    assert codec.knows("sample.opened.1")
    with pytest.raises(UnknownEvent):
        codec.decode("sample.opened.4", b"{}")


def test_an_old_number_keeps_its_private_values() -> None:
    def rename(fields: dict[str, Any]) -> dict[str, Any]:
        return {"on": fields["on"], "members": [], "phone": fields["tel"]}

    codec = Codec({"sample.joined.2": Joined}, {("sample.joined", 1): rename})
    owner = stream(1)
    data = b'{"on":"2026-01-01","tel":{"kind":"phone","n":0,"owner":"%s"}}' % str(owner).encode()
    decoded = codec.decode("sample.joined.1", data, pack([b"token"]))
    assert isinstance(decoded, Joined)
    assert decoded.phone is not None
    assert decoded.phone.token == b"token"


@pytest.mark.parametrize(
    ("catalogue", "upcasters"),
    [
        ({"sample.opened.3": Opened}, {("sample.opened", 2): region}),
        ({"sample.opened.2": Opened}, {}),
        ({"sample.opened.2": Opened}, {("sample.opened", 1): area, ("sample.opened", 2): region}),
        ({"sample.opened.1": Opened}, {("sample.closed", 1): area}),
        ({"sample.opened.1": Opened, "sample.opened.2": Paid}, {("sample.opened", 1): area}),
    ],
)
def test_a_chain_with_a_gap_or_a_loose_end_is_refused_at_start(
    catalogue: dict[str, type[Event]], upcasters: dict[tuple[str, int], Any]
) -> None:
    with pytest.raises(BadCall):
        Codec(catalogue, upcasters)


def test_the_schema_says_what_is_stored() -> None:
    schema = CODEC.schema("sample.joined.1")
    assert "Person" in str(schema)
    assert "sealed" in str(schema)
    month = CODEC.schema("sample.paid.1")["$defs"]["Paid"]["properties"]["month"]
    assert month["pattern"] == r"^\d{4}-\d{2}$"


def test_instants_keep_their_microseconds() -> None:
    at = datetime(2026, 3, 5, 9, 0, 0, 1, tzinfo=UTC)
    event = Paid(date(2026, 3, 5), Month(2026, 3), Fen(1), seen_at=at)
    decoded = CODEC.decode(*CODEC.encode(event)[:2])
    assert isinstance(decoded, Paid)
    assert decoded.seen_at == at
