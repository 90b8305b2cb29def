"""The directory of cells: which cell serves a complex. It may be away: who asks keeps the last answer."""
