"""A JPEG's file, opened: decoded as far as it is good, and known to be whole before it is taken for a picture."""

import re

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from regraft.pictures.decoding import Damaged, is_out_of_memory
from regraft.pictures.exif import orientation_of
from regraft.pictures.foreign import ends_in_foreign_bytes
from regraft.pictures.jpeg import EOI, MIN_FILL_BYTES, PROGRESSIVE, Jpeg
from regraft.pictures.jpeg_parser import parse_jpeg
from regraft.pictures.pillow_file import BYTES_PER_PIXEL, opened
from regraft.pictures.pixels import Pixels, any_colour
from regraft.pictures.profiles import changes_colours
from regraft.pictures.srgb import Colours, as_srgb
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
JPEG_BYTES_PER_PIXEL = 3
"""Memory that a JPEG of one scan takes at most while it is decoded fast."""
COEFFICIENT_BYTES_PER_PIXEL = 6
"""What one of many scans takes besides: all coefficients of three colours, two bytes each."""


class JpegFile:
    """A JPEG; libjpeg-turbo decodes the usual ones at a smaller scale where that is enough, Pillow all others."""

    is_animated = False

    def __init__(self, data: bytes):
        self._jpeg = parse_jpeg(data)
        self._data = self._jpeg.written()
        self.width, self.height = self._jpeg.width, self._jpeg.height
        self.orientation = orientation_of(self._jpeg.exif)

    def grey(self, min_side: int) -> Pixels:
        """Return it in grey, (H, W), once it is known to be whole: see `PictureFile`."""
        self._check_work()
        if not self._jpeg.has_all_bits:
            raise Damaged("ends before all of its scans have come")
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

    def rgb(self, min_side: int) -> Pixels:
        """Return it in sRGB, (H, W, 3), where `min_side` allows at a smaller scale."""
        self._check_work()
        if not self._jpeg.is_fast:
            return self._pillow_rgb()
        return self._in_srgb(self._decoded(self._data, "RGB", min_side))

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
        return any_colour(pixels != self._all_pixels(jpeg.padded()))

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


def _grey_of(pixels: Pixels) -> Pixels:
    """(H, W, 3) pixels in grey, (H, W)."""
    return np.asarray(Image.fromarray(pixels).convert("L"), dtype=np.uint8)
