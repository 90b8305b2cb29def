"""Plates: from the pixels of a picture to what stands on them."""

import os

# OpenCV reads it once, when it is loaded: a small file of a giant picture would fill the memory.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", "64000000")
