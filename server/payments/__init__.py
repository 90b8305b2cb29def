"""Payments: providers behind one interface, orders for stays, what providers tell of them, refunds, bills."""
