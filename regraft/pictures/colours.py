"""A picture's pixels as it is meant to be seen: upright, in sRGB, whatever its file holds."""

from regraft.pictures.decoding import format_of
from regraft.pictures.picture_file import open_picture
from regraft.pictures.pixels import Pixels, upright


def rgb(data: bytes, min_side: int = 0) -> Pixels:
    """Return the picture as it is meant to be seen, (H, W, 3) uint8 sRGB.

    EXIF orientation, colour profile and gamma are applied; CMYK, grey, palette, alpha (over white) and 16-bit become
    RGB. With `min_side` a JPEG may be decoded at a smaller scale whose shorter side is still at least that. Raises
    ValueError where the bytes do not decode; what `judge` takes for a picture does.
    """
    try:
        picture_format = format_of(data)
        if picture_format is None:
            raise ValueError("its first bytes are no picture's")
        picture = open_picture(data, picture_format)
        return upright(picture.rgb(min_side), picture.orientation)
    except Exception as error:
        raise ValueError(f"the picture does not decode: {str(error) or type(error).__name__}") from error
