"""Builders of vendors' bytes, written from the vendors' documents and not from our drivers."""
