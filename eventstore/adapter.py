"""The `eventsourcing` library on the lane store, extended where its authors mean it to be.

Choose it with `PERSISTENCE_MODULE=eventstore.adapter` and `LANE_STORE` = what `offer` answered; `Chains` does both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn, TypeVar, cast
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    IntegrityError,
    Mapper,
    NotSupportedError,
    ProcessRecorder,
    StoredEvent,
    Transcoder,
)

from eventstore.appending.append import PlainEvent
from eventstore.appending.append_types import (
    NO_CLAIMS,
    Appended,
    ClaimChanges,
    CommandKey,
    IndexEntry,
    IndexRelease,
    StreamAppend,
)
from eventstore.errors import BadCall, NoTotalOrder, VersionConflict
from eventstore.events.codec import Codec
from eventstore.events.envelope import Envelope
from eventstore.events.recorded import Brief, Recorded
from eventstore.store import LaneStore

T = TypeVar("T")

LANE_STORE = "LANE_STORE"
"""The environment variable that names an offered store."""

_offered: dict[str, LaneStore] = {}


def offer(store: LaneStore) -> dict[str, str]:
    """The environment with which any application of the library works on this store."""
    name = f"{store.store_id}/{id(store):x}"
    _offered[name] = store
    return {"PERSISTENCE_MODULE": "eventstore.adapter", LANE_STORE: name}


class RecordConflict(VersionConflict, IntegrityError):
    """该户已有更新的记录(当前版本 {current}，期望版本 {expected})。请刷新后重试。"""

    @property
    def code(self) -> str:
        return "version-conflict"


class LaneStoredEvent(StoredEvent):
    """A stored event of ours: an envelope on its way in, or a recorded row on its way out."""

    def __init__(self, event: Envelope | Recorded) -> None:
        # Past the frozen __init__: a dozen of these are made for every command.
        self.__dict__["event"] = event

    event: Envelope | Recorded

    @property
    def originator_id(self) -> UUID:
        return self.event.originator_id

    @property
    def originator_version(self) -> int:
        return self.event.originator_version

    @property
    def topic(self) -> str:
        """The stored name."""
        event = self.event
        return event.name if isinstance(event, Recorded) else _encoded(event).name

    @property
    def state(self) -> bytes:
        """The exact bytes of the data; private values are not in them."""
        event = self.event
        return event.data if isinstance(event, Recorded) else _encoded(event).data


class HulianMapper(Mapper[UUID]):
    """Maps envelopes by the codec and stored names; everything else as the library does, by topic."""

    def __init__(self, codec: Codec, transcoder: Transcoder) -> None:
        super().__init__(transcoder)
        self._codec = codec

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        if isinstance(domain_event, Envelope):
            domain_event.encoded = self._codec.encode(domain_event.event)
            return LaneStoredEvent(domain_event)
        return super().to_stored_event(domain_event)

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        if isinstance(stored_event, Brief):
            return cast("DomainEventProtocol[UUID]", stored_event)
        if isinstance(stored_event, LaneStoredEvent):
            return cast("DomainEventProtocol[UUID]", stored_event.event)
        return super().to_domain_event(stored_event)


class LaneRecorder(ApplicationRecorder):
    """Records in lanes. There is no total order, so no notification ids and no notifications."""

    def __init__(self, store: LaneStore) -> None:
        self._store = store

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        command: CommandKey | None = None,
        expected: Mapping[UUID, int] | None = None,
        claims: ClaimChanges = NO_CLAIMS,
        index: Sequence[IndexEntry | IndexRelease] = (),
        closes: Sequence[UUID] = (),
        at: datetime | None = None,
        result: bytes | None = None,
        answer: Callable[[Appended], None] | None = None,
        tracking: object = None,
        **kwargs: Any,
    ) -> None:
        """Append all events at once; `answer` is called with what the store answered.

        Streams go on from the first version given for them, or as `expected` says. Raises `IntegrityError`
        (also a `VersionConflict`) when a stream has moved, and the store's other errors as they are.
        """
        if kwargs or tracking is not None:
            raise NotSupportedError(f"not recorded in lanes: {', '.join(kwargs) or 'tracking'}")
        try:
            if stored_events and not isinstance(stored_events[0], LaneStoredEvent):
                self._store.append_plain([_plain(event) for event in stored_events])
                return
            streams = _streams(cast("Sequence[LaneStoredEvent]", stored_events), expected or {}, closes)
            appended = self._store.append(command, streams, claims, index, at, result)
        except VersionConflict as conflict:
            raise RecordConflict(**conflict.facts) from conflict
        if answer is not None:
            answer(appended)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> list[StoredEvent]:
        stream = _uuid(originator_id)
        after = _BEFORE_ALL if gt is None else gt
        if lte is None and limit is None and not desc:
            briefs = self._store.brief(stream, after)
            if all(brief.ours for brief in briefs):
                return cast("list[StoredEvent]", briefs)
            return [StoredEvent(stream, b.originator_version, b.topic, b.state) for b in briefs]
        rows = self._store.slice(stream, after, upto=lte, newest_first=desc, limit=limit)
        return [_stored(row) for row in rows]

    def select_notifications(self, *_: Any, **__: Any) -> NoReturn:
        raise NoTotalOrder

    def max_notification_id(self) -> NoReturn:
        raise NoTotalOrder

    def subscribe(self, *_: Any, **__: Any) -> NoReturn:
        raise NoTotalOrder


class Factory(InfrastructureFactory[Any]):
    """Makes mapper and recorder on the store that `LANE_STORE` names."""

    def mapper(self, transcoder: Transcoder | None = None, mapper_class: Any = None) -> Mapper[Any]:
        if mapper_class is not None or self.env.get(self.MAPPER_TOPIC):
            raise NotSupportedError("the lane store has its own mapper")
        return HulianMapper(self._store().codec, transcoder or self.transcoder())

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        if purpose != "events":
            raise NotSupportedError("the lane store keeps no snapshots")
        return LaneRecorder(self._store())

    def application_recorder(self) -> ApplicationRecorder:
        return LaneRecorder(self._store())

    def tracking_recorder(self, tracking_recorder_class: Any = None) -> NoReturn:
        raise NotSupportedError("projections keep their own checkpoints, by lane")

    def process_recorder(self) -> ProcessRecorder:
        raise NotSupportedError("projections keep their own checkpoints, by lane")

    def _store(self) -> LaneStore:
        try:
            return _offered[self.env.get(LANE_STORE) or ""]
        except KeyError:
            raise BadCall(why="环境变量 LANE_STORE 未指向已打开的事件库") from None


class Chains(Application[UUID]):
    """The application of the library on one lane store: chains are saved as envelopes, and folded by projectors.

    `save(*envelopes, command=…, expected=…, claims=…, index=…, closes=…, at=…, result=…)` reaches the recorder;
    `append` does the same and answers what the store answered. `repository.get(stream, projector_func=fold)`
    folds `Recorded` events; it keeps no cache.
    """

    name = "Chains"

    def __init__(self, store: LaneStore) -> None:
        self.store = store
        super().__init__(offer(store) | {"AGGREGATE_CACHE_MAXSIZE": "", "IS_SNAPSHOTTING_ENABLED": "no"})

    def replay(self, stream: UUID, projector: Callable[[Any, Iterable[Any]], T | None]) -> T | None:
        """What a projector makes of a stream, by the library's repository; None for a stream there is not."""
        try:
            return cast("T", self.repository.get(stream, projector_func=cast("Any", projector)))
        except AggregateNotFoundError:
            return None

    def append(self, *envelopes: Envelope, **contract: Any) -> Appended:
        """What `save` does, straight at the library's event store, answering what ours answered."""
        answers: list[Appended] = []
        events = cast("tuple[DomainEventProtocol[UUID], ...]", envelopes)
        self.events.put(events, **contract, answer=answers.append)
        return answers[0]

    def close(self) -> None:
        _offered.pop(self.env.get(LANE_STORE) or "", None)
        super().close()


_BEFORE_ALL = -(2**31)


def _encoded(envelope: Envelope) -> Any:
    if envelope.encoded is None:
        raise BadCall(why="封套尚未编码")
    return envelope.encoded


def _stored(row: Recorded) -> StoredEvent:
    if row.meta_bytes:
        return LaneStoredEvent(row)
    return StoredEvent(row.originator_id, row.originator_version, row.name, row.data)


def _plain(event: StoredEvent) -> PlainEvent:
    return PlainEvent(_uuid(event.originator_id), event.originator_version, event.topic, event.state)


def _uuid(originator_id: UUID | str) -> UUID:
    return originator_id if isinstance(originator_id, UUID) else UUID(originator_id)


def _streams(
    stored: Sequence[LaneStoredEvent], expected: Mapping[UUID, int], closes: Sequence[UUID]
) -> list[StreamAppend]:
    envelopes: dict[UUID, list[Envelope]] = {stream: [] for stream in expected}
    categories: dict[UUID, str] = {}
    for event in stored:
        if not isinstance(event, LaneStoredEvent) or not isinstance(event.event, Envelope):
            raise BadCall(why="一次只能追加一类事件")
        stream = event.event.originator_id
        envelopes.setdefault(stream, []).append(event.event)
        categories.setdefault(stream, event.topic.partition(".")[0])
    return [
        StreamAppend(
            stream,
            categories.get(stream, ""),
            expected[stream] if stream in expected else given[0].originator_version - 1,
            given,
            stream in closes,
        )
        for stream, given in envelopes.items()
    ]
