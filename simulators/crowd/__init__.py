"""Devices of every family at once, each over its own transport, saying facts of which each can be found again."""
