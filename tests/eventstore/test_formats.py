"""What is stored for ever: these bytes may never change."""

from __future__ import annotations

import hmac
from datetime import UTC, date, datetime
from hashlib import sha256
from uuid import UUID

import pytest
from cryptography.hazmat.primitives import hashes

from domain.values.money import Fen
from domain.values.month import Month, Months
from domain.values.private import Private
from eventstore.events import digest as digests
from eventstore.events import tokens
from eventstore.events.codec import Codec
from eventstore.keys.keys import blind_of
from eventstore.lanes import event_id, lane_of
from tests.eventstore.samples import CATALOGUE, Colour, Joined, Paid, Person

STREAM = UUID("11111111-2222-5333-8444-5555555555a7")
COMMAND = UUID("aaaaaaaa-bbbb-5ccc-8ddd-eeeeeeeeeeee")


def test_the_lane_is_the_low_byte_of_the_stream() -> None:
    assert lane_of(STREAM) == 0xA7 == STREAM.bytes[15]


def test_event_ids_are_of_command_and_ordinal() -> None:
    assert event_id(COMMAND, 0) == UUID("873b270c-12c7-57f5-bc33-1b1289197d12")
    assert event_id(COMMAND, 1) == UUID("09d465a8-95e8-56c0-9ef5-892de8b66a3f")


def test_a_token_is_algorithm_key_version_nonce_ciphertext() -> None:
    token = tokens.join(tokens.Token(1, 258, b"n" * 12, b"cipher and tag"))
    assert token == b"\x01" + b"\x00\x00\x01\x02" + b"nnnnnnnnnnnn" + b"cipher and tag"
    assert tokens.split(token) == tokens.Token(1, 258, b"n" * 12, b"cipher and tag")


def test_tokens_stand_one_after_the_other_each_with_its_length() -> None:
    packed = tokens.pack([b"ab", b"c"])
    assert packed == b"\x00\x00\x00\x02ab\x00\x00\x00\x01c"
    assert [tokens.token_of(packed, n) for n in range(2)] == [b"ab", b"c"]
    for cut in (None, packed[:-1]):
        with pytest.raises(ValueError, match="short"):
            tokens.token_of(cut, 1)


def test_the_digest_is_over_length_prefixed_fields() -> None:
    fields = (
        b"\x01",
        COMMAND.bytes,
        STREAM.bytes,
        (7).to_bytes(8),
        b"household.paid.1",
        b"2026-03-05",
        b"m",
        b"d",
        b"p",
    )
    content = b"".join(len(field).to_bytes(4) + field for field in fields)
    made = digests.digest(
        1, COMMAND.bytes, STREAM.bytes, 7, "household.paid.1", date(2026, 3, 5), b"m", b"d", b"p"
    )
    assert made == sha256(content).digest()


def test_the_digest_of_no_day_and_no_tokens_has_empty_fields() -> None:
    made = digests.digest(1, COMMAND.bytes, STREAM.bytes, 0, "Dog.Registered", None, b"", b"d", None)
    assert made.hex() == "cecf9b02b894e2c555c1c38a5b92a1e81ad0465cc538f7aeab598211766ad0e4"


def test_the_digest_under_sm3_is_another_over_the_same_fields() -> None:
    fields = (
        b"\x02",
        COMMAND.bytes,
        STREAM.bytes,
        (7).to_bytes(8),
        b"household.paid.1",
        b"2026-03-05",
        b"m",
        b"d",
        b"",
    )
    content = hashes.Hash(hashes.SM3())
    content.update(b"".join(len(field).to_bytes(4) + field for field in fields))
    made = digests.digest(
        2, COMMAND.bytes, STREAM.bytes, 7, "household.paid.1", date(2026, 3, 5), b"m", b"d", None
    )
    assert made == content.finalize()


def test_the_blind_value_is_of_kind_and_normal_form() -> None:
    made = blind_of(b"k" * 32, "id-number", "99010119730412001x")
    assert made == blind_of(b"k" * 32, "id-number", "９９０１０１１９７３０４１２００１Ｘ")
    assert made != blind_of(b"k" * 32, "account", "99010119730412001x")
    assert made.hex() == "63e11df96bdbcdd2fa0eed5c84a22434"
    assert made == hmac.digest(b"k" * 32, b"id-number\x0099010119730412001X", "sha256")[:16]


def test_stored_data_is_plain_json_of_the_dataclass() -> None:
    event = Paid(
        date(2026, 3, 5),
        Month(2026, 3),
        Fen(73500),
        Months(Month(2026, 1), Month(2026, 12)),
        Colour.BLUE,
        (Fen(1), Fen(2)),
        STREAM,
        datetime(2026, 3, 5, 1, 2, 3, 456789, tzinfo=UTC),
    )
    encoded = Codec(CATALOGUE).encode(event)
    assert encoded.name == "sample.paid.1"
    assert encoded.data == (
        b'{"on":"2026-03-05","month":"2026-03","fen":73500,"months":{"first":"2026-01","last":"2026-12"},'
        b'"colour":"blue","parts":[1,2],"by":"11111111-2222-5333-8444-5555555555a7",'
        b'"seen_at":"2026-03-05T01:02:03.456789Z"}'
    )


def test_a_private_field_is_owner_kind_and_the_number_of_its_token() -> None:
    event = Joined(
        date(2026, 3, 5), (Person(COMMAND, Private(COMMAND, "name", "于某")),), Private(STREAM, "phone", "1")
    )
    encoded = Codec(CATALOGUE).encode(event)
    assert encoded.data == (
        b'{"on":"2026-03-05","members":[{"id":"aaaaaaaa-bbbb-5ccc-8ddd-eeeeeeeeeeee","name":'
        b'{"kind":"name","n":0,"owner":"aaaaaaaa-bbbb-5ccc-8ddd-eeeeeeeeeeee"},"number":null}],"phone":'
        b'{"kind":"phone","n":1,"owner":"11111111-2222-5333-8444-5555555555a7"}}'
    )
    assert [private.value for private in encoded.privates] == ["于某", "1"]
