"""What some bytes really are: a picture, or why not. Judged by their first bytes and a full decode, never by a name.

JPEGs, nearly all of what lists hold, are decoded by libjpeg-turbo at the smallest scale that is still enough to judge
by: every coefficient is read, so a truncated file is noticed, while the costly last steps run on an eighth of the size.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from regraft.pictures.decoding import Damaged, format_of, is_out_of_memory
from regraft.pictures.limits import Limits
from regraft.pictures.perceptual import HASH_SIDE, perceptual_hash
from regraft.pictures.picture_file import open_picture
from regraft.pictures.pixels import FIRST_TURNED_ORIENTATION, Pixels, upright
from regraft.pictures.work import TooMuchWork
from regraft.verdicts import Reason

DECODED_SIDE = 120
"""Pixels of the shorter side from which the perceptual hash depends on the picture and hardly on its scale: hashed at
32 pixels, a JPEG and the same picture as PNG differ in more than 2 bits in three of ten cases. It is a quarter of 480
and an eighth of 960, the shorter sides of many pictures: libjpeg-turbo decodes at such scales fastest."""
MAX_DETAIL_CHARACTERS = 200
MIN_GREY_STD = 1.5
"""A picture whose grey values, 0 to 255, deviate by less than this shows nothing."""


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
    width: int = 0
    """Pixels, where its size is what is unfit."""
    height: int = 0
    """Pixels, where its size is what is unfit."""


def judge(data: bytes, limits: Limits) -> Picture | Unfit:
    """Return what the bytes are, after a full decode. Never raises, whatever the bytes."""
    try:
        return _judge(data, limits)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        return Unfit(Reason.TOO_MANY_PIXELS, str(error))  # Pillow's own limit, where the program has not lifted it
    except TooMuchWork as error:
        return Unfit(Reason.TOO_MANY_PIXELS, f"too much work to decode: {error}")
    except Damaged as error:
        return Unfit(Reason.TRUNCATED, str(error)[:MAX_DETAIL_CHARACTERS])
    except Exception as error:  # decoders raise anything: SyntaxError, struct.error ...
        if is_out_of_memory(error):
            return Unfit(Reason.TOO_MANY_PIXELS, "takes more memory to decode than this process may have")
        return Unfit(Reason.TRUNCATED, f"does not decode: {type(error).__name__}: {error}"[:MAX_DETAIL_CHARACTERS])


def _judge(data: bytes, limits: Limits) -> Picture | Unfit:
    picture_format = format_of(data)
    if picture_format is None:
        return Unfit(Reason.NOT_AN_IMAGE, f"begins with {data[:12].decode('latin-1')!r}" if data else "empty")
    picture = open_picture(data, picture_format)
    width, height = picture.width, picture.height
    if width * height > limits.max_pixels:
        detail = f"{width:,} x {height:,}, {limits.max_pixels:,} pixels are allowed"
        return Unfit(Reason.TOO_MANY_PIXELS, detail, width, height)
    if picture.is_animated:
        return Unfit(Reason.ANIMATED, "more than one frame")
    if min(width, height) < limits.min_side:
        detail = f"{width} x {height}, the shorter side must have {limits.min_side}"
        return Unfit(Reason.TOO_SMALL, detail, width, height)
    small = _resized(upright(picture.grey(DECODED_SIDE), picture.orientation), HASH_SIDE)
    if _variance(small) < MIN_GREY_STD**2:
        return Unfit(Reason.PLACEHOLDER, "one colour, shows nothing")
    if picture.orientation >= FIRST_TURNED_ORIENTATION:
        width, height = height, width
    return Picture(width, height, perceptual_hash(small.astype(np.float32).reshape(HASH_SIDE, HASH_SIDE)))


def _resized(grey: Pixels, side: int) -> NDArray[np.int32]:
    """The values, (side * side,), of a grey picture, (H, W), made smaller or larger to (side, side)."""
    height, width = grey.shape
    whole = Image.frombuffer("L", (width, height), grey, "raw", "L", 0, 1)
    small = whole.resize((side, side), Image.Resampling.BOX).tobytes()  # three times as fast as np.asarray
    return np.frombuffer(small, dtype=np.uint8).astype(np.int32)


def _variance(values: NDArray[np.int32]) -> float:
    """The variance of N whole numbers, (N,); `ndarray.var` takes ten times as long for so few."""
    count = len(values)
    return (count * int(values @ values) - int(np.add.reduce(values)) ** 2) / count**2
