"""A picture's pixels as it is meant to be seen: upright, in RGB, whatever its file holds."""

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageOps

from regraft.pictures.decoding import format_of, jpeg_header, opened

# H, W: height and width of a picture in pixels
Pixels = NDArray[np.uint8]
ORIENTATION_TAG = 0x0112
FIRST_TURNED_ORIENTATION = 5
"""EXIF orientations from this on, up to 8, swap height and width."""
EXIF_WITHIN_BYTES = 65_536
"""An EXIF block begins within so many bytes of a JPEG."""


def rgb(data: bytes, min_side: int = 0) -> Pixels:
    """Return the picture as it is meant to be seen, (H, W, 3) uint8 RGB.

    EXIF orientation is applied; CMYK, grey, palette, alpha (over white) and 16-bit become RGB. With `min_side` a JPEG
    may be decoded at a smaller scale whose shorter side is still at least that. Raises ValueError where the bytes do
    not decode.
    """
    try:
        picture_format = format_of(data)
        if picture_format == "JPEG" and not jpeg_header(data).is_cmyk:
            pixels = simplejpeg.decode_jpeg(
                data, "RGB", min_height=min_side, min_width=min_side, min_factor=1, strict=False
            )
            return upright(pixels, jpeg_orientation(data))
        return np.asarray(as_rgb(ImageOps.exif_transpose(opened(data, picture_format))), dtype=np.uint8)
    except Exception as error:
        raise ValueError(f"the picture does not decode: {error}") from error


def as_rgb(image: Image.Image) -> Image.Image:
    """Return an image in mode RGB: 16-bit values become 8-bit, what is transparent becomes white."""
    if image.mode.startswith("I;16") or image.mode == "I":
        deep = np.asarray(image).astype(np.uint32)
        return Image.fromarray((deep >> 8).clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        with_alpha = image.convert("RGBA")
        white = Image.new("RGBA", with_alpha.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, with_alpha).convert("RGB")
    return image.convert("RGB")


def jpeg_orientation(data: bytes) -> int:
    """Return the EXIF orientation of a JPEG, 1 to 8; 1, upright, where there is none that can be read."""
    if data.find(b"Exif\0\0", 0, EXIF_WITHIN_BYTES) < 0:
        return 1
    try:
        return orientation_of(opened(data, "JPEG"))
    except Exception:  # a broken EXIF block is no reason to lose a picture
        return 1


def orientation_of(image: Image.Image) -> int:
    """Return the EXIF orientation of an opened image, 1 to 8; 1, upright, where it has none that makes sense."""
    orientation = image.getexif().get(ORIENTATION_TAG, 1)
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Return (H, W, C) pixels with an EXIF orientation undone.

    https://www.cipa.jp/std/documents/e/DC-008-2012_E.pdf, tag 0x0112
    """
    if orientation >= FIRST_TURNED_ORIENTATION:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
