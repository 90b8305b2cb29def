"""Cameras by ONVIF."""
