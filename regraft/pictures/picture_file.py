"""A picture's file, opened: its header is read, and its pixels are decoded when they are wanted.

Each kind has one decoder, for judging and for learning alike: what is judged alive can be learnt from.
"""

import io
import re
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Protocol

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import BmpImagePlugin, Image

from regraft.pictures.bitfields import parse_bitfields
from regraft.pictures.decoding import PictureFormat
from regraft.pictures.exif import orientation_of
from regraft.pictures.filled import is_filled
from regraft.pictures.foreign import ends_in_foreign_bytes
from regraft.pictures.gif import image_ends
from regraft.pictures.jpeg import EOI, MIN_FILL_BYTES, PROGRESSIVE, Damaged, Jpeg, parse_jpeg
from regraft.pictures.pixels import Pixels
from regraft.pictures.png import parse_png
from regraft.pictures.profiles import changes_colours
from regraft.pictures.raster import breaks_off, lacks_parts
from regraft.pictures.shifted import is_shifted
from regraft.pictures.srgb import Colours, as_srgb
from regraft.pictures.tiff import parts_of
from regraft.pictures.webp import webp_header
from regraft.pictures.work import MAX_PIXEL_SCANS, TooMuchWork, decoding_memory

MIN_DECODED_SHARE = 0.99
"""Of a JPEG's rows, that must really decode: a last line that is not quite whole is no loss."""
HARMLESS_COMPLAINT = re.compile(r"premature end of data segment|(\d+) extraneous bytes before marker 0x(c4|d[0-79a])")
"""What libjpeg-turbo says where a scan's bytes end early, or where there are some left at its end. Whether that does
any harm is seen in the pixels; all else that a strict decoder complains of is damage."""
BLENDED = 2
"""Pixels over which the colours of two units of a JPEG blend."""
MAX_LEFT_BYTES = 16
"""Of a scan, that may be left between its end and the next marker: some cameras leave 11, and 4 before a restart."""
PROBED_FILL_BYTES = MIN_FILL_BYTES // 2
"""Of what may be fill at the end of a scan, that must not matter before it is taken for fill."""
BYTES_PER_PIXEL = 12
"""Memory that a picture takes at most while Pillow decodes it: its own colours, sRGB, and an array of those."""
JPEG_BYTES_PER_PIXEL = 3
"""The same of a JPEG of one scan that is decoded fast."""
COEFFICIENT_BYTES_PER_PIXEL = 6
"""What a JPEG of many scans takes besides: all coefficients of three colours, two bytes each."""
MAX_RLE_BYTES = 2 << 20
"""Of a BMP with run lengths, which Pillow decodes in Python: so many bytes take about a second."""
MAX_PARTS = 100_000
"""Strips or tiles of a TIFF: so many take Pillow half a second."""
ANIMATED_FORMATS = ("GIF", "WEBP", "AVIF")
UNCOMPRESSED_FORMATS = ("BMP", "TIFF")
"""Formats in which missing bytes are black pixels, as far as they do not compress."""
REDUCIBLE_MODES = ("L", "LA", "RGB", "RGBA", "CMYK")
"""Modes of images that Pillow makes smaller by whole factors."""


class PictureFile(Protocol):
    """A picture's file, opened."""

    width: int
    """Pixels, before EXIF orientation."""
    height: int
    """Pixels, before EXIF orientation."""

    @property
    def orientation(self) -> int:
        """EXIF orientation, 1 to 8."""

    @property
    def is_animated(self) -> bool:
        """Whether it has more than one frame."""

    def grey(self, min_side: int) -> Pixels:
        """Return it in grey, (H, W), at any scale whose sides are at least `min_side`, once it is known to be whole.

        Raises what decoders raise; Damaged where it ends early, TooMuchWork where it is too much work to decode.
        """

    def rgb(self, min_side: int) -> Pixels:
        """Return it in sRGB, (H, W, 3), at its full size or, of a JPEG, at a scale whose sides are at least `min_side`.

        Raises what decoders raise.
        """


def open_picture(data: bytes, picture_format: PictureFormat) -> PictureFile:
    """Return a picture of that format, opened. Raises what decoders raise where its header cannot be read."""
    if picture_format == "JPEG":
        return JpegFile(data)
    return PillowFile(data, picture_format)


def is_out_of_memory(error: Exception) -> bool:
    """Return whether a decoder failed because it got no memory, which says nothing of the picture's bytes."""
    return isinstance(error, MemoryError) or "memory" in str(error).lower()  # so libjpeg-turbo says it


class JpegFile:
    """A JPEG; libjpeg-turbo decodes the usual ones at a smaller scale where that is enough, Pillow all others."""

    is_animated = False

    def __init__(self, data: bytes):
        self._jpeg = parse_jpeg(data)
        self._data = self._jpeg.written()
        self.width, self.height = self._jpeg.width, self._jpeg.height
        self.orientation = orientation_of(self._jpeg.exif)

    def grey(self, min_side: int) -> Pixels:
        self._check_work()
        if not self._jpeg.has_all_bits:
            raise Damaged("ends before all of its scans have come")
        grey = self._whole_grey(min_side)
        if self._jpeg.frame != PROGRESSIVE and is_shifted(grey, *self._scaled_unit_sides(grey)):
            raise Damaged("its pixels are not what was encoded: from some place on all are brighter, or darker")
        return grey

    def rgb(self, min_side: int) -> Pixels:
        self._check_work()
        if not self._jpeg.is_fast:
            return self._pillow_rgb()
        return self._in_srgb(self._decoded(self._data, "RGB", min_side))

    def _whole_grey(self, min_side: int) -> Pixels:
        """Return it in grey, (H, W), as `grey` does, once a strict decoder finds no byte too few or too many."""
        if not self._jpeg.is_fast:
            self._check_decoded_share(self._complaint(self._data))
            return _grey_of(self._pillow_rgb())
        colours = "RGB" if changes_colours(self._jpeg.profile, self._mode) else "GRAY"
        try:
            pixels = self._decoded(self._data, colours, min_side, strict=True)
        except ValueError as error:
            if is_out_of_memory(error):
                raise
            self._check_decoded_share(str(error))
            pixels = self._decoded(self._data, colours, min_side)
        return pixels[:, :, 0] if colours == "GRAY" else _grey_of(self._in_srgb(pixels))

    def _scaled_unit_sides(self, pixels: Pixels) -> tuple[int, int]:
        """Pixels across and down that a unit has, which is coded at a time, in pixels at a smaller scale."""
        eighths = 8 * len(pixels) // self.height  # libjpeg-turbo decodes at so many eighths, rounded up
        across, down = self._jpeg.unit_sides
        return across * eighths // 8, down * eighths // 8

    @property
    def _mode(self) -> str:
        """Pillow's mode for its colours."""
        return {1: "L", 3: "RGB", 4: "CMYK"}[len(self._jpeg.components)]

    def _check_work(self) -> None:
        pixel_scans = self.width * self.height * len(self._jpeg.scans)
        if pixel_scans > MAX_PIXEL_SCANS:
            raise TooMuchWork(f"{self.width} x {self.height} pixels in {len(self._jpeg.scans)} scans")

    def _check_decoded_share(self, complaint: str) -> None:
        """Raise Damaged where too little of the picture really decodes. `complaint` is a strict decoder's, if any."""
        if complaint and not HARMLESS_COMPLAINT.search(complaint):
            raise Damaged(complaint)
        pixels = self._all_pixels(self._data)
        jpeg, lacking = self._jpeg, self._lacking(pixels, self._jpeg)
        # Where less fill would do as well, the picture ends before the fill is over: it may have ended before the fill.
        if jpeg.scans[-1].fill_bytes and not self._lacking(pixels, jpeg.shortened(PROBED_FILL_BYTES)).any():
            jpeg = jpeg.shortened(len(self._data))
            lacking = self._lacking(pixels, jpeg)
            complaint = self._complaint(jpeg.written())
        share = _share_above(lacking)
        if share < MIN_DECODED_SHARE or (jpeg.has_end and not _is_in_last_unit(lacking, jpeg)):
            raise Damaged(f"{share:.1%} of its rows decode: {complaint or 'its bytes end early'}")
        self._check_left_bytes(complaint)
        if self._may_have_left_bytes and not self._lacking(pixels, jpeg.without_last(MAX_LEFT_BYTES + 1)).any():
            raise Damaged(f"its pixels are not what was encoded: more than {MAX_LEFT_BYTES} bytes are left")

    @property
    def _may_have_left_bytes(self) -> bool:
        """Whether bytes may be left before its end of which no strict decoder can tell.

        Of a progressive one the last bytes are hardly seen.
        """
        has_bytes = len(self._jpeg.scans[-1].data) > MAX_LEFT_BYTES
        return (
            has_bytes and self._jpeg.has_end and not self._jpeg.has_usual_sampling and self._jpeg.frame != PROGRESSIVE
        )

    def _lacking(self, pixels: Pixels, jpeg: Jpeg) -> NDArray[np.bool_]:
        """Which pixels, (H, W), of the picture's, (H, W, C), `jpeg` lacks: itself, with or without its fill.

        Where bytes end early, they decode to other pixels once random bytes are added, from where on they are missed; a
        whole picture does not read them.
        """
        return np.asarray((pixels != self._all_pixels(jpeg.padded())).any(axis=2))

    def _check_left_bytes(self, complaint: str) -> None:
        """Raise Damaged where a scan's bytes are more than its pixels take: some of them are not what was encoded.

        Bytes behind the last scan may be a camera's trailer, if they are not followed by the picture's end.
        """
        left = HARMLESS_COMPLAINT.search(complaint)
        left_bytes = int(left[1] or 0) if left else 0
        if left and left_bytes > MAX_LEFT_BYTES and (int(left[2], 16) != EOI or self._is_trailer_foreign(left_bytes)):
            raise Damaged(f"its pixels are not what was encoded: {complaint}")

    def _is_trailer_foreign(self, trailer_bytes: int) -> bool:
        """Whether bytes behind the last scan's pixels show that some of those pixels are none."""
        scan = self._jpeg.scans[-1]
        end = len(scan.data) - trailer_bytes
        return self._jpeg.has_end or ends_in_foreign_bytes(bytes(scan.data[:end]), bytes(scan.data[end:]))

    def _complaint(self, data: bytes) -> str:
        """What a strict decoder says of the picture, "" for nothing, or where there is none that reads it."""
        try:
            if self._jpeg.has_usual_sampling:
                self._decoded(data, "CMYK" if self._mode == "CMYK" else "GRAY", 1, strict=True)
        except ValueError as error:
            if is_out_of_memory(error):
                raise
            return str(error)
        return ""

    def _decoded(self, data: bytes, colours: str, min_side: int, strict: bool = False) -> Pixels:
        """Pixels of the JPEG, (H, W, C), GRAY, RGB or CMYK, before its profile is applied, by libjpeg-turbo."""
        coefficients = COEFFICIENT_BYTES_PER_PIXEL if len(self._jpeg.scans) > 1 else 0
        with decoding_memory.reserved(self.width * self.height * (JPEG_BYTES_PER_PIXEL + coefficients)):
            return simplejpeg.decode_jpeg(data, colours, min_height=min_side, min_width=min_side, strict=strict)

    def _all_pixels(self, data: bytes) -> Pixels:
        """All pixels, (H, W, C), before a profile is applied, whatever the picture's kind."""
        if self._jpeg.is_fast:
            return self._decoded(data, "RGB", 0)
        with decoding_memory.reserved(self.width * self.height * BYTES_PER_PIXEL):
            return np.asarray(opened(data, "JPEG"), dtype=np.uint8)

    def _pillow_rgb(self) -> Pixels:
        with decoding_memory.reserved(self.width * self.height * (BYTES_PER_PIXEL + COEFFICIENT_BYTES_PER_PIXEL)):
            image = as_srgb(opened(self._data, "JPEG"), Colours(self._jpeg.profile))
            return np.asarray(image, dtype=np.uint8)

    def _in_srgb(self, pixels: Pixels) -> Pixels:
        """Pixels in RGB with the JPEG's profile applied."""
        if not changes_colours(self._jpeg.profile, self._mode):
            return pixels
        image = Image.fromarray(pixels[:, :, 0] if self._mode == "L" else pixels)
        return np.asarray(as_srgb(image, Colours(self._jpeg.profile)), dtype=np.uint8)


class PillowFile:
    """A picture that Pillow decodes, or, of some BMPs, puts together."""

    def __init__(self, data: bytes, picture_format: PictureFormat):
        self._data, self._format = data, picture_format
        self._bitfields = parse_bitfields(data) if picture_format == "BMP" else None
        self._png = parse_png(data) if picture_format == "PNG" else None
        self._image_ends = image_ends(data) if picture_format == "GIF" else []
        if picture_format == "TIFF" and (parts := parts_of(data)) > MAX_PARTS:
            raise TooMuchWork(f"a TIFF of {parts:,} strips or tiles; {MAX_PARTS:,} are allowed")
        if picture_format == "WEBP":
            self.width, self.height, self._may_be_animated = webp_header(data)
        else:
            header = self._bitfields or self._image
            self.width, self.height = header.width, header.height
            self._may_be_animated = picture_format in ANIMATED_FORMATS

    @property
    def orientation(self) -> int:
        if self._png is not None:
            return orientation_of(self._png.exif)
        if self._bitfields is not None or self._format == "TIFF":  # of a TIFF Pillow undoes it by itself
            return 1
        return orientation_of(self._image.info.get("exif") or b"")

    @property
    def is_animated(self) -> bool:
        if self._png is not None:
            return self._png.frames > 1
        return self._may_be_animated and getattr(self._image, "is_animated", False)

    def grey(self, min_side: int) -> Pixels:
        if self._format == "GIF" and not any(end <= len(self._data) for end in self._image_ends[:1]):
            raise Damaged("ends early, within its pixels")
        with self._reserved():
            image = self._loaded()
            if is_filled(self._data, self._format, _is_webp):
                raise Damaged("ends early: the rest is filled with something else")
            if self._format in UNCOMPRESSED_FORMATS and breaks_off(image):
                raise Damaged("ends early: the rest is of one colour")
            if self._png is not None and _ends_in_zeros(image) and not self._png.has_all_pixels:
                raise Damaged("has fewer pixels than its size takes")
            factor = min(image.size) // min_side
            if factor > 1 and image.mode in REDUCIBLE_MODES and not self._colours.transparent:
                image = image.reduce(factor)
            return np.asarray(as_srgb(image, self._colours).convert("L"), dtype=np.uint8)

    def rgb(self, min_side: int) -> Pixels:
        with self._reserved():
            return np.asarray(as_srgb(self._loaded(), self._colours), dtype=np.uint8)

    @cached_property
    def _image(self) -> Image.Image:
        """The picture, opened; of a WebP that takes the memory of its pixels."""
        image = opened(self._png.pixels if self._png else self._data, self._format)
        if len(self._data) > MAX_RLE_BYTES and _has_run_lengths(image):
            raise TooMuchWork(f"a BMP of {len(self._data)} bytes with run lengths; {MAX_RLE_BYTES} are allowed")
        if lacks_parts(image, len(self._data)):
            raise Damaged("ends early: some of its strips are not there")
        return image

    @property
    def _colours(self) -> Colours:
        if self._png is not None:
            return Colours(self._png.profile, self._png.gamma, self._png.transparent)
        return Colours() if self._bitfields else Colours(self._image.info.get("icc_profile") or b"")

    def _reserved(self) -> AbstractContextManager[None]:
        return decoding_memory.reserved(self.width * self.height * BYTES_PER_PIXEL)

    def _loaded(self) -> Image.Image:
        if self._bitfields is not None:
            return self._bitfields.image()
        self._image.load()
        return self._image


def opened(data: bytes, picture_format: PictureFormat) -> Image.Image:
    """Return a picture opened by its format's decoder alone; its pixels are not decoded. Raises what Pillow raises."""
    return Image.open(io.BytesIO(data), formats=[picture_format])


def _share_above(lacking: NDArray[np.bool_]) -> float:
    """The share of rows above the first of which something is lacking, (H, W)."""
    rows = np.flatnonzero(lacking.any(axis=1))
    return float(rows[0] / len(lacking)) if len(rows) else 1.0


def _is_in_last_unit(lacking: NDArray[np.bool_], jpeg: Jpeg) -> bool:
    """Whether all that is lacking, (H, W), is in the last unit that a JPEG codes, or blends with it.

    Where its end is marked it was not cut. What it lacks then was lost within it, so all behind that is elsewhere.
    """
    height, width = lacking.shape
    across, down = jpeg.unit_sides
    top, left = (height - 1) // down * down - BLENDED, (width - 1) // across * across - BLENDED
    return not (lacking[: max(0, top)].any() or lacking[:, : max(0, left)].any())


def _ends_in_zeros(image: Image.Image) -> bool:
    """Whether one of the last two rows is all zeros, as in a PNG whose last pass, or all of whose rest, is missing."""
    last = np.asarray(image.crop((0, max(0, image.height - 2), *image.size)))
    return not all(row.any() for row in last)


def _is_webp(data: bytes) -> bool:
    """Whether some bytes decode to a WebP."""
    try:
        opened(data, "WEBP").load()
    except OSError:
        return False
    return True


def _has_run_lengths(image: Image.Image) -> bool:
    """Whether an opened image is a BMP whose pixels are compressed as run lengths."""
    return isinstance(image, BmpImagePlugin.BmpImageFile) and image.tile[0].codec_name == "bmp_rle"


def _grey_of(pixels: Pixels) -> Pixels:
    """(H, W, 3) pixels in grey, (H, W)."""
    return np.asarray(Image.fromarray(pixels).convert("L"), dtype=np.uint8)
