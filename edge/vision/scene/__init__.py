"""A camera's scene: motion, then objects where it moves, then who they are, then what the rules make of it."""

from domain.scenes.rules.rule import SceneMistake
from edge.vision.scene.make import Shared, make

__all__ = ["SceneMistake", "Shared", "make"]
