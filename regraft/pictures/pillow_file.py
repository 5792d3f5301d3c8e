"""The file of a picture that Pillow decodes, opened: of all formats but JPEG."""

import io
from contextlib import AbstractContextManager
from functools import cached_property

import numpy as np
from PIL import BmpImagePlugin, Image

from regraft.pictures.avif import coded_profile
from regraft.pictures.bitfields import parse_bitfields
from regraft.pictures.decoding import Damaged, PictureFormat
from regraft.pictures.exif import orientation_of
from regraft.pictures.filled import is_filled
from regraft.pictures.gif import parse_gif
from regraft.pictures.pixels import Pixels
from regraft.pictures.png import parse_png
from regraft.pictures.raster import breaks_off, lacks_parts
from regraft.pictures.srgb import Colours, as_srgb
from regraft.pictures.tiff import TiffHeader, tiff_header
from regraft.pictures.webp import webp_header
from regraft.pictures.work import TooMuchWork, decoding_memory

BYTES_PER_PIXEL = 12
"""Memory that a picture takes at most while Pillow decodes it: its own colours, sRGB, and an array of those."""
MAX_RLE_BYTES = 2 << 20
"""Of a BMP with run lengths, which Pillow decodes in Python: so many bytes take about a second."""
MAX_PARTS = 100_000
"""Strips or tiles of a TIFF: so many take Pillow half a second."""
MAX_TILE_PIXELS = 1 << 24
"""Pixels of a tile of a TIFF, whose memory it takes even if the picture is smaller. Usual sides are 256 to 1,024."""
ANIMATED_FORMATS = ("GIF", "WEBP", "AVIF")
UNCOMPRESSED_FORMATS = ("BMP", "TIFF")
"""Formats in which missing bytes are black pixels, as far as they do not compress."""
REDUCIBLE_MODES = ("L", "LA", "RGB", "RGBA", "CMYK")
"""Modes of images that Pillow makes smaller by whole factors."""


class PillowFile:
    """A picture that Pillow decodes, or, of some BMPs, puts together."""

    def __init__(self, data: bytes, picture_format: PictureFormat):
        self._data, self._format = data, picture_format
        self._bitfields = parse_bitfields(data) if picture_format == "BMP" else None
        self._png = parse_png(data) if picture_format == "PNG" else None
        self._gif = parse_gif(data) if picture_format == "GIF" else None
        if picture_format == "TIFF":
            _check_work(tiff_header(data))
        if picture_format == "WEBP":
            self.width, self.height, self._may_be_animated = webp_header(data)
        else:
            header = self._bitfields or self._image
            self.width, self.height = header.width, header.height
            self._may_be_animated = picture_format in ANIMATED_FORMATS

    @property
    def orientation(self) -> int:
        """EXIF orientation, 1 to 8."""
        if self._png is not None:
            return orientation_of(self._png.exif)
        if self._bitfields is not None or self._format == "TIFF":  # of a TIFF Pillow undoes it by itself
            return 1
        return orientation_of(self._image.info.get("exif") or b"")

    @property
    def is_animated(self) -> bool:
        """Whether it has more than one frame."""
        if self._png is not None:
            return self._png.frames > 1
        return self._may_be_animated and getattr(self._image, "is_animated", False)

    def grey(self, min_side: int) -> Pixels:
        """Return it in grey, (H, W), once it is known to be whole: see `PictureFile`."""
        if self._gif is not None and not any(end <= len(self._data) for end in self._gif.ends[:1]):
            raise Damaged("ends early, within its pixels")
        with self._reserved():
            image = self._loaded()
            is_broken_off = self._format in UNCOMPRESSED_FORMATS and breaks_off(image)
            if is_broken_off or is_filled(self._data, self._format, _is_webp):
                raise Damaged("ends early: the rest is filled with something else")
            if self._png is not None and _ends_in_zeros(image) and not self._png.has_all_pixels:
                raise Damaged("has fewer pixels than its size takes")
            factor = min(image.size) // min_side
            if factor > 1 and image.mode in REDUCIBLE_MODES and not self._colours.transparent:
                image = image.reduce(factor)
            return np.asarray(as_srgb(image, self._colours).convert("L"), dtype=np.uint8)

    def rgb(self, min_side: int) -> Pixels:
        """Return it in sRGB, (H, W, 3)."""
        with self._reserved():
            return np.asarray(as_srgb(self._loaded(), self._colours), dtype=np.uint8)

    @cached_property
    def _image(self) -> Image.Image:
        """The picture, opened; of a WebP that takes the memory of its pixels."""
        image = opened(self._decoded_bytes, self._format)
        if len(self._data) > MAX_RLE_BYTES and _has_run_lengths(image):
            raise TooMuchWork(f"a BMP of {len(self._data)} bytes with run lengths; {MAX_RLE_BYTES} are allowed")
        if lacks_parts(image, len(self._data)):
            raise Damaged("ends early: some of its strips are not there")
        return image

    @property
    def _decoded_bytes(self) -> bytes:
        """What Pillow decodes: of a PNG and a GIF only what their pixels are made of."""
        if self._png is not None:
            return self._png.pixels
        return self._data if self._gif is None else self._gif.images

    @property
    def _colours(self) -> Colours:
        if self._png is not None:
            return Colours(self._png.profile, self._png.gamma, self._png.transparent)
        if self._bitfields is not None:
            return Colours()
        profile = self._image.info.get("icc_profile") or b""
        return Colours(profile or (coded_profile(self._data) if self._format == "AVIF" else b""))

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


def _check_work(header: TiffHeader) -> None:
    """Raise TooMuchWork where a TIFF has too many parts, or too large ones."""
    if header.parts > MAX_PARTS:
        raise TooMuchWork(f"a TIFF of {header.parts:,} strips or tiles; {MAX_PARTS:,} are allowed")
    if header.tile_pixels > MAX_TILE_PIXELS:
        raise TooMuchWork(f"a TIFF in tiles of {header.tile_pixels:,} pixels; {MAX_TILE_PIXELS:,} are allowed")


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
