"""Statistics (统计流水): what each event adds to the counts, written down beside the event's position.

A tally is written once and never changed. So the counts at a cut are the tallies up to its positions, then and
for ever, however far the projection has gone on; `projections.merging` adds them up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from uuid import UUID

from domain.adjustment import BenefitAdjusted
from domain.benefit import PaymentOrdered, PaymentReturned, PaymentSettled, TemporaryAidGranted
from domain.complaint import ComplaintReceived
from domain.decision import ApplicationRefused, DibaoConfirmed
from domain.endings import ApplicationNotAccepted, ApplicationWithdrawn
from domain.exit import BenefitTerminated
from domain.extension import LimitExtended
from domain.file_return import FileReturned
from domain.finding import NeedFound
from domain.grace import GraceGranted
from domain.intake import ApplicationAccepted, Applied, ProcedureEnded
from domain.irregular import IrregularlyConfirmed, IrregularRecorded
from domain.message import Event
from domain.monitoring import AlertFedBack, AlertRaised, AlertVerified
from domain.objection import NoticeObjected
from domain.recheck import ReportObjected
from domain.spells import Category
from domain.supervision import DeadlineMissed
from domain.transfer import MarginalConfirmed, TransferStarted
from projections.engine.projection import Fact, Projection
from projections.engine.rows import Rows, Table, of_household
from projections.headcount import CHANGING, Standing, changes, follow, standing_of, text_of

IN_CATEGORY: Final = "in-category"
"""The tallies whose sum up to a day is how many households and persons a category has on it."""


@dataclass(slots=True)
class TallyRow:
    """What one event adds: acts or households (`homes`), persons (`heads`), money in fen."""

    lane: int
    position: int
    n: int
    household: UUID
    version: int
    what: str
    category: str
    detail: str
    region: str
    day: date
    homes: int
    heads: int
    fen: int


@dataclass(slots=True)
class StandingRow:
    """What the next count of a household needs, as text."""

    lane: int
    household: UUID
    state: str


class Count(NamedTuple):
    """One act as it is counted; `category` None is that of its case."""

    what: str
    category: str | None = ""
    detail: str = ""
    fen: int = 0


COUNTED: Final[Mapping[type[Event], Callable[[Any], Count]]] = {
    NeedFound: lambda e: Count("need-found", "", e.source),
    AlertRaised: lambda e: Count("alert-raised", e.level, e.code),
    AlertVerified: lambda e: Count("alert-verified", "", "need" if e.need else "no-need"),
    AlertFedBack: lambda e: Count("alert-answered", "", e.outcome),
    Applied: lambda e: Count("applied", e.category, e.channel),
    TransferStarted: lambda e: Count("transfer-started", e.to),
    ApplicationAccepted: lambda e: Count("accepted", None),
    DibaoConfirmed: lambda e: Count("confirmed", Category.DIBAO, fen=e.fen),
    MarginalConfirmed: lambda e: Count("confirmed", Category.MARGINAL),
    ApplicationRefused: lambda e: Count("refused", None, e.ground),
    ApplicationNotAccepted: lambda e: Count("not-accepted", e.category, e.ground),
    ApplicationWithdrawn: lambda e: Count("withdrawn", None),
    ProcedureEnded: lambda e: Count("ended", None, e.cause),
    ReportObjected: lambda e: Count("objected", None, "report"),
    NoticeObjected: lambda e: Count("objected", None, "notice"),
    FileReturned: lambda e: Count("file-returned", None),
    LimitExtended: lambda e: Count("extended", None, e.reason),
    ComplaintReceived: lambda e: Count("complaint", "", e.about),
    IrregularRecorded: lambda e: Count("irregular", "", e.act),
    GraceGranted: lambda e: Count("grace-granted", Category.DIBAO, e.cause),
    BenefitAdjusted: lambda e: Count("adjusted", Category.DIBAO, e.direction, e.fen),
    BenefitTerminated: lambda e: Count("terminated", Category.DIBAO, e.ground),
    TemporaryAidGranted: lambda e: Count("aid-granted", "TEMPORARY", e.type, e.fen),
    PaymentOrdered: lambda e: Count("money-ordered", e.kind, fen=e.fen),
    PaymentSettled: lambda e: Count("money-settled", e.kind, fen=e.fen),
    PaymentReturned: lambda e: Count("money-returned", e.kind, e.cause, e.fen),
    DeadlineMissed: lambda e: Count("overdue", "", e.what),
}
"""How each act is counted: under which word, for which category, in what detail, with how much money."""

_OPENS_CASE: Final = frozenset({Applied, TransferStarted})
_ENDS_CASE: Final = frozenset(
    {
        DibaoConfirmed,
        IrregularlyConfirmed,
        MarginalConfirmed,
        ApplicationRefused,
        ApplicationNotAccepted,
        ApplicationWithdrawn,
        ProcedureEnded,
    }
)
_OF_CASE: Final = frozenset(
    {
        ApplicationAccepted,
        ApplicationRefused,
        ApplicationWithdrawn,
        ProcedureEnded,
        ReportObjected,
        NoticeObjected,
        FileReturned,
        LimitExtended,
    }
)
_NO_CASES: Final[Mapping[UUID, str]] = MappingProxyType({})
_STANDS: Final = CHANGING | _OPENS_CASE | _OF_CASE | _ENDS_CASE

TALLY = Table("tally", TallyRow, key=("household", "version", "n"), log=True)
STANDING = Table("standing", StandingRow, key=("household",), reads=of_household(_STANDS))


class Statistics(Projection):
    """A tally of every act that is counted, and of every change in who is in a category."""

    name = "statistics"
    version = 1
    wants = frozenset(COUNTED) | _STANDS
    tables = (TALLY, STANDING)

    def __init__(self) -> None:
        self.tallies = Rows(TALLY)
        self.standings = Rows(STANDING)

    def begin(self, lane: int, household: UUID) -> None:
        self._row = self.standings.get(household)
        # read when first asked for, and written down after the household's last fact
        self._standing: Standing | None = None
        self._place = (lane, household)

    def end(self) -> None:
        if self._standing is None:
            return
        state = text_of(self._standing)
        if self._row is None:
            self.standings.put(StandingRow(*self._place, state))
        else:
            self._row.state = state

    def on(self, fact: Fact) -> None:
        event, kind = fact.event, fact.kind
        n, cases = 0, _NO_CASES
        if kind in _STANDS:
            standing = self._standing
            if standing is None:
                standing = standing_of(self._row.state) if self._row is not None else Standing()
            cases = standing.cases
            after = self._standing = _with_case(follow(standing, event), event)
            for day, region, category, homes, heads in changes(standing, after):
                self._put(fact, n, IN_CATEGORY, category, "", region, day, homes, heads, 0)
                n += 1
        counted = COUNTED.get(kind)
        if counted is not None:
            what, category_of, detail, fen = counted(event)
            if category_of is None:
                category_of = cases.get(event.case, "")  # type: ignore[attr-defined]
            region = fact.meta.region or ""
            self._put(fact, n, what, category_of, detail, region, event.on, 1, 0, fen)

    def _put(
        self, fact: Fact, n: int, what: str, category: str, detail: str,
        region: str, day: date, homes: int, heads: int, fen: int,
    ) -> None:  # fmt: skip
        # the columns of `TallyRow`
        self.tallies.log.append(
            (
                fact.lane, fact.position, n, fact.household, fact.version,
                what, category, detail, region, day, homes, heads, fen,
            )
        )  # fmt: skip


def _with_case(standing: Standing, event: Event) -> Standing:
    match event:
        case Applied():
            cases = {**standing.cases, event.case: str(event.category)}
        case TransferStarted():
            cases = {**standing.cases, event.case: str(event.to)}
        case _ if type(event) in _ENDS_CASE:
            ended: UUID | None = event.case  # type: ignore[attr-defined]
            cases = {case: category for case, category in standing.cases.items() if case != ended}
        case _:
            return standing
    return Standing(standing.lives, standing.members, standing.spells, cases)
