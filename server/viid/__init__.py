"""Our own view library (GA/T 1400): who may call it, what it takes, what it tells, and to whom it reports."""
