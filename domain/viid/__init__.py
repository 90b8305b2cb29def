"""GA/T 1400 (视图库) as both sides speak it: ids, times, statuses, objects and their tables. No I/O, no clock."""
