"""Seconds before and after an event, as the camera itself encoded them."""
