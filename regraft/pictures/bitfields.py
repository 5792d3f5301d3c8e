"""BMPs whose pixels are 16 or 32 bits with a mask for each colour, in any layout; Pillow knows the usual ones only."""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

BITFIELDS_WITH_ALPHA = 6
BITFIELDS = (3, BITFIELDS_WITH_ALPHA)
"""The compressions of a BMP that has masks.

https://learn.microsoft.com/en-us/windows/win32/api/wingdi/ns-wingdi-bitmapinfoheader
"""
HEADER_BYTES = 40
"""Of the header that has a compression; later ones are longer."""
FILE_HEADER_BYTES = 14


@dataclass(frozen=True, slots=True)
class Bitfields:
    """A BMP with masks: its header, and its bytes."""

    width: int
    """Pixels."""
    height: int
    """Pixels."""
    is_top_down: bool
    """Whether the first row is the upper one; most often it is the lowest."""
    bits: int
    """Bits of a pixel: 16 or 32."""
    masks: tuple[int, ...]
    """Which bits are red, green, blue and alpha."""
    start: int
    """Where in the file the pixels begin."""
    data: bytes
    """The file."""

    def image(self) -> Image.Image:
        """Return it in mode RGBA. Raises ValueError where its bytes end early."""
        row_bytes = (self.width * self.bits + 31) // 32 * 4
        if len(self.data) < self.start + row_bytes * self.height:
            raise ValueError(f"a BMP of {self.width} x {self.height} pixels whose bytes end early")
        rows = np.frombuffer(self.data, np.uint8, row_bytes * self.height, self.start).reshape(self.height, row_bytes)
        words = rows.view("<u4" if self.bits == 32 else "<u2")[:: 1 if self.is_top_down else -1, : self.width]
        channels = [_channel(words, mask, is_alpha=number == 3) for number, mask in enumerate(self.masks)]
        return Image.fromarray(np.stack(channels, axis=2))


def parse_bitfields(data: bytes) -> Bitfields | None:
    """Return what the header of a BMP with masks says; None of all other BMPs, which Pillow reads."""
    if len(data) < FILE_HEADER_BYTES + HEADER_BYTES + 16:
        return None
    (start,) = struct.unpack_from("<I", data, 10)
    header_bytes, width, height, _, bits, compression = struct.unpack_from("<IiiHHI", data, FILE_HEADER_BYTES)
    if header_bytes < HEADER_BYTES or compression not in BITFIELDS or bits not in (16, 32) or width <= 0 or not height:
        return None
    masks = struct.unpack_from("<4I", data, FILE_HEADER_BYTES + HEADER_BYTES)
    has_alpha = header_bytes >= HEADER_BYTES + 16 or compression == BITFIELDS_WITH_ALPHA
    masks = masks if has_alpha else (*masks[:3], 0)
    return Bitfields(width, abs(height), height < 0, bits, masks, start, data)


def _channel(words: NDArray[np.unsignedinteger], mask: int, is_alpha: bool) -> NDArray[np.uint8]:
    """One colour of each pixel, 0 to 255; without a mask a colour is 0, and alpha is 255."""
    if not mask:
        return np.full(words.shape, 255 if is_alpha else 0, np.uint8)
    lowest = (mask & -mask).bit_length() - 1
    values = (words.astype(np.uint32) & np.uint32(mask)) >> np.uint32(lowest)
    return np.asarray(values * (255 / (mask >> lowest)) + 0.5).astype(np.uint8)
