"""Stand-ins for what surrounds Gatehouse: broker, devices, a whole complex, a bad uplink, a receiver of webhooks."""
