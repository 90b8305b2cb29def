"""What the gateway does by itself: desired state, orders, doors."""
