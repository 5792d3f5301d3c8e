"""A JPEG as it is decoded: with a header that is written anew, so that decoders get no byte of any other.

What may be decoded is on a list: baseline, extended and progressive JPEGs of 8 bits. Lossless ones, for example, make
libjpeg-turbo write beyond its memory when it decodes at a smaller scale. Writing the header anew also makes harmless
oddities harmless: bytes between segments, profiles that are numbered wrongly, colour codes that do not fit, a missing
end, whatever follows the end. So what a decoder still complains of is damage of the picture itself.

https://www.w3.org/Graphics/JPEG/itu-t81.pdf has the format; libjpeg's rules say what a decoder makes of it.
"""

import random
import re
import struct
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from regraft.pictures.decoding import Damaged

SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
"""The markers of the start and the end of the image, and of the start of a scan."""
RST = 0xD0
"""The first of the markers that restart a scan."""
APP14 = 0xEE
"""The marker of Adobe's segment."""
BASELINE, EXTENDED, PROGRESSIVE = 0xC0, 0xC1, 0xC2
"""The markers of the kinds of frames that are decoded."""
FAST_LUMA_SAMPLINGS = ((1, 1), (2, 1), (1, 2), (2, 2), (4, 1), (1, 4))
"""How much finer brightness is sampled than colour, across and down, in JPEGs that libjpeg-turbo decodes fast."""
RGB_IDS = (82, 71, 66)
"""The numbers of the components of a JPEG in RGB: R, G, B in ASCII."""
PADDING_BYTES, RESTART_PADDING_BYTES = 512, 32
"""Random bytes that follow a scan, and each of its restart intervals, of which there may be very many."""
BLOCK_SIDE = 8
"""Pixels of the side of a block, the least that there may be between two restarts."""
RESTARTS = 8
"""How many restart markers there are: they are numbered in turns."""
MIN_FILL_BYTES = 16
"""Bytes of one value at the end of a scan, from which on they may be mere fill."""
MAX_OWN_BYTES = 4
"""Of those, that may be the scan's own: blocks of one colour may end in zeros, and a zero follows each 255."""
_RESTART = re.compile(rb"(\xff[\xd0-\xd7])")
_PADDING = random.Random(0).randbytes(PADDING_BYTES).replace(b"\xff", b"\0")
"""Random bytes, none of which is 255, with which a marker begins."""


class Component(NamedTuple):
    """One colour of a JPEG's frame."""

    number: int
    """Its name in the scans."""
    across: int
    """Sampling factor."""
    down: int
    """Sampling factor."""
    table: int
    """Which quantisation table it takes."""


class Scan(NamedTuple):
    """A part of a JPEG's coefficients, compressed."""

    tables: bytes
    """The segments with tables that come before it."""
    header: bytes
    """What its SOS segment says."""
    data: memoryview
    """Its bytes, up to the next marker that does not belong to it."""
    next_marker: int
    """That marker; 0 where the file ends before it."""

    @property
    def fill_bytes(self) -> int:
        """Bytes at its end that may be mere fill, as all are of one value; the first few of them may be its own."""
        data = bytes(self.data)
        run_bytes = len(data) - len(data.rstrip(data[-1:]))
        return run_bytes - MAX_OWN_BYTES if run_bytes >= MIN_FILL_BYTES else 0

    @property
    def restarts(self) -> int:
        """How often it restarts."""
        data = bytes(self.data)
        return sum(data.count(bytes((0xFF, RST + number))) for number in range(RESTARTS))

    def shortened(self, max_bytes: int) -> "Scan":
        """Return the scan with less fill: so many bytes less, or none at all."""
        return self._replace(data=self.data[: len(self.data) - min(self.fill_bytes, max_bytes)])


@dataclass(slots=True, kw_only=True)
class Jpeg:
    """What a JPEG's header says, and its scans."""

    frame: int = 0
    """BASELINE, EXTENDED or PROGRESSIVE."""
    width: int = 0
    """Pixels, before EXIF orientation."""
    height: int = 0
    """Pixels, before EXIF orientation."""
    components: list[Component] = field(default_factory=list)
    """Its 1, 3 or 4 colours."""
    scans: list[Scan] = field(default_factory=list)
    """What it was compressed to."""
    exif: bytes = b""
    """Its first EXIF block."""
    profile: bytes = b""
    """Its ICC profile."""
    is_jfif: bool = False
    """Whether it has a JFIF segment."""
    adobe_transform: int | None = None
    """The colour code of its Adobe segment."""

    @property
    def is_rgb(self) -> bool:
        """Whether its three colours are red, green and blue, and not brightness and two colours."""
        if len(self.components) != 3 or self.is_jfif:
            return False
        if self.adobe_transform is not None:
            return self.adobe_transform == 0
        return tuple(component.number for component in self.components) == RGB_IDS

    @property
    def is_fast(self) -> bool:
        """Whether libjpeg-turbo's fast interface decodes it; all others are Pillow's."""
        return len(self.components) < 4 and self.has_usual_sampling

    @property
    def has_usual_sampling(self) -> bool:
        """Whether libjpeg-turbo's fast interface, which is a strict decoder as well, reads it."""
        if len(self.components) == 1:
            return True
        first, *others = [(component.across, component.down) for component in self.components]
        fast = ((1, 1),) if self.is_rgb else FAST_LUMA_SAMPLINGS
        return first in fast and others in ([(1, 1), (1, 1)], [(1, 1), (1, 1), first])  # black is as fine as brightness

    @property
    def has_end(self) -> bool:
        """Whether its end is marked; what was cut has none, unless somebody added it."""
        return self.scans[-1].next_marker == EOI

    @property
    def unit_sides(self) -> tuple[int, int]:
        """Pixels across and down of what is coded at a time: blocks of all colours."""
        if len(self.components) == 1:
            return BLOCK_SIDE, BLOCK_SIDE
        across = max(component.across for component in self.components)
        return BLOCK_SIDE * across, BLOCK_SIDE * max(component.down for component in self.components)

    @property
    def has_all_colours(self) -> bool:
        """Whether its scans bring each colour, of a progressive one at least its mean in each block."""
        brings_first = (scan for scan in self.scans if self.frame != PROGRESSIVE or _first(scan) == 0)
        numbers = {number for scan in brings_first for number in _numbers(scan)}
        return {component.number for component in self.components} <= numbers

    @property
    def has_all_bits(self) -> bool:
        """Whether its scans bring each coefficient of each colour to its last bit.

        A progressive one need not, but nobody writes such: it was cut between two scans, whatever follows.
        """
        if self.frame != PROGRESSIVE:
            return self.has_all_colours
        missing = {(component.number, k) for component in self.components for k in range(64)}
        for scan in self.scans:
            first, last, bits = scan.header[-3:]
            if bits & 15 == 0:
                missing -= {(number, k) for number in _numbers(scan) for k in range(first, last + 1)}
        return not missing

    def written(self, padding: bytes = b"") -> bytes:
        """Return the JPEG with a header of our own and without what is not needed to decode it.

        `padding` is added to the end of each scan and restart interval, where a whole picture does not need it.
        """
        parts: list[bytes | memoryview] = [_segment(SOI), self._adobe_segment()]
        for number, scan in enumerate(self.scans):
            parts.append(scan.tables)
            if number == 0:
                parts.append(self._frame_segment())
            parts += [_segment(SOS, self._scan_header(scan)), _padded(scan.data, padding) if padding else scan.data]
        return b"".join([*parts, _segment(EOI)])

    def padded(self) -> bytes:
        """Return the JPEG with random bytes after each part: it decodes to other pixels where a part ended early.

        Raises Damaged where it restarts more often than it has blocks.
        """
        blocks = -(-self.width // BLOCK_SIDE) * -(-self.height // BLOCK_SIDE)
        if any(scan.restarts > blocks for scan in self.scans):
            raise Damaged("more restarts than it has blocks")
        return self.written(_PADDING)

    def shortened(self, max_bytes: int) -> "Jpeg":
        """Return the JPEG with less fill at the end of its last scan: so many bytes less, or none at all."""
        return replace(self, scans=[*self.scans[:-1], self.scans[-1].shortened(max_bytes)])

    def without_last(self, size: int) -> "Jpeg":
        """Return the JPEG without so many bytes at the end of its last scan."""
        last = self.scans[-1]
        kept = bytes(last.data[:-size]).rstrip(b"\xff")  # half of an escape would become a marker
        return replace(self, scans=[*self.scans[:-1], last._replace(data=memoryview(kept))])

    def _adobe_segment(self) -> bytes:
        """The segment that says what the colours are, so that nothing else has to."""
        if len(self.components) == 1:
            return b""
        transform = (0 if self.is_rgb else 1) if len(self.components) == 3 else (2 if self.adobe_transform else 0)
        return _segment(APP14, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, transform))

    def _frame_segment(self) -> bytes:
        body = struct.pack(">BHHB", 8, self.height, self.width, len(self.components))
        for component in self.components:
            # Of a single colour the factors mean nothing, and some decoders trip over them.
            factors = 0x11 if len(self.components) == 1 else component.across << 4 | component.down
            body += bytes((component.number, factors, component.table))
        return _segment(self.frame, body)

    def _scan_header(self, scan: Scan) -> bytes:
        return scan.header if self.frame == PROGRESSIVE else scan.header[:-3] + b"\0\x3f\0"


def _padded(data: memoryview, padding: bytes) -> bytes:
    """A scan's bytes with padding at the end of each restart interval, and with further intervals that it may lack."""
    parts = _RESTART.split(data)
    intervals = [padding[:RESTART_PADDING_BYTES] + part if number % 2 else part for number, part in enumerate(parts)]
    restarts = (bytes((0xFF, RST + (len(parts) // 2 + number) % RESTARTS)) for number in range(RESTARTS))
    return b"".join([*intervals, padding, *(restart + padding for restart in restarts)])


def _numbers(scan: Scan) -> bytes:
    """The numbers of a scan's components."""
    return scan.header[1:-3:2]


def _first(scan: Scan) -> int:
    """The first coefficient of each block that a scan brings, 0 to 63."""
    return scan.header[-3]


def _segment(marker: int, body: bytes | None = None) -> bytes:
    """A marker, and the segment that follows it, if there is one."""
    start = bytes((0xFF, marker))
    return start if body is None else start + struct.pack(">H", len(body) + 2) + body
