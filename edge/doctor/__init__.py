"""What an installer would look at, one small check a module: each says what it found, why, and what to do next."""
