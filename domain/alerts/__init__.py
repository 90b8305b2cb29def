"""Alerts: which events are one, which of them are one matter, and which of those may ring."""
