"""A city's gateways in one process: what they send, how they fail, and what the centre should hold afterwards."""
