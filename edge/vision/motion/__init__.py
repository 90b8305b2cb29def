"""Where a picture moves, cheaply: at a hundred lines of brightness, against a running average."""

from domain.scenes.looking import MotionSettings
from edge.vision.motion.motion import Motion, Moves

__all__ = ["Motion", "MotionSettings", "Moves"]
