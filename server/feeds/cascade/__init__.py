"""The hand-over to view libraries above ours: what they subscribed to, and hits of what they look for."""
