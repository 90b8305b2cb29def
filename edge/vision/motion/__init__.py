"""Where a picture moves, cheaply: at a hundred lines of brightness, against a running average."""

from edge.vision.motion.motion import Motion, Moves
from edge.vision.motion.settings import MotionSettings

__all__ = ["Motion", "MotionSettings", "Moves"]
