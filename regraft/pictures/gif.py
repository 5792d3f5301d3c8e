"""A GIF's blocks: whether all of its pixels are there, and how many blocks there are.

A decoder may take whatever follows a cut for pixels, and Pillow goes from block to block in Python.
https://www.w3.org/Graphics/GIF/spec-gif89a.txt
"""

import re

from regraft.pictures.work import TooMuchWork

HEADER_BYTES = 13
HAS_PALETTE, PALETTE_SIZE = 0x80, 0x07
"""The bits of a header that say that a palette follows, and of how many colours."""
START = re.compile(rb"[!,]")
"""What an extension begins with, or an image; decoders pass over all else."""
EXTENSION = b"!"
IMAGE_HEADER_BYTES = 9
MAX_BLOCKS = 500_000
"""Blocks and images in one file. One of 20 MB has some 80,000 of the usual size."""


def image_ends(data: bytes) -> list[int]:
    """Return where the pixels of each image of a GIF end: behind the end of the data, where some are missing.

    That the last block, which is empty, is missing, or the file's end, is no loss. Raises TooMuchWork where there are
    too many blocks.
    """
    ends: list[int] = []
    place, blocks = HEADER_BYTES + _palette_bytes(data[10:11]), 0
    while start := START.search(data, place):
        place = start.end() + 1
        if start[0] != EXTENSION:
            place = start.end() + IMAGE_HEADER_BYTES
            place += _palette_bytes(data[place - 1 : place]) + 1  # behind it, how many bits its codes begin with
        blocks += 1
        while place < len(data) and data[place] and blocks < MAX_BLOCKS:
            place += 1 + data[place]
            blocks += 1
        if blocks >= MAX_BLOCKS:
            raise TooMuchWork(f"a GIF of more than {MAX_BLOCKS:,} blocks")
        if start[0] != EXTENSION:
            ends.append(place)
        place += 1
    return ends


def _palette_bytes(flags: bytes) -> int:
    """Bytes of the palette that a header announces."""
    return 3 << (flags[0] & PALETTE_SIZE) + 1 if flags and flags[0] & HAS_PALETTE else 0
