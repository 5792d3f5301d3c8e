"""Pictures as an export has them: the bytes that were fetched, or resized and encoded anew."""

import io
from dataclasses import dataclass
from typing import assert_never

from PIL import Image, ImageOps

from regraft.dataset.export_settings import PictureSettings, Resize
from regraft.pictures.colours import rgb
from regraft.pictures.decoding import format_of

SUFFIXES: dict[str, str] = {"JPEG": ".jpg", "PNG": ".png", "GIF": ".gif", "WEBP": ".webp", "BMP": ".bmp"}
"""What files of each format are called."""
WHITE = (255, 255, 255)
MAX_PIXELS = 50_000_000
"""Of a picture that is made larger: a long and narrow one would grow without end."""


@dataclass(frozen=True)
class Picture:
    """A picture as a file."""

    data: bytes
    suffix: str
    """How such a file's name ends, such as ".jpg"."""


def exported_picture(data: bytes, settings: PictureSettings) -> Picture:
    """Return a fetched picture as it is exported.

    Raises ValueError where it does not decode, or the encoding does not take its size.
    """
    if settings.encoding == "original":
        picture_format = format_of(data) or ""
        return Picture(data, SUFFIXES.get(picture_format, f".{picture_format.lower()}" if picture_format else ".bin"))
    min_side = 0 if settings.resize == "no" else settings.size
    image = resized(Image.fromarray(rgb(data, min_side)), settings.resize, settings.size)
    file = io.BytesIO()
    try:
        match settings.encoding:
            case "jpeg" | "webp":
                image.save(file, settings.encoding, quality=settings.quality)
            case "png":
                image.save(file, "png")
            case _:
                assert_never(settings.encoding)
    except (OSError, ValueError) as error:
        width, height = image.size
        raise ValueError(f"{width} x {height} pixels cannot be written as {settings.encoding}: {error}") from error
    return Picture(file.getvalue(), SUFFIXES[settings.encoding.upper()])


def resized(image: Image.Image, resize: Resize, size: int) -> Image.Image:
    """Return an image resized; see `Resize` for the ways. Raises ValueError where it would have too many pixels."""
    match resize:
        case "no":
            return image
        case "border":
            return ImageOps.pad(image, (size, size), Image.Resampling.LANCZOS, color=WHITE)
        case "center_crop":
            return ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)
        case "keep_ratio":
            return _scaled(image, size / min(image.size))
        case "keep_ratio_largest":
            return _scaled(image, size / max(image.size))
        case _:
            assert_never(resize)


def _scaled(image: Image.Image, factor: float) -> Image.Image:
    width, height = (max(1, round(side * factor)) for side in image.size)
    if width * height > MAX_PIXELS:
        raise ValueError(f"{width} x {height} pixels are more than {MAX_PIXELS:,}")
    return image.resize((width, height), Image.Resampling.LANCZOS)
