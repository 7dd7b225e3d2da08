"""All projections there are (读模型登记): what the worker keeps and the API reads."""

from __future__ import annotations

from projections.card import Cards
from projections.chain import Chain
from projections.dues import Dues
from projections.engine.projection import Projection
from projections.payments import Payments

ALL: tuple[type[Projection], ...] = (Chain, Cards, Payments, Dues)
