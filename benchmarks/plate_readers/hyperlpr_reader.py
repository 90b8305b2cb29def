"""The parts of hyperlpr 0.0.2: its detector at 640, its corners, its reader without a grammar.

As it is packaged it does not run: it calls np.int and cv2.estimateRigidTransform, which numpy 1.24 and
OpenCV 4 dropped, and its detector tells the first box only. Here corners are found once, and the plate is cut by them.
"""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import one_by_one

with mock.patch("builtins.print"):
    from hyperlpr.hyperlpr import LPR
import hyperlpr

_SIDE, _LEAST, _MOST_PLATES = 640, 0.5, 4
_MEAN, _SPREAD = np.array([0.406, 0.456, 0.485]), np.array([0.225, 0.224, 0.229])  # blue, green, red
lpr = LPR(str(Path(hyperlpr.__file__).parent / "models"))


def boxes(picture):
    height, width = picture.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    small = cv2.resize(picture, None, fx=scale, fy=scale)
    lpr.ssd_detection.setInput(((small / 255.0 - _MEAN) / _SPREAD).transpose(2, 0, 1)[None].astype(np.float32))
    found = [one for one in lpr.ssd_detection.forward()[0, 0] if one[2] > _LEAST]
    return [(one[3:7].clip(0, 1) * [width, height, width, height]).astype(int) for one in found[:_MOST_PLATES]]


def cut(picture, box):
    crop = lpr.loose_crop(picture, box, 120 / 48)
    small = cv2.resize(crop, (120, 48))
    lpr.refine_net.setInput(cv2.dnn.blobFromImage(small, 0.0078125, (120, 48), (127.5, 127.5, 127.5)))
    corners = lpr.refine_net.forward("conv6-3").reshape(4, 2) * crop.shape[1::-1]
    return lpr.affine_crop(crop, corners)


def read(picture):
    wide = [box for box in boxes(picture) if box[2] > box[0] and box[3] > box[1]]
    return [lpr.segmentation_free_recognition(cut(picture, box))[0] for box in wide]


one_by_one.run(read)
