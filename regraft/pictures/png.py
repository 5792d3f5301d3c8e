"""A PNG's chunks: those that its pixels take, and what the others say of its colours. The rest is not read.

Texts and profiles are compressed, and may be a thousand times as long as they look; text says nothing of the picture.
https://www.w3.org/TR/png-3/
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from regraft.pictures.coded_colours import GAMMAS, profile_of_chromaticities, profile_of_codes
from regraft.pictures.decoding import Damaged
from regraft.pictures.work import MAX_SEGMENTS, TooMuchWork

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PIXEL_CHUNKS = (b"IHDR", b"PLTE", b"IDAT", b"CgBI")
"""Chunks that the pixels are made of."""
END = bytes(4) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
PALETTE = 3
"""The colour type of pictures with a palette."""
COLOUR_BYTES = {b"cICP": 4, b"sRGB": 1, b"gAMA": 4, b"cHRM": 32}
"""The sizes of the chunks about colours that have but one; as decoders do, those of another size are passed over."""
TRANSPARENT_BYTES = {0: 2, 2: 6}
"""The same of a tRNS chunk, by colour type; of a palette it has at most a byte for each colour."""
ANIMATION_BYTES = 8
"""The same of an acTL chunk."""
MAX_PROFILE_BYTES = 4 << 20
"""A longer ICC profile is not read. Those for printers take up to 2 MB."""
RGB_FULL_RANGE = b"\0\1"
"""What a cICP chunk says behind its two numbers, of values that are colours and go from 0 to the greatest."""
SRGB_GAMMA = 45_455
"""The gamma times 100,000 of a picture that is meant for a usual screen: 1 / 2.2."""
MIN_GAMMA, MAX_GAMMA = 16, 625_000_000
"""Gammas that libpng takes for such."""
GAMMA_TOLERANCE = 0.05
"""Share by which a gamma may differ from the usual one: libpng's PNG_GAMMA_THRESHOLD."""
GREY = (0, 4)
"""The colour types of pictures without colours."""
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""How many values a pixel has, by colour type."""
WHOLE = ((0, 0, 1, 1),)
INTERLACED = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""The passes in which pixels come: where the first one lies, across and down, and how far it is to the next ones."""
INFLATED_BYTES = 1 << 20
"""Of pixels, that are unpacked at a time to count them."""


@dataclass(slots=True)
class Png:
    """A PNG's chunks, as far as they say what its pixels are."""

    pixels: bytes = SIGNATURE
    """A PNG of the same pixels and nothing else."""
    frames: int = 1
    """How many there are: an animation has more than one."""
    exif: bytes = b""
    """Its EXIF block."""
    profile: bytes = b""
    """Its ICC profile."""
    gamma: int = SRGB_GAMMA
    """100,000 times the exponent that its values were encoded with."""
    header: bytes = b""
    """What its IHDR chunk says: its size and its kind."""
    packed: bytes = b""
    """Its pixels, compressed."""
    transparent: tuple[int, ...] = ()
    """The grey value or the colour, in 8 bits, in 16 where the picture is grey of 16 bits, that is transparent."""

    @property
    def has_all_pixels(self) -> bool:
        """Whether it unpacks to as many bytes as its size takes; what is missing a decoder leaves black."""
        inflate, rest, missing = zlib.decompressobj(), self.packed, self._unpacked_bytes()
        while missing > 0 and (unpacked := inflate.decompress(rest, INFLATED_BYTES)):
            rest, missing = inflate.unconsumed_tail, missing - len(unpacked)
        return missing <= 0

    def _unpacked_bytes(self) -> int:
        """How many bytes its pixels take: each line of each pass has one more, its filter."""
        width, height, bits, colour_type, _, _, is_interlaced = struct.unpack_from(">IIBBBBB", self.header)
        size = 0
        for left, top, across, down in INTERLACED if is_interlaced else WHOLE:
            columns, rows = -(-max(0, width - left) // across), -(-max(0, height - top) // down)
            size += rows * (1 + -(-columns * bits * SAMPLES[colour_type] // 8)) if columns else 0
        return size


class Chunk(NamedTuple):
    """A part of a PNG."""

    name: bytes
    """Four letters."""
    size: int
    """Bytes of its body, as it says."""
    whole: bytes
    """Its size, its name, its body and its checksum, as far as the file has them."""

    @property
    def body(self) -> bytes:
        """What it says."""
        return self.whole[8 : 8 + self.size]

    @property
    def is_cut(self) -> bool:
        """Whether the file ends within it."""
        return len(self.whole) < self.size + 12

    @property
    def has_checksum(self) -> bool:
        """Whether it is what was written, as its checksum says; decoders do not look at that of pixels."""
        return zlib.crc32(self.whole[4:-4]).to_bytes(4, "big") == self.whole[-4:]


def parse_png(data: bytes) -> Png:
    """Return a PNG's chunks; a damaged one stays damaged in `pixels`.

    Raises TooMuchWork where it has too many, Damaged where the chunks of its pixels are not what was written.
    """
    png, kept, packed = Png(), list[Chunk](), list[bytes]()
    colours: dict[bytes, bytes] = {}
    bits = colour_type = palette_bytes = 0
    for chunk in _chunks(data):
        name, size, body = chunk.name, chunk.size, chunk.body
        if name in PIXEL_CHUNKS:
            kept.append(chunk)
        match name:
            case b"IHDR" if size >= 13 and not png.header:
                png.header, bits, colour_type = body, body[8], body[9]
            case b"PLTE":
                palette_bytes = size
            case b"IDAT":
                packed.append(body)
            case b"acTL" if size == ANIMATION_BYTES:
                png.frames = int.from_bytes(body[:4], "big")
            case b"tRNS" if colour_type == PALETTE and 3 * size <= palette_bytes:
                kept.append(chunk)
            case b"tRNS" if size == TRANSPARENT_BYTES.get(colour_type):
                png.transparent = _transparent(body, bits, colour_type)
            case b"eXIf":
                png.exif = body
            case b"cICP" | b"iCCP" | b"sRGB" | b"gAMA" | b"cHRM" if size == COLOUR_BYTES.get(name, size):
                colours.setdefault(name, body)
            case _:
                pass
    png.packed = b"".join(packed)
    png.profile, png.gamma = _profile_and_gamma(colours, is_grey=colour_type in GREY)
    if not all(chunk.has_checksum for chunk in kept if not chunk.is_cut):
        raise Damaged("its pixels are not what was written, as their checksum says")
    is_cut = bool(kept) and kept[-1].is_cut
    png.pixels = b"".join([SIGNATURE, *(chunk.whole for chunk in kept), b"" if is_cut else END])
    return png


def _chunks(data: bytes) -> Iterator[Chunk]:
    """The chunks of a PNG up to its end, or to what is none. Raises TooMuchWork where there are too many."""
    place = len(SIGNATURE)
    for _ in range(MAX_SEGMENTS):
        size, name = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        if len(name) < 4 or not name.isalpha():
            return
        yield Chunk(name, size, data[place : place + size + 12])
        if name == b"IEND":
            return
        place += size + 12
    raise TooMuchWork(f"a PNG of more than {MAX_SEGMENTS} chunks")


def _transparent(body: bytes, bits: int, colour_type: int) -> tuple[int, ...]:
    """The transparent grey value or colour, in the range of the decoded pixels."""
    values = struct.unpack(f">{len(body) // 2}H", body)
    if bits == 16:
        return values if colour_type == 0 else tuple(value >> 8 for value in values)
    return tuple(value * 255 // ((1 << bits) - 1) for value in values) if bits else ()


def _profile_and_gamma(chunks: dict[bytes, bytes], is_grey: bool) -> tuple[bytes, int]:
    """What its chunks say of its colours: that which says most, https://www.w3.org/TR/png-3/#color-chunk-precendence."""
    codes = chunks.get(b"cICP", b"")
    if codes[2:4] == RGB_FULL_RANGE and is_grey:
        return b"", round(100_000 / GAMMAS.get(codes[1], 2.2))
    if codes[2:4] == RGB_FULL_RANGE:
        return profile_of_codes(codes[0], codes[1]), SRGB_GAMMA
    if profile := _profile(chunks.get(b"iCCP", b"")):
        return profile, SRGB_GAMMA
    if b"sRGB" in chunks:
        return b"", SRGB_GAMMA
    gamma = int.from_bytes(chunks[b"gAMA"][:4], "big") if b"gAMA" in chunks else SRGB_GAMMA
    chromaticities = chunks.get(b"cHRM", b"")
    if is_grey or len(chromaticities) < 32:
        return b"", gamma
    exponent = None if is_usual_gamma(gamma) else 100_000 / gamma
    numbers = tuple(number / 100_000 for number in struct.unpack_from(">8I", chromaticities))
    profile = profile_of_chromaticities(numbers, exponent)
    return profile, SRGB_GAMMA if profile else gamma


def is_usual_gamma(gamma: int) -> bool:
    """Return whether a gamma, times 100,000, is so near to a usual screen's, or so odd, that it changes nothing."""
    return not MIN_GAMMA <= gamma <= MAX_GAMMA or abs(SRGB_GAMMA / gamma - 1) < GAMMA_TOLERANCE


def _profile(body: bytes) -> bytes:
    """The ICC profile of an iCCP chunk; none where it is damaged or too long."""
    _, _, packed = body.partition(b"\0")
    unpacking = zlib.decompressobj()
    try:
        profile = unpacking.decompress(packed[1:], MAX_PROFILE_BYTES)
    except zlib.error:
        return b""
    return profile if unpacking.eof else b""
