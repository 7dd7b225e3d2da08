"""All projections there are (读模型登记): what the worker keeps and the API reads."""

from __future__ import annotations

from projections.benefit_statement import BenefitStatements
from projections.card import Cards
from projections.chain import Chain
from projections.citizen_status import CitizenStatuses
from projections.dues import Dues
from projections.durations import Durations
from projections.engine.projection import Projection
from projections.payments import Payments
from projections.statistics import Statistics
from projections.work_list import WorkList

ALL: tuple[type[Projection], ...] = (
    Chain,
    Cards,
    Payments,
    Dues,
    WorkList,
    BenefitStatements,
    CitizenStatuses,
    Durations,
    Statistics,
)
