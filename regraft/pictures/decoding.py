"""The format of a picture, by its first bytes and never by a name; and the one decoder that may read it."""

import io
import re
from typing import Literal, NamedTuple

import simplejpeg
from PIL import Image

PictureFormat = Literal["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"]
MAGIC: dict[PictureFormat, re.Pattern[bytes]] = {
    "JPEG": re.compile(rb"\xff\xd8\xff"),
    "PNG": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "GIF": re.compile(rb"GIF8[79]a"),
    "WEBP": re.compile(rb"RIFF....WEBP", re.DOTALL),
    "BMP": re.compile(rb"BM.{4}\0\0\0\0", re.DOTALL),
    "TIFF": re.compile(rb"II\*\0|MM\0\*"),
}
"""How the bytes of each format begin."""
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff")
"""How files with pictures are named: only for finding them in a folder, never for judging them."""


class JpegHeader(NamedTuple):
    """What a JPEG's header says."""

    width: int
    """Pixels, before EXIF orientation."""
    height: int
    """Pixels, before EXIF orientation."""
    is_cmyk: bool
    """Whether it is made for print: CMYK or YCCK, which Pillow decodes and simplejpeg does not."""


def format_of(data: bytes) -> PictureFormat | None:
    """Return the format that the first bytes show, or None where they are no picture's."""
    return next((name for name, magic in MAGIC.items() if magic.match(data)), None)


def jpeg_header(data: bytes) -> JpegHeader:
    """Return what a JPEG's header says; its pixels are not decoded. Raises ValueError where it is damaged."""
    height, width, colours, _ = simplejpeg.decode_jpeg_header(data, strict=False)
    return JpegHeader(width, height, colours in ("CMYK", "YCCK"))


def opened(data: bytes, picture_format: PictureFormat | None) -> Image.Image:
    """Return a picture opened by its format's decoder alone; its pixels are not decoded. Raises what Pillow raises."""
    return Image.open(io.BytesIO(data), formats=[picture_format] if picture_format else [])
