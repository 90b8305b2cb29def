"""What this gateway tells others on site of its own accord, as an option: Home Assistant, over MQTT."""
