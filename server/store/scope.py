"""Whose rows a person may see, said in SQL: a page never filters what it should not have read."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Column, ColumnElement, true


def within(column: Column[Any], complexes: Collection[str]) -> ColumnElement[bool]:
    """Rows of these complexes; of every complex where the collection is empty (as an account keeps it)."""
    return column.in_(complexes) if complexes else true()
