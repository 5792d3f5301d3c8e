"""What a WebP's first bytes say: libwebp takes memory for the whole canvas as soon as it opens a file.

https://developers.google.com/speed/webp/docs/riff_container
"""

from typing import NamedTuple

from regraft.pictures.decoding import Damaged

FLAGS_AT = 20
"""Where an extended WebP's flags are."""
ANIMATED_FLAG = 2
SIDE_MASK = 0x3FFF
"""The 14 bits of a side, in WebPs that are not extended."""


class WebpHeader(NamedTuple):
    """What a WebP's header says."""

    width: int
    """Pixels of the canvas."""
    height: int
    """Pixels of the canvas."""
    is_animated: bool
    """Whether it may have more than one frame."""


def webp_header(data: bytes) -> WebpHeader:
    """Return what the header of a WebP says. Raises Damaged where there is none."""
    if len(data) < 30:
        raise Damaged("a WebP that ends in its header")

    def number(start: int, size: int) -> int:
        return int.from_bytes(data[start : start + size], "little")

    match data[12:16]:
        case b"VP8X":
            return WebpHeader(number(24, 3) + 1, number(27, 3) + 1, bool(data[FLAGS_AT] & ANIMATED_FLAG))
        case b"VP8L":
            sides = number(21, 4)
            return WebpHeader((sides & SIDE_MASK) + 1, (sides >> 14 & SIDE_MASK) + 1, False)
        case b"VP8 ":
            return WebpHeader(number(26, 2) & SIDE_MASK, number(28, 2) & SIDE_MASK, False)
        case name:
            raise Damaged(f"a WebP that begins with {name!r}")
