"""Mosquitto's settings: certificates, users, rights."""
