"""The centre's tables, and the statements on them by noun."""
