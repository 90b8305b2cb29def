"""Drawn camera pictures: a car at a gate, a person in a yard at night, a person forcing a door, a plate close up.

They stand where a real camera's JPEG would, with its name and time burnt in; nobody is shown in them.
"""

from simulators.pictures.canvas import MAX_JPEG_BYTES, FontMissing
from simulators.pictures.door import door_scene
from simulators.pictures.gate import gate_scene
from simulators.pictures.plate import plate_close_up
from simulators.pictures.yard import yard_scene

__all__ = ["MAX_JPEG_BYTES", "FontMissing", "door_scene", "gate_scene", "plate_close_up", "yard_scene"]
