"""Reconciliation: passages, charges and money held against each other, every fen matched or listed by its cause."""

from domain.reconciliation.bank import BankColumns
from domain.reconciliation.books import Books, read_books
from domain.reconciliation.carry import BadCarry, opened_before
from domain.reconciliation.items import CLOSED, Item
from domain.reconciliation.read import read_file
from domain.reconciliation.reconcile import Result, reconcile
from domain.reconciliation.refusal import BadBill
from domain.reconciliation.report import items_of, report
from domain.reconciliation.sheds import ShedColumns

__all__ = [
    "CLOSED",
    "BadBill",
    "BadCarry",
    "BankColumns",
    "Books",
    "Item",
    "Result",
    "ShedColumns",
    "items_of",
    "opened_before",
    "read_books",
    "read_file",
    "reconcile",
    "report",
]
