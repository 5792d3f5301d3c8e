"""What some bytes really are: a picture, or why not. Judged by their first bytes and a full decode, never by a name.

JPEGs, nearly all of what lists hold, are decoded by libjpeg-turbo at the smallest scale that is still enough to judge
by: every coefficient is read, so a truncated file is noticed, while the costly last steps run on an eighth of the size.
"""

from dataclasses import dataclass

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageOps

from regraft.pictures.colours import (
    FIRST_TURNED_ORIENTATION,
    Pixels,
    as_rgb,
    jpeg_orientation,
    orientation_of,
    upright,
)
from regraft.pictures.decoding import PictureFormat, format_of, jpeg_header, opened
from regraft.pictures.perceptual import HASH_SIDE, perceptual_hash
from regraft.verdicts import Reason

MIN_GREY_STD = 1.5
"""A picture whose grey values, 0 to 255, deviate by less than this shows nothing."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a picture must keep to."""

    min_side: int = 32
    """Pixels of the shorter side at least."""
    max_pixels: int = 50_000_000
    """Width times height at most."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Bytes that decode to one still picture."""

    width: int
    """Pixels, after EXIF orientation."""
    height: int
    """Pixels, after EXIF orientation."""
    phash: str
    """Perceptual hash: 64 bits as 16 hex digits."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """Bytes that are no picture to learn from, and why."""

    reason: Reason
    """What the link's reason becomes."""
    detail: str
    """The same in a few words, for people."""


def judge(data: bytes, limits: Limits) -> Picture | Unfit:
    """Return what the bytes are, after a full decode. Never raises, whatever the bytes."""
    try:
        return _judge(data, limits)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        return Unfit(Reason.TOO_MANY_PIXELS, str(error))  # Pillow's own limit, where the program has not lifted it
    except _EndedEarly as error:
        return Unfit(Reason.TRUNCATED, str(error))
    except Exception as error:  # decoders raise anything: SyntaxError, struct.error, MemoryError ...
        return Unfit(Reason.TRUNCATED, f"does not decode: {type(error).__name__}: {error}"[:200])


class _EndedEarly(Exception):
    """The decoder came to the end of the bytes before the end of the picture."""


def _judge(data: bytes, limits: Limits) -> Picture | Unfit:
    picture_format = format_of(data)
    if picture_format is None:
        return Unfit(Reason.NOT_AN_IMAGE, f"begins with {data[:12]!r}" if data else "empty")
    size = _size(data, picture_format, limits)
    if isinstance(size, Unfit):
        return size
    width, height = size
    if min(width, height) < limits.min_side:
        return Unfit(Reason.TOO_SMALL, f"{width} x {height}, the shorter side must have {limits.min_side}")
    grey, orientation = _grey(data, picture_format)
    small = _resized(grey, HASH_SIDE)
    if float(small.std()) < MIN_GREY_STD:
        return Unfit(Reason.PLACEHOLDER, "one colour, shows nothing")
    if orientation >= FIRST_TURNED_ORIENTATION:
        width, height = height, width
    return Picture(width, height, perceptual_hash(small))


def _size(data: bytes, picture_format: PictureFormat, limits: Limits) -> tuple[int, int] | Unfit:
    """Width and height from the header, before anything is decoded; Unfit where that is enough to know."""
    image = None if picture_format == "JPEG" else opened(data, picture_format)
    width, height = image.size if image else jpeg_header(data)[:2]
    if width * height > limits.max_pixels:
        return Unfit(Reason.TOO_MANY_PIXELS, f"{width} x {height}, {limits.max_pixels} pixels are allowed")
    if picture_format in ("GIF", "WEBP", "PNG") and getattr(image, "n_frames", 1) > 1:
        return Unfit(Reason.ANIMATED, "more than one frame")
    return width, height


def _grey(data: bytes, picture_format: PictureFormat) -> tuple[NDArray[np.uint8], int]:
    """The whole picture decoded to grey, upright, at any scale of at least HASH_SIDE; and its EXIF orientation."""
    if picture_format == "JPEG" and not jpeg_header(data).is_cmyk:
        orientation = jpeg_orientation(data)
        return upright(_grey_jpeg(data), orientation)[:, :, 0], orientation
    image = opened(data, picture_format)
    image.load()
    orientation = orientation_of(image)
    grey = as_rgb(ImageOps.exif_transpose(image)).convert("L")
    return np.asarray(grey, dtype=np.uint8), orientation


def _grey_jpeg(data: bytes) -> Pixels:
    """A JPEG in grey, (H, W, 1), as it lies in its file. Raises _EndedEarly, and ValueError where it is damaged."""
    try:
        return simplejpeg.decode_jpeg(data, "GRAY", min_height=HASH_SIDE, min_width=HASH_SIDE, strict=True)
    except ValueError as error:
        if "remature end" in str(error):
            raise _EndedEarly(str(error)) from error
        # Real photographs carry harmless oddities that strict refuses; decode again, mildly.
        return simplejpeg.decode_jpeg(data, "GRAY", min_height=HASH_SIDE, min_width=HASH_SIDE, strict=False)


def _resized(grey: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    """A grey picture, (H, W), as a (side, side) one."""
    height, width = grey.shape
    whole = Image.frombuffer("L", (width, height), grey.tobytes(), "raw", "L", 0, 1)
    return np.asarray(whole.resize((side, side), Image.Resampling.BOX), dtype=np.float32)
