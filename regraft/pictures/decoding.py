"""What is known of any decoder: which format is whose, by first bytes and never by a name, and how decoding fails."""

import re
from typing import Literal

PictureFormat = Literal["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"]
MAGIC: dict[PictureFormat, re.Pattern[bytes]] = {
    "JPEG": re.compile(rb"\xff\xd8\xff"),
    "PNG": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "GIF": re.compile(rb"GIF8[79]a"),
    "WEBP": re.compile(rb"RIFF....WEBP", re.DOTALL),
    "BMP": re.compile(rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL),
    "TIFF": re.compile(rb"II[*+]\0|MM\0[*+]"),  # with a plus it may be larger than 4 GB
    "AVIF": re.compile(rb".{4}ftyp(avi[fs]|(mif1|msf1).{4}(.{4}){0,15}?avi[fs])", re.DOTALL),
}
"""How the bytes of each format begin."""
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".avif")
"""How files with pictures are named: only for finding them in a folder, never for judging them."""


class Damaged(ValueError):
    """A picture's bytes end early, or are not what their format asks for."""


def format_of(data: bytes) -> PictureFormat | None:
    """Return the format that the first bytes show, or None where they are no picture's."""
    return next((name for name, magic in MAGIC.items() if magic.match(data)), None)


def is_out_of_memory(error: Exception) -> bool:
    """Return whether a decoder failed because it got no memory, which says nothing of the picture's bytes."""
    return isinstance(error, MemoryError) or "memory" in str(error).lower()  # so libjpeg-turbo says it
