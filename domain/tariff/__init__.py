"""Tariffs: the fee of a stay as a pure function of its plan, its times and the plate's earlier stays."""

from domain.tariff.charges import NoPrice
from domain.tariff.coupons import Coupon, counting
from domain.tariff.discounts import Discount, discounted
from domain.tariff.document import BadTariff, Dated, Tariff, document_of, read_tariff
from domain.tariff.fee import BadStay, Line, Quote, fee, fees, that_count
from domain.tariff.lot import LotTariff, lot_of, tariff_of
from domain.tariff.nested import Within, fee_within
from domain.tariff.plan import Plan

__all__ = [
    "BadStay",
    "BadTariff",
    "Coupon",
    "Dated",
    "Discount",
    "Line",
    "LotTariff",
    "NoPrice",
    "Plan",
    "Quote",
    "Tariff",
    "Within",
    "counting",
    "discounted",
    "document_of",
    "fee",
    "fee_within",
    "fees",
    "lot_of",
    "read_tariff",
    "tariff_of",
    "that_count",
]
