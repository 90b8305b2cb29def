"""What a door goes by: who may, when, and what it remembers; pure, and decided at the gateway."""
