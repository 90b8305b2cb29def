"""Tariffs: the fee of a stay as a pure function of its plan, its times and the plate's earlier stays."""

from domain.tariff.charges import NoPrice
from domain.tariff.document import BadTariff, Tariff, read_tariff
from domain.tariff.fee import BadStay, Line, Quote, fee, fees
from domain.tariff.lot import LotTariff
from domain.tariff.plan import Plan

__all__ = [
    "BadStay",
    "BadTariff",
    "Line",
    "LotTariff",
    "NoPrice",
    "Plan",
    "Quote",
    "Tariff",
    "fee",
    "fees",
    "read_tariff",
]
