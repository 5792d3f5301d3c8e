"""PNGs of kinds that Pillow does not write."""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE = 0, 2, 3


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(rows: NDArray[np.integer], bits: int, colour_type: int, *others: bytes) -> bytes:
    """A PNG of rows of samples, (H, W) or (H, W, C); `others` are chunks before the pixels."""
    height, width = rows.shape[:2]
    samples = rows.reshape(height, -1)
    if bits == 16:
        lines = samples.astype(">u2").view(np.uint8)
    elif bits == 8:
        lines = samples.astype(np.uint8)
    else:
        each = ((samples[:, :, None] >> np.arange(bits - 1, -1, -1)) & 1).reshape(height, -1)
        lines = np.packbits(each.astype(np.uint8), axis=1)
    filtered = np.concatenate([np.zeros((height, 1), np.uint8), lines], axis=1).tobytes()
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    return b"".join(
        [
            SIGNATURE,
            chunk(b"IHDR", header),
            *others,
            chunk(b"IDAT", zlib.compress(filtered)),
            chunk(b"IEND", b""),
        ]
    )


def after_header(data: bytes, *chunks: bytes) -> bytes:
    """A PNG with chunks behind its IHDR."""
    return data[:33] + b"".join(chunks) + data[33:]


def filtered(rows: NDArray[np.uint8]) -> bytes:
    """Lines of a PNG, each after its filter, which is none."""
    return np.concatenate([np.zeros((len(rows), 1), np.uint8), rows.reshape(len(rows), -1)], axis=1).tobytes()


def packed_png(rows: NDArray[np.uint8], height: int, packed: bytes, is_interlaced: bool = False) -> bytes:
    """A PNG that claims to be so high; `packed` are its compressed pixels, whatever they are."""
    header = struct.pack(">IIBBBBB", rows.shape[1], height, 8, 2, 0, 0, is_interlaced)
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
