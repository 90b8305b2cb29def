"""Care at the centre: movements of households that asked for it, and visits that come of their absence."""
