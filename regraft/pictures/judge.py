"""What some bytes really are: a picture, or why not. Judged by magic bytes and a full decode, never by a name.

JPEGs, nearly all of what lists hold, are decoded by libjpeg-turbo at the smallest scale that is still judged by:
every coefficient is read, so a truncated file is found, while the costly last steps run on an eighth of the size.
"""

import io
import re
from dataclasses import dataclass

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageOps

from regraft.verdicts import Reason

# H, W: height and width of a picture in pixels
Pixels = NDArray[np.uint8]

MAGIC = {
    "JPEG": re.compile(rb"\xff\xd8\xff"),
    "PNG": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "GIF": re.compile(rb"GIF8[79]a"),
    "WEBP": re.compile(rb"RIFF....WEBP", re.DOTALL),
    "BMP": re.compile(rb"BM.{4}\0\0\0\0", re.DOTALL),
    "TIFF": re.compile(rb"II\*\0|MM\0\*"),
}
SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff")
"""How files with pictures are named; only for finding them in a folder, never for judging them."""
HASH_SIDE = 32
FLAT = 1.5
"""A picture whose grey values deviate by less than this (of 255) shows nothing."""
ORIENTATION = 0x0112


@dataclass(frozen=True, slots=True)
class Limits:
    """What a picture must keep to."""

    min_side: int = 32
    max_pixels: int = 50_000_000


@dataclass(frozen=True, slots=True)
class Picture:
    """Bytes that decode to one still picture."""

    width: int
    """Pixels, after EXIF orientation."""
    height: int
    phash: str
    """Perceptual hash: 64 bits as 16 hex digits."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why bytes are no picture to learn from."""

    reason: Reason
    detail: str


def judge(data: bytes, limits: Limits) -> Picture | Unfit:
    """Return what the bytes are, after a full decode. Never raises, whatever the bytes."""
    try:
        kind = kind_of(data)
        if kind is None:
            return Unfit(Reason.NOT_AN_IMAGE, f"begins with {data[:12]!r}" if data else "empty")
        found = _measure(data, kind, limits)
        if isinstance(found, Unfit):
            return found
        width, height = found
        if min(width, height) < limits.min_side:
            return Unfit(Reason.TOO_SMALL, f"{width} x {height}, at least {limits.min_side} wanted")
        grey, turned = _grey(data, kind)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        return Unfit(Reason.TOO_MANY_PIXELS, str(error))  # Pillow's own limit, where a program has not lifted it
    except _Truncated as error:
        return Unfit(Reason.TRUNCATED, str(error))
    except Exception as error:  # decoders raise anything: SyntaxError, struct.error, MemoryError ...
        return Unfit(Reason.TRUNCATED, f"does not decode: {type(error).__name__}: {error}"[:200])
    small = _resized(grey, HASH_SIDE)
    if float(small.std()) < FLAT:
        return Unfit(Reason.PLACEHOLDER, "one colour, shows nothing")
    return Picture(height if turned else width, width if turned else height, perceptual_hash(small))


def kind_of(data: bytes) -> str | None:
    """Return the format that the first bytes tell, or None."""
    return next((kind for kind, magic in MAGIC.items() if magic.match(data)), None)


def rgb(data: bytes, min_side: int = 0) -> Pixels:
    """Return the picture as it is meant to be seen, (H, W, 3) uint8 RGB.

    EXIF orientation is applied; CMYK, grey, palette, alpha (over white) and 16-bit become RGB. With `min_side` a JPEG
    may be decoded at a smaller scale whose shorter side is still at least that. Raises ValueError if it cannot be.
    """
    try:
        if kind_of(data) == "JPEG":
            _, _, colour = _jpeg_header(data)
            if colour not in ("CMYK", "YCCK"):
                pixels = simplejpeg.decode_jpeg(
                    data, "RGB", min_height=min_side, min_width=min_side, min_factor=1, strict=False
                )
                return _upright(pixels, _orientation(data))
        return np.asarray(_as_rgb(ImageOps.exif_transpose(_opened(data, kind_of(data)))), dtype=np.uint8)
    except Exception as error:
        raise ValueError(f"the picture does not decode: {error}") from error


def perceptual_hash(small: NDArray[np.float32]) -> str:
    """Return the 64-bit DCT hash of a (32, 32) grey picture as 16 hex digits.

    The sign of the 8 x 8 lowest frequencies against their median; https://www.phash.org.
    """
    low = (_DCT @ small @ _DCT.T).reshape(-1)
    middle = np.sort(low)[31:33]  # np.median costs ten times as much on so few numbers
    bits = low > (middle[0] + middle[1]) / 2
    return np.packbits(bits).tobytes().hex()


class _Truncated(Exception):
    """The decoder reached the end too early."""


def _measure(data: bytes, kind: str, limits: Limits) -> tuple[int, int] | Unfit:
    """Width and height from the header, before anything is decoded."""
    image = None if kind == "JPEG" else _opened(data, kind)
    width, height = image.size if image else _jpeg_header(data)[:2]
    if width * height > limits.max_pixels:
        return Unfit(Reason.TOO_MANY_PIXELS, f"{width} x {height}, {limits.max_pixels} pixels allowed")
    if kind in ("GIF", "WEBP", "PNG") and getattr(image, "n_frames", 1) > 1:
        return Unfit(Reason.ANIMATED, "more than one frame")
    return width, height


def _grey(data: bytes, kind: str) -> tuple[NDArray[np.uint8], bool]:
    """The whole picture decoded to grey, upright, at any scale of at least HASH_SIDE; and whether it was turned."""
    if kind == "JPEG" and _jpeg_header(data)[2] not in ("CMYK", "YCCK"):
        try:
            grey = simplejpeg.decode_jpeg(data, "GRAY", min_height=HASH_SIDE, min_width=HASH_SIDE, strict=True)
        except ValueError as error:
            if "remature end" in str(error):
                raise _Truncated(str(error)) from error
            # Real photographs carry harmless oddities that strict refuses; decode again, mildly.
            grey = simplejpeg.decode_jpeg(data, "GRAY", min_height=HASH_SIDE, min_width=HASH_SIDE, strict=False)
        orientation = _orientation(data)
        return _upright(grey, orientation)[:, :, 0], orientation >= 5
    image = _opened(data, kind)
    image.load()
    orientation = image.getexif().get(ORIENTATION, 1)
    turned = isinstance(orientation, int) and 5 <= orientation <= 8
    upright = _as_rgb(ImageOps.exif_transpose(image)).convert("L")
    return np.asarray(upright, dtype=np.uint8), turned


def _jpeg_header(data: bytes) -> tuple[int, int, str]:
    height, width, colour, _ = simplejpeg.decode_jpeg_header(data, strict=False)
    return width, height, colour


def _opened(data: bytes, kind: str | None) -> Image.Image:
    """A picture opened by the one decoder that its magic bytes name; nothing is decoded yet."""
    return Image.open(io.BytesIO(data), formats=[kind] if kind else [])


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode == "I":
        deep = np.asarray(image).astype(np.uint32)
        return Image.fromarray((deep >> 8).clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        over = image.convert("RGBA")
        white = Image.new("RGBA", over.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, over).convert("RGB")
    return image.convert("RGB")


def _orientation(data: bytes) -> int:
    """EXIF orientation 1 to 8 of a JPEG; read only where an EXIF block is there."""
    if data.find(b"Exif\0\0", 0, 65_536) < 0:
        return 1
    try:
        told = Image.open(io.BytesIO(data), formats=["JPEG"]).getexif().get(ORIENTATION, 1)
    except Exception:  # a broken EXIF block is no reason to lose a picture
        return 1
    return told if isinstance(told, int) and 1 <= told <= 8 else 1


def _upright(pixels: Pixels, orientation: int) -> Pixels:
    """Undo an EXIF orientation; https://www.cipa.jp/std/documents/e/DC-008-2012_E.pdf, tag 0x0112."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _resized(grey: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    height, width = grey.shape
    whole = Image.frombuffer("L", (width, height), grey.tobytes(), "raw", "L", 0, 1)
    return np.asarray(whole.resize((side, side), Image.Resampling.BOX), dtype=np.float32)


def _dct_matrix(rows: int, n: int) -> NDArray[np.float32]:
    k, x = np.arange(rows)[:, None], np.arange(n)[None, :]
    return (np.cos(np.pi * k * (2 * x + 1) / (2 * n)) * np.sqrt(2 / n)).astype(np.float32)


_DCT = _dct_matrix(8, HASH_SIDE)
