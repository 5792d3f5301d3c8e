"""A GIF's blocks: its images, whether all of their pixels are there, and how many blocks there are.

A decoder may take whatever follows a cut for pixels, and Pillow goes from block to block in Python, and stumbles over
some that say nothing of the images. So it gets none of those.
https://www.w3.org/Graphics/GIF/spec-gif89a.txt
"""

import re
from typing import NamedTuple

from regraft.pictures.work import TooMuchWork

HEADER_BYTES = 13
HAS_PALETTE, PALETTE_SIZE = 0x80, 0x07
"""The bits of a header that say that a palette follows, and of how many colours."""
START = re.compile(rb"[!,;]")
"""What an extension begins with, an image, or the end of the file; decoders pass over all else."""
IMAGE, END = b",", b";"
CONTROL, MIN_CONTROL_BYTES = 0xF9, 4
"""The kind of extension that says how the next image is shown, and the bytes of its block."""
IMAGE_HEADER_BYTES = 9
MAX_BLOCKS = 500_000
"""Blocks and images in one file. One of 20 MB has some 80,000 of the usual size."""


class Gif(NamedTuple):
    """A GIF's images."""

    images: bytes
    """A GIF of the same images, and nothing else but how each is shown."""
    ends: list[int]
    """Where the pixels of each end in the file: behind its end, where some are missing."""


def parse_gif(data: bytes) -> Gif:
    """Return a GIF's images. That the last block of one, which is empty, is missing, or the file's end, is no loss.

    Raises TooMuchWork where there are too many blocks.
    """
    place, blocks = HEADER_BYTES + _palette_bytes(data[10:11]), 0
    kept, ends = [data[:place]], list[int]()
    while (start := START.search(data, place)) and start[0] != END:
        is_image, place = start[0] == IMAGE, start.end() + 1
        if is_image:
            place = start.end() + IMAGE_HEADER_BYTES
            place += _palette_bytes(data[place - 1 : place]) + 1  # behind it, how many bits its codes begin with
        blocks += 1
        while place < len(data) and data[place] and blocks < MAX_BLOCKS:
            place += 1 + data[place]
            blocks += 1
        if blocks >= MAX_BLOCKS:
            raise TooMuchWork(f"a GIF of more than {MAX_BLOCKS:,} blocks")
        if is_image:
            ends.append(place)
        place += 1
        if is_image or _is_control(data[start.end() : start.end() + 2]):
            kept.append(data[start.start() : place])
    return Gif(b"".join([*kept, END]), ends)


def _is_control(start: bytes) -> bool:
    """Whether an extension, by its kind and the size of its first block, says how the next image is shown."""
    return len(start) == 2 and start[0] == CONTROL and start[1] >= MIN_CONTROL_BYTES


def _palette_bytes(flags: bytes) -> int:
    """Bytes of the palette that a header announces."""
    return 3 << (flags[0] & PALETTE_SIZE) + 1 if flags and flags[0] & HAS_PALETTE else 0
