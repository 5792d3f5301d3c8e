"""A JPEG's header is read, and its scans are found; what is damaged or not on the list of what is decoded is refused.

https://www.w3.org/Graphics/JPEG/itu-t81.pdf has the format; libjpeg's rules say what a decoder makes of it.
"""

import re
import struct

from regraft.pictures.decoding import Damaged
from regraft.pictures.jpeg import APP14, BASELINE, EOI, EXTENDED, PROGRESSIVE, SOI, SOS, Component, Jpeg, Scan
from regraft.pictures.work import MAX_SCANS, MAX_SEGMENTS, TooMuchWork

DQT, DHT, DRI, COM = 0xDB, 0xC4, 0xDD, 0xFE
"""The markers of a scan's tables, and of a comment."""
APP0, APP1, APP2, APP15 = 0xE0, 0xE1, 0xE2, 0xEF
"""The markers of what programs add: of JFIF, EXIF and colour profiles, and the last of them."""
FRAMES = frozenset({*range(0xC0, 0xD0)} - {DHT, 0xC8, 0xCC})
"""The markers that begin a frame, of all kinds of JPEG."""
TABLES = frozenset({DQT, DHT, DRI})
SEGMENTS = FRAMES | TABLES | {SOS, COM, *range(APP0, APP15 + 1)}
"""The markers of what has a length."""
POSSIBLE_FACTORS = frozenset(across << 4 | down for across in range(1, 5) for down in range(1, 5))
"""Sampling factors across and down, as a frame has them."""
_MARKER = re.compile(rb"\xff+([^\x00\xff])")
_SCAN_END = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def parse_jpeg(data: bytes) -> Jpeg:
    """Return what a JPEG's header says, and its scans.

    Raises Damaged where it is damaged or of a kind that is not decoded, TooMuchWork where it has too many parts.
    """
    jpeg, place = Jpeg(), 2
    tables: list[bytes] = []
    profile_parts: dict[int, bytes] = {}
    for _ in range(MAX_SEGMENTS):
        match = _MARKER.search(data, place)
        marker = match[1][0] if match else EOI
        if match is None or marker == EOI or (jpeg.scans and (marker == SOI or marker in FRAMES)):
            break
        place = match.end()
        if marker not in SEGMENTS:
            continue  # no segment: a stray byte
        size = int.from_bytes(data[place : place + 2], "big")
        if size < 2:
            continue
        body = data[place + 2 : place + size]
        if len(body) < size - 2:
            break
        place += size
        if marker in TABLES:
            tables.append(data[place - size - 2 : place])
        elif marker in FRAMES:
            _read_frame(jpeg, marker, body)
        elif marker == SOS:
            scan, place = _scan(b"".join(tables), _checked(body, jpeg), data, place)
            jpeg.scans.append(scan)
            tables = []
            if len(jpeg.scans) > MAX_SCANS:
                raise TooMuchWork(f"a JPEG of more than {MAX_SCANS} scans")
            if jpeg.frame != PROGRESSIVE and jpeg.has_all_colours:
                break
        elif marker == APP2 and body.startswith(b"ICC_PROFILE\0") and len(body) > 14:
            profile_parts.setdefault(body[12], body[14:])
        else:
            _read_application_segment(jpeg, marker, body)
    else:
        raise TooMuchWork(f"a JPEG of more than {MAX_SEGMENTS} segments")
    if not jpeg.components:
        raise Damaged("ends before its size is known")
    jpeg.profile = b"".join(profile_parts[number] for number in sorted(profile_parts))
    return jpeg


def _read_frame(jpeg: Jpeg, marker: int, body: bytes) -> None:
    """Read a frame header, whose kind must be on the list of those that are decoded."""
    if jpeg.components:
        raise Damaged("two frames in one JPEG")
    if marker not in (BASELINE, EXTENDED, PROGRESSIVE):
        raise Damaged(f"a JPEG of a kind that is not decoded: SOF{marker & 15}")
    if len(body) < 6 or len(body) < 6 + 3 * body[5]:
        raise Damaged("its frame header ends early")
    precision, jpeg.height, jpeg.width, count = struct.unpack_from(">BHHB", body)
    if precision != 8 or count not in (1, 3, 4) or not jpeg.width or not jpeg.height:
        raise Damaged(f"a JPEG of {jpeg.width} x {jpeg.height} pixels, {count} colours and {precision} bits")
    jpeg.frame = marker
    jpeg.components = [
        Component(body[i], body[i + 1] >> 4, body[i + 1] & 15, body[i + 2]) for i in range(6, 6 + 3 * count, 3)
    ]
    if not POSSIBLE_FACTORS.issuperset(body[7 : 6 + 3 * count : 3]):
        raise Damaged("sampling factors that no JPEG can have")


def _read_application_segment(jpeg: Jpeg, marker: int, body: bytes) -> None:
    if marker == APP0 and body.startswith(b"JFIF\0"):
        jpeg.is_jfif = True
    elif marker == APP1 and body.startswith(b"Exif\0\0") and not jpeg.exif:
        jpeg.exif = body
    elif marker == APP14 and body.startswith(b"Adobe") and len(body) >= 12:
        jpeg.adobe_transform = body[11]


def _scan(tables: bytes, header: bytes, data: bytes, start: int) -> tuple[Scan, int]:
    """The scan whose bytes begin at `start`, and where the marker behind it is, or the file's end."""
    marker = _SCAN_END.search(data, start)
    next_place = marker.start() if marker else len(data)
    end = next_place
    while end > start and data[end - 1] == 0xFF:  # fill bytes of the marker
        end -= 1
    return Scan(tables, header, memoryview(data)[start:end], marker[0][-1] if marker else 0), next_place


def _checked(header: bytes, jpeg: Jpeg) -> bytes:
    """A scan's header, whose colours must be the frame's."""
    count = header[0] if header else 0
    if not jpeg.components or not 1 <= count <= 4 or len(header) < 1 + 2 * count + 3:
        raise Damaged("a scan header that no JPEG can have")
    numbers = bytes(component.number for component in jpeg.components)
    scanned = header[1 : 1 + 2 * count : 2]
    if any(scanned.count(number) > numbers.count(number) for number in scanned):
        raise Damaged("a scan of a colour that there is not")
    if count < len(numbers) and len(set(numbers)) < len(numbers):  # together in one scan their order tells them apart
        raise Damaged("two colours of one number")
    return header[: 1 + 2 * count + 3]
