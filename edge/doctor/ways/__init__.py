"""How a listed device is tested, a module a transport, by its name; ``mqtt`` for those at the broker: found by name."""
