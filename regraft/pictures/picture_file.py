"""A picture's file, opened: its header is read, and its pixels are decoded when they are wanted.

Each kind has one decoder, for judging and for learning alike: what is judged alive can be learnt from.
"""

from typing import Protocol

from regraft.pictures.decoding import PictureFormat
from regraft.pictures.jpeg_file import JpegFile
from regraft.pictures.pillow_file import PillowFile
from regraft.pictures.pixels import Pixels


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
