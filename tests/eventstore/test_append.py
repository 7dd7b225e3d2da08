"""The append contract, one household at a time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from domain.values.private import Private
from eventstore import errors
from eventstore.appending.append import APPEND
from eventstore.appending.append import parameters as parameters_of
from eventstore.appending.append_types import NO_CLAIMS, StreamAppend
from eventstore.appending.batch import Batch, one_event
from eventstore.events.digest import verify
from eventstore.events.envelope import Meta, enclose
from eventstore.events.recorded import StreamState
from eventstore.lanes import LANES, event_id, lane_of
from eventstore.store import LaneStore
from tests.database import Databases
from tests.eventstore.samples import Joined, Opened, Paid, Person
from tests.eventstore.stores import META, OPENED, append, command, paid, stream

Admin = psycopg.Connection[tuple[object, ...]]


def written(owner: Admin) -> list[object]:
    """How many rows every table of the store has, and where the lanes stand."""
    tables = ("es_event", "es_stream", "es_command", "es_claim", "es_index", "es_access")
    counts: list[object] = [
        owner.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() for table in tables
    ]
    return [*counts, owner.execute("SELECT sum(position), sum(lane * position) FROM es_lane").fetchone()]


def test_what_is_appended_is_loaded(store: LaneStore) -> None:
    home = stream(1)
    answer = append(store, command(1), home, 0, [OPENED, paid(1)])
    loaded = store.load(home)
    assert loaded.events == [OPENED, paid(1)]
    assert (loaded.version, loaded.current, loaded.state) == (2, 2, StreamState.OPEN)
    assert (answer.versions, answer.positions, answer.repeated, answer.news) == ((2,), (2,), False, True)
    assert answer.reached == {lane_of(home): 2}
    assert [row.originator_version for row in loaded.rows] == [1, 2]
    assert [row.event_id for row in loaded.rows] == [event_id(command(1).id, n) for n in (0, 1)]
    assert loaded.rows[0].meta == META
    assert loaded.rows[1].effective_on == date(2026, 3, 5)
    assert loaded.rows[1].recorded_at == answer.recorded_at
    assert store.load(home, after=1).events == [paid(1)]
    assert store.load(home, after=2).events == []
    assert store.load(home, after=2).version == 2


def test_a_stream_there_is_not_is_empty_and_open(store: LaneStore) -> None:
    loaded = store.load(stream("none"))
    assert (loaded.rows, loaded.version, loaded.current, loaded.state) == ([], 0, 0, StreamState.OPEN)


def test_positions_are_dense_in_each_lane(store: LaneStore) -> None:
    for n in range(6):
        append(store, command(n), stream(n, lane=n % 2), 0, [OPENED] * (n + 1))
    assert store.heads() == {lane: {0: 1 + 3 + 5, 1: 2 + 4 + 6}.get(lane, 0) for lane in range(LANES)}
    for lane, head in ((0, 9), (1, 12)):
        assert [row.position for row in store.read(lane, 0, 100)] == list(range(1, head + 1))
    assert [row.position for row in store.read(1, 5, 3)] == [6, 7, 8]
    many = store.read_many({0: 7, 1: 10, 2: 0}, 100)
    assert sorted((row.lane, row.position) for row in many) == [(0, 8), (0, 9), (1, 11), (1, 12)]
    assert len(store.read_many({0: 0, 1: 0}, 5)) == 5


def test_the_same_command_again_gets_the_first_answer(store: LaneStore, owner: Admin) -> None:
    first = append(store, command(1), stream(1), 0, [OPENED], result=b"\x00done")
    append(store, command(2), stream(1), 1, [paid()])
    before = written(owner)
    again = append(store, command(1), stream(1), 0, [OPENED], result=b"other")
    assert again.repeated
    assert not first.repeated
    assert (again.streams, again.versions, again.positions) == (
        first.streams,
        first.versions,
        first.positions,
    )
    assert (again.recorded_at, again.result) == (first.recorded_at, b"\x00done")
    # also when the retry was decided on the state of now, or finds nothing left to do
    assert append(store, command(1), stream(1), 2, [paid()]).versions == (1,)
    nothing = append(store, command(1), stream(1), 2, [])
    assert (nothing.repeated, nothing.news, nothing.versions) == (True, True, (1,))
    found = store.command(command(1).id, lane_of(stream(1)), command(1).hash)
    assert found is not None
    assert found.positions == first.positions
    assert store.command(command("never").id, lane_of(stream(1))) is None
    assert written(owner) == before


def test_another_content_under_the_same_command_is_refused(store: LaneStore, owner: Admin) -> None:
    append(store, command(1, "a"), stream(1), 0, [OPENED])
    before = written(owner)
    with pytest.raises(errors.ChangedCommand):
        append(store, command(1, "b"), stream(1), 1, [paid()])
    with pytest.raises(errors.ChangedCommand):
        append(store, command(1, "b"), stream(1), 1, [])
    with pytest.raises(errors.ChangedCommand):
        store.command(command(1).id, lane_of(stream(1)), command(1, "b").hash)
    assert written(owner) == before


def test_one_command_on_two_streams_of_a_lane_is_refused(store: LaneStore, owner: Admin) -> None:
    append(store, command(1), stream(1, lane=7), 0, [OPENED])
    before = written(owner)
    with pytest.raises(errors.ChangedCommand):
        append(store, command(1), stream(2, lane=7), 0, [OPENED])
    assert written(owner) == before


def test_no_events_are_no_news(store: LaneStore, owner: Admin) -> None:
    append(store, command(1), stream(1), 0, [OPENED])
    before = written(owner)
    answer = append(store, command(2), stream(1), 1, [])
    assert (answer.news, answer.repeated, answer.versions, answer.positions) == (False, False, (1,), ())
    assert answer.recorded_at is None
    assert written(owner) == before


@pytest.mark.parametrize("expected", [0, 1, 3])
def test_a_stream_that_is_elsewhere_is_a_conflict(store: LaneStore, owner: Admin, expected: int) -> None:
    append(store, command(1), stream(1), 0, [OPENED, paid()])
    before = written(owner)
    with pytest.raises(errors.VersionConflict) as conflict:
        append(store, command(2), stream(1), expected, [paid()])
    assert conflict.value.current == 2
    assert conflict.value.code == "version-conflict"
    assert written(owner) == before


def test_a_stream_there_is_not_is_a_conflict_when_it_is_expected(store: LaneStore, owner: Admin) -> None:
    before = written(owner)
    with pytest.raises(errors.VersionConflict) as conflict:
        append(store, command(2), stream(1), 4, [paid()])
    assert conflict.value.current is None
    assert written(owner) == before


def test_a_closed_stream_takes_nothing(store: LaneStore, owner: Admin) -> None:
    append(store, command(1), stream(1), 0, [OPENED], closes=True)
    before = written(owner)
    for expected in (0, 1):
        with pytest.raises(errors.StreamClosed):
            append(store, command(2), stream(1), expected, [paid()])
    assert written(owner) == before
    assert store.load(stream(1)).state is StreamState.CLOSED
    assert append(store, command(1), stream(1), 0, [OPENED], closes=True).repeated


def test_an_erased_stream_takes_nothing_and_still_loads(store: LaneStore, owner: Admin) -> None:
    append(store, command(1), stream(1), 0, [OPENED])
    store.erase_stream(stream(1))
    before = written(owner)
    with pytest.raises(errors.StreamErased):
        append(store, command(2), stream(1), 1, [paid()])
    assert written(owner) == before
    loaded = store.load(stream(1))
    assert (loaded.events, loaded.state) == ([OPENED], StreamState.ERASED)


def test_an_event_the_catalogue_lacks_is_unknown(store: LaneStore, owner: Admin) -> None:
    class Stray(Opened):
        __slots__ = ()

    before = written(owner)
    with pytest.raises(errors.UnknownEvent):
        append(store, command(1), stream(1), 0, [Stray(date(2026, 1, 1), "x")])
    assert written(owner) == before
    append(store, command(1), stream(1), 0, [OPENED, paid()])
    owner.execute("UPDATE es_event SET name = 'sample.tomorrow.1' WHERE version = 1")
    loaded = store.load(stream(1))
    assert loaded.version == 2
    with pytest.raises(errors.UnknownEvent, match=r"sample\.tomorrow\.1"):
        loaded.events  # noqa: B018


def test_an_instant_without_offset_is_refused(store: LaneStore, owner: Admin) -> None:
    before = written(owner)
    naive = Paid(date(2026, 1, 1), paid().month, paid().fen, seen_at=datetime(2026, 1, 1, 9))
    with pytest.raises(errors.NaiveTime):
        append(store, command(1), stream(1), 0, [naive])
    assert written(owner) == before


def test_a_private_field_without_value_or_token_is_refused(store: LaneStore, owner: Admin) -> None:
    before = written(owner)
    joined = Joined(date(2026, 1, 1), (Person(stream("p"), Private(stream("p"), "name")),))
    with pytest.raises(errors.NoPrivateValue):
        append(store, command(1), stream(1), 0, [joined])
    assert written(owner) == before


def test_an_envelope_of_another_stream_or_version_is_a_bad_call(store: LaneStore) -> None:
    envelopes = enclose(command(1).id, stream(1), 0, [OPENED], META)
    with pytest.raises(errors.BadCall):
        store.append(command(1), [StreamAppend(stream(2), "household", 0, envelopes)])
    with pytest.raises(errors.BadCall):
        store.append(command(1), [StreamAppend(stream(1), "household", 1, envelopes)])


# Time ------------------------------------------------------------------------------------------------------


def test_a_clock_that_was_an_hour_ahead_is_never_gone_behind(store: LaneStore, owner: Admin) -> None:
    append(store, command(1), stream(1), 0, [OPENED])
    owner.execute("UPDATE es_stream SET last_recorded_at = now() + interval '1 hour'")
    last = owner.execute("SELECT last_recorded_at FROM es_stream").fetchone()
    assert last is not None
    answer = append(store, command(2), stream(1), 1, [paid()])
    assert answer.recorded_at == last[0]
    assert append(store, command(3), stream(2), 0, [OPENED]).recorded_at < answer.recorded_at  # type: ignore[operator]


def test_new_years_eve_is_two_days_in_two_years(trial: LaneStore) -> None:
    china = [
        datetime.fromisoformat(f"{text}+08:00")
        for text in ("2025-12-31T23:59:59.999999", "2026-01-01T00:00:00")
    ]
    last_day, new_day = (
        Opened(date(2025, 12, 31), "990101001"),
        Paid(date(2026, 1, 1), paid().month, paid().fen),
    )
    append(trial, command(1), stream(1), 0, [last_day], at=china[0])
    append(trial, command(2), stream(1), 1, [new_day], at=china[1])
    rows = trial.load(stream(1)).rows
    assert [row.recorded_at for row in rows] == china
    assert [row.effective_on for row in rows] == [date(2025, 12, 31), date(2026, 1, 1)]
    assert [row.version for row in [trial.load(stream(1), known_at=at) for at in china]] == [1, 2]
    assert trial.load(stream(1), known_at=china[0] - timedelta(microseconds=1)).rows == []
    assert trial.load(stream(1), known_at=china[0]).current == 2


def test_a_told_time_is_only_stated_outside_a_trial(store: LaneStore, trial_call: str) -> None:
    told = datetime(2021, 7, 1, 9, tzinfo=UTC)
    append(store, command(1), stream(1), 0, [OPENED], at=told)
    (row,) = store.load(stream(1)).rows
    assert row.meta.stated_at == "2021-07-01T09:00:00+00:00"
    assert row.recorded_at > datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(psycopg.Error) as refused, store._client._pool.connection() as connection:
        connection.execute(trial_call.encode(), [stream(2)])
    assert refused.value.sqlstate == "HL006"
    refusal = errors.told(refused.value)
    assert isinstance(refusal, errors.NotATrial)
    assert store.load(stream(2)).rows == []


@pytest.fixture
def trial_call() -> str:
    """The append as one would call it past the client, with a told time."""
    return (
        "SELECT es_append(0::smallint, gen_random_uuid(), '', NULL, '2021-07-01', NULL, NULL, '{0}', ARRAY[%s::uuid],"
        " '{household}', '{0}', '{1}', '{0}', ARRAY[gen_random_uuid()], '{x}', '{2021-07-01}', ARRAY[''::bytea],"
        " ARRAY[''::bytea], ARRAY[NULL::bytea], ARRAY[''::bytea], NULL, NULL, NULL, NULL, NULL, NULL,"
        " NULL, NULL, NULL, NULL, NULL)"
    )


def test_a_trial_never_goes_behind_the_streams_last_time_either(trial: LaneStore) -> None:
    late, early = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    append(trial, command(1), stream(1), 0, [OPENED], at=late)
    assert append(trial, command(2), stream(1), 1, [paid()], at=early).recorded_at == late
    assert trial.load(stream(1)).rows[1].meta.stated_at is None


def test_a_store_with_events_cannot_become_a_trial(store: LaneStore, owner: Admin) -> None:
    append(store, command(1), stream(1), 0, [OPENED])
    with pytest.raises(psycopg.Error) as refused:
        owner.execute("SELECT es_make_trial()")
    assert isinstance(errors.told(refused.value), errors.TrialTooLate)


# Digest ----------------------------------------------------------------------------------------------------


def test_the_digest_leaves_out_position_and_time(store: LaneStore, owner: Admin) -> None:
    append(store, command(1), stream(1), 0, [OPENED])
    owner.execute("UPDATE es_event SET position = 77, recorded_at = now() - interval '1 year'")
    (row,) = store.load(stream(1)).rows
    assert row.position == 77
    assert verify(row)


@pytest.mark.parametrize(
    "change",
    [
        "event_id = gen_random_uuid()",
        "version = 5",
        "name = 'sample.paid.1'",
        "effective_on = effective_on + 1",
        "meta = '{}'",
        "data = convert_to(replace(convert_from(data, 'UTF8'), '2026', '2027'), 'UTF8')",
        "private = set_byte(private, octet_length(private) - 1, 255 - get_byte(private, octet_length(private) - 1))",
    ],
)
def test_any_other_change_is_seen(store: LaneStore, owner: Admin, change: str) -> None:
    append(
        store,
        command(1),
        stream(1),
        0,
        [Joined(date(2026, 1, 1), (), Private(stream("p"), "phone", "13800138001"))],
    )
    (row,) = store.load(stream(1)).rows
    assert verify(row)
    owner.execute(f"UPDATE es_event SET {change}".encode())
    (row,) = store.load(stream(1)).rows
    assert not verify(row)


def test_the_digest_algorithm_is_the_stores(trial: LaneStore, owner: Admin) -> None:
    owner.execute("UPDATE es_meta SET digest_algorithm = 2")
    sm3 = LaneStore(trial._client._pool, trial.codec, trial.keys)
    append(sm3, command(1), stream(1), 0, [OPENED])
    append(trial, command(2), stream(1), 1, [OPENED])
    rows = trial.load(stream(1)).rows
    assert rows[0].digest != rows[1].digest
    assert all(verify(row) for row in rows)


def test_the_readable_view_shows_json(store: LaneStore, owner: Admin) -> None:
    append(store, command(1), stream(1), 0, [OPENED])
    row = owner.execute("SELECT data->>'region', meta->>'actor', has_private FROM event_readable").fetchone()
    assert row == ("990101001", "w1", False)


def test_meta_says_only_what_is_known(store: LaneStore) -> None:
    envelopes = enclose(command(1).id, stream(1), 0, [OPENED], Meta(actor="w1"))
    store.append(command(1), [StreamAppend(stream(1), "household", 0, envelopes)])
    (row,) = store.load(stream(1)).rows
    assert row.meta_bytes == b'{"actor":"w1"}'


def test_the_cut_is_stored_and_the_same_for_ever(store: LaneStore) -> None:
    append(store, command(1), stream(1, lane=3), 0, [OPENED, paid()])
    cut = store.cut(UUID(int=1), "report")
    append(store, command(2), stream(1, lane=3), 2, [paid()])
    assert cut.positions == tuple(2 if lane == 3 else 0 for lane in range(LANES))
    assert store.cut(UUID(int=1), "report") == cut
    assert store.cut(UUID(int=2), "report").positions[3] == 3


def test_the_commonest_command_is_one_call_that_writes_four_rows_and_no_more(
    store: LaneStore, databases: Databases
) -> None:
    append(store, command(1), stream(1), 0, [OPENED])
    key = command(2)
    to = StreamAppend(stream(1), "household", 1, enclose(key.id, stream(1), 1, [paid()], META))
    columns = one_event(store.codec, store.keys, 1, to, None)
    # made another way than the columns of many events, and the same
    assert columns == Batch(store.codec, store.keys, 1, [to], None).columns()
    parameters = parameters_of(store.keys, key, None, None, [to], columns, NO_CLAIMS, ())
    with psycopg.connect(databases.store) as connection:
        connection.execute("SET LOCAL track_functions = 'pl'")
        connection.pgconn.exec_params(APPEND.text, parameters, param_formats=APPEND.formats, result_format=1)
        rows = connection.execute(
            "SELECT relname::text, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_xact_user_tables"
            " WHERE n_tup_ins + n_tup_upd + n_tup_del > 0 ORDER BY 1"
        ).fetchall()
        called = connection.execute(
            "SELECT funcname::text, calls FROM pg_stat_xact_user_functions"
        ).fetchall()
    assert rows == [
        ("es_command", 1, 0, 0),
        ("es_event", 1, 0, 0),
        ("es_lane", 0, 1, 0),
        ("es_stream", 0, 1, 0),
    ]
    assert called == [("es_append", 1)]
