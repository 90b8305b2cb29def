"""Care: whether a household that asked for it has moved a door within its hours. No I/O, no clock."""
