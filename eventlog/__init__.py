"""The append-only log, and readers with cursors: one idea at both ends."""
