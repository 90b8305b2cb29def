"""Our own view library, called by clients that are none of ours."""
