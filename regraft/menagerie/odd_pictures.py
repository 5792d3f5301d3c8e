"""Pictures that nobody wants to learn from: placeholders, an animation, a decompression bomb."""

import struct
import zlib
from functools import lru_cache

from PIL import Image, ImageDraw

from regraft.menagerie import drawing

PAPER = (236, 236, 236)
LINE = (190, 190, 190)


@lru_cache(1)
def unavailable_png() -> bytes:
    """Return the picture that hosts show in place of a photo that is gone."""
    return drawing.encoded(_unavailable(), "PNG")


@lru_cache(1)
def hotlink_jpeg() -> bytes:
    """Return the picture that a host shows to those who come from elsewhere."""
    return drawing.encoded(_unavailable().crop((100, 20, 400, 250)), "JPEG")


@lru_cache(1)
def animated_gif() -> bytes:
    """Return a GIF of three frames."""
    frames = [drawing.drawing("cat", f"frame {i}").resize((120, 100)) for i in range(3)]
    return drawing.encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])


@lru_cache(1)
def pixel_gif() -> bytes:
    """Return a picture of one pixel."""
    return drawing.encoded(Image.new("RGB", (1, 1)), "GIF")


@lru_cache(1)
def tiger_jpeg() -> bytes:
    """Return a good picture, for servers that serve only a part of it, or too much."""
    return drawing.jpeg("tiger", "half")


def bomb_png(side: int = 60_000) -> bytes:
    """Return a small PNG whose header claims that many pixels a side."""
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * 65 * 64, 9)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _chunk(tag: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))


def _unavailable() -> Image.Image:
    picture = Image.new("RGB", (500, 374), PAPER)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((40, 40, 460, 334), outline=LINE, width=4)
    draw.line((40, 334, 200, 170, 280, 250, 340, 190, 460, 334), fill=LINE, width=6)
    draw.text((150, 60), "This photo is no longer available", fill=(120, 120, 120))
    return picture
