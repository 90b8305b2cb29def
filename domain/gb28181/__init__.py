"""GB/T 28181 without media: codes, bodies and alarms. No network, no clock."""
