"""How the gateway is, for whoever asks."""
