"""A picture made small and encoded anew, to be shown: nothing of the fetched bytes is left in it but how it looks."""

import io

from PIL import Image

from regraft.pictures.colours import rgb

JPEG_QUALITY = 80


def thumbnail(data: bytes, side: int) -> bytes:
    """Return a picture as a JPEG whose longer side has `side` pixels at most; a smaller picture keeps its size.

    The JPEG has no EXIF block, no colour profile and no comment. Raises ValueError where the bytes do not decode.
    """
    picture = Image.fromarray(rgb(data, side))
    picture.thumbnail((side, side))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()
