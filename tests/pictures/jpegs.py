"""JPEGs of kinds that Pillow does not write: each block is of one brightness, so that a simple encoder will do."""

import itertools
import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MAX_CATEGORY = 11
"""The most bits that a difference of brightness takes."""
QUANTUM = 8
"""What a coefficient is divided by: the mean of a block times 8, so one step is one grey value."""
RESTARTS = 8


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def frame(
    marker: int, width: int, height: int, samplings: Sequence[tuple[int, int]], ids: bytes, bits: int = 8
) -> bytes:
    """A frame header."""
    body = struct.pack(">BHHB", bits, height, width, len(samplings))
    for number, (across, down) in zip(ids, samplings, strict=True):
        body += bytes((number, across << 4 | down, 0))
    return segment(marker, body)


def tables() -> bytes:
    """A flat quantisation table; a Huffman table that gives each category four bits; one with nothing but "no more"."""
    quantisation = segment(0xDB, b"\0" + bytes([QUANTUM]) * 64)
    counts = bytes([0, 0, 0, MAX_CATEGORY + 1]) + bytes(12)
    dc = segment(0xC4, b"\0" + counts + bytes(range(MAX_CATEGORY + 1)))
    ac = segment(0xC4, b"\x10" + bytes([1]) + bytes(15) + b"\0")
    return quantisation + dc + ac


def mosaic(
    planes: Sequence[NDArray[np.uint8]],
    samplings: Sequence[tuple[int, int]],
    *,
    ids: bytes = b"\1\2\3\4",
    frame_marker: int = 0xC0,
    restart_interval: int = 0,
    application: bytes = b"",
) -> bytes:
    """A JPEG whose every block is of one brightness.

    `planes`: the blocks of each colour, (H, W), a multiple of its sampling factors `samplings` (across, down).
    """
    across, down = max(a for a, _ in samplings), max(d for _, d in samplings)
    units_down, units_across = planes[0].shape[0] // samplings[0][1], planes[0].shape[1] // samplings[0][0]
    ids = ids[: len(planes)]
    bits, last = "", [0] * len(planes)
    pieces: list[bytes] = []
    for number, (row, column) in enumerate(itertools.product(range(units_down), range(units_across))):
        if restart_interval and number and number % restart_interval == 0:
            pieces, bits, last = [*pieces, _packed(bits)], "", [0] * len(planes)
        for colour, (plane, (a, d)) in enumerate(zip(planes, samplings, strict=True)):
            for y, x in itertools.product(range(d), range(a)):
                value = int(plane[row * d + y, column * a + x]) - 128
                bits += _coded(value - last[colour]) + "0"
                last[colour] = value
    pieces.append(_packed(bits))
    data = pieces[0] + b"".join(b"\xff" + bytes([0xD0 + n % RESTARTS]) + piece for n, piece in enumerate(pieces[1:]))
    scan = bytes([len(planes)]) + b"".join(bytes((number, 0)) for number in ids) + b"\0\x3f\0"
    return b"".join(
        [
            b"\xff\xd8",
            application,
            tables(),
            segment(0xDD, struct.pack(">H", restart_interval)) if restart_interval else b"",
            frame(frame_marker, units_across * across * 8, units_down * down * 8, samplings, ids),
            segment(0xDA, scan),
            data,
            b"\xff\xd9",
        ]
    )


def blocks(seed: int, samplings: Sequence[tuple[int, int]], units: int = 6) -> list[NDArray[np.uint8]]:
    """Random smooth planes for `mosaic`: as many units down as across."""
    random = np.random.default_rng(seed)
    return [random.integers(60, 200, (units * down, units * across), dtype=np.uint8) for across, down in samplings]


def lossless(side: int) -> bytes:
    """A grey lossless JPEG (SOF3): the first value is half of the greatest, and all others are as their neighbours."""
    header = frame(0xC3, side, side, [(1, 1)], b"\1")
    return b"\xff\xd8" + tables() + header + segment(0xDA, b"\1\1\0\1\0\0") + bytes(side * side // 2) + b"\xff\xd9"


def adobe(transform: int) -> bytes:
    return segment(0xEE, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, transform))


def _coded(difference: int) -> str:
    """The category of a difference, in four bits, and its bits."""
    category = abs(difference).bit_length()
    value = difference if difference > 0 else difference + (1 << category) - 1
    return f"{category:04b}" + (f"{value:0{category}b}" if category else "")


def _packed(bits: str) -> bytes:
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
