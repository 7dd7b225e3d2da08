"""Statistics (统计流水): what each event adds to the counts, written down beside the event's position.

A tally is written once and never changed. So the counts at a cut are the tallies up to its positions, then and
for ever, however far the projection has gone on; `projections.merging` adds them up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from domain.aid.payments import PaymentOrdered, PaymentReturned, PaymentSettled
from domain.aid.temporary_aid import TemporaryAidGranted
from domain.change.adjustment import BenefitAdjusted
from domain.change.grace import GraceGranted
from domain.change.termination import BenefitTerminated
from domain.clock.supervision import DeadlineMissed
from domain.correction.irregular import IrregularlyConfirmed, IrregularRecorded
from domain.decision.confirmation import ApplicationRefused, DibaoConfirmed
from domain.decision.extension import LimitExtended
from domain.decision.file_return import FileReturned
from domain.decision.objection import NoticeObjected
from domain.decision.transfer import MarginalConfirmed, TransferStarted
from domain.household.event import Event
from domain.inquiry.complaint import ComplaintReceived
from domain.inquiry.recheck import ReportObjected
from domain.intake.application import ApplicationAccepted, Applied, ProcedureEnded
from domain.intake.application_closure import ApplicationNotAccepted, ApplicationWithdrawn
from domain.intake.proactive_discovery import NeedFound
from domain.values.spells import Category
from domain.watching.alerts import AlertFedBack, AlertRaised, AlertVerified
from projections.caseload import CHANGING, Heads, Standing, standing_of, text_of
from projections.engine.fact import Fact
from projections.engine.projection import Projection
from projections.engine.rows import Rows, Table, of_household

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


Count = tuple[str, str | None, str, int]
"""One act as it is counted: word, category (None is that of its case), detail, money in fen."""


COUNTED: Final[Mapping[type[Event], Callable[[Any], Count]]] = {
    NeedFound: lambda e: ("need-found", "", e.source, 0),
    AlertRaised: lambda e: ("alert-raised", e.level, e.code, 0),
    AlertVerified: lambda e: ("alert-verified", "", "need" if e.need else "no-need", 0),
    AlertFedBack: lambda e: ("alert-answered", "", e.outcome, 0),
    Applied: lambda e: ("applied", e.category, e.channel, 0),
    TransferStarted: lambda e: ("transfer-started", e.to, "", 0),
    ApplicationAccepted: lambda e: ("accepted", None, "", 0),
    DibaoConfirmed: lambda e: ("confirmed", Category.DIBAO, "", e.fen),
    MarginalConfirmed: lambda e: ("confirmed", Category.MARGINAL, "", 0),
    ApplicationRefused: lambda e: ("refused", None, e.ground, 0),
    ApplicationNotAccepted: lambda e: ("not-accepted", e.category, e.ground, 0),
    ApplicationWithdrawn: lambda e: ("withdrawn", None, "", 0),
    ProcedureEnded: lambda e: ("ended", None, e.cause, 0),
    ReportObjected: lambda e: ("objected", None, "report", 0),
    NoticeObjected: lambda e: ("objected", None, "notice", 0),
    FileReturned: lambda e: ("file-returned", None, "", 0),
    LimitExtended: lambda e: ("extended", None, e.reason, 0),
    ComplaintReceived: lambda e: ("complaint", "", e.about, 0),
    IrregularRecorded: lambda e: ("irregular", "", e.act, 0),
    GraceGranted: lambda e: ("grace-granted", Category.DIBAO, e.cause, 0),
    BenefitAdjusted: lambda e: ("adjusted", Category.DIBAO, e.direction, e.fen),
    BenefitTerminated: lambda e: ("terminated", Category.DIBAO, e.ground, 0),
    TemporaryAidGranted: lambda e: ("aid-granted", "TEMPORARY", e.type, e.fen),
    PaymentOrdered: lambda e: ("money-ordered", e.kind, "", e.fen),
    PaymentSettled: lambda e: ("money-settled", e.kind, "", e.fen),
    PaymentReturned: lambda e: ("money-returned", e.kind, e.cause, e.fen),
    DeadlineMissed: lambda e: ("overdue", "", e.what, 0),
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
        self._heads: Heads | None = None
        self._place = (lane, household)

    def end(self) -> None:
        if self._heads is None:
            return
        state = text_of(self._heads.standing(self._cases))
        if self._row is None:
            self.standings.put(STANDING.make(*self._place, state))
        else:
            self._row.state = state

    def on(self, fact: Fact) -> None:
        event, kind = fact.event, fact.kind
        n, ended = 0, ""
        if kind in _STANDS:
            heads = self._heads
            if heads is None:
                standing = standing_of(self._row.state) if self._row is not None else Standing()
                heads = self._heads = Heads(standing)
                self._cases = dict(standing.cases)
            for day, region, category, homes, persons in heads.follow(event):
                self.tallies.log.append(
                    (
                        fact.lane, fact.position, n, fact.household, fact.version,
                        IN_CATEGORY, category, "", region, day, homes, persons, 0,
                    )
                )  # fmt: skip
                n += 1
            if kind is Applied:
                self._cases[event.case] = str(event.category)  # type: ignore[attr-defined]
            elif kind is TransferStarted:
                self._cases[event.case] = str(event.to)  # type: ignore[attr-defined]
            elif kind in _ENDS_CASE:
                ended = self._cases.pop(event.case, "")  # type: ignore[attr-defined]
        counted = COUNTED.get(kind)
        if counted is not None:
            what, category_of, detail, fen = counted(event)
            if category_of is None:
                category_of = ended or self._cases.get(event.case, "")  # type: ignore[attr-defined]
            region = fact.meta.region or ""
            # the columns of `TallyRow`
            self.tallies.log.append(
                (
                    fact.lane, fact.position, n, fact.household, fact.version,
                    what, category_of, detail, region, event.on, 1, 0, fen,
                )
            )  # fmt: skip
