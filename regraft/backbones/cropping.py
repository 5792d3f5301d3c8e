"""How a picture of any size becomes the square that a network sees."""

import numpy as np
from PIL import Image

from regraft.pictures.pixels import Pixels


def centre_crop(pixels: Pixels, side: int) -> Pixels:
    """Return the middle square of a picture, (H, W, 3) uint8, resized to (side, side, 3): bicubic, antialiased."""
    height, width = pixels.shape[:2]
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    square = Image.fromarray(pixels).resize(
        (side, side), Image.Resampling.BICUBIC, box=(left, top, left + edge, top + edge), reducing_gap=3.0
    )
    return np.asarray(square, dtype=np.uint8)
