"""An image as sRGB on white, whatever its file's colours are: deep, grey, for print, see-through, with a profile."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from regraft.pictures.pixels import Pixels, any_colour
from regraft.pictures.png import SRGB_GAMMA
from regraft.pictures.profiles import to_srgb, with_usual_gamma

MODES_WITH_ALPHA = ("RGBA", "LA", "PA", "La", "RGBa")
BASE_MODES = ("L", "RGB", "CMYK", "LAB")
"""Modes whose values a profile may explain."""
WHITE = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Colours:
    """What a file says of its colours."""

    profile: bytes = b""
    """Its ICC profile."""
    gamma: int = SRGB_GAMMA
    """A PNG's gamma, times 100,000."""
    transparent: tuple[int, ...] = ()
    """The grey value or the colour that is transparent, see `png.Png`."""


def as_srgb(image: Image.Image, colours: Colours) -> Image.Image:
    """Return an image in mode RGB: its profile or gamma applied, what is transparent white, deep values in 8 bits."""
    transparency = _transparency(image, colours.transparent)
    base = _base(image)
    base = with_usual_gamma(base, colours.gamma) if base.mode in ("L", "RGB") else base
    base = to_srgb(base, colours.profile)
    base = base if base.mode == "RGB" else base.convert("RGB")
    if transparency is None:
        return base
    return Image.composite(base, Image.new("RGB", base.size, WHITE), transparency)


def _transparency(image: Image.Image, transparent: tuple[int, ...]) -> Image.Image | None:
    """How much of each pixel is seen, mode L; None where all are seen."""
    if image.mode in MODES_WITH_ALPHA:
        return image.getchannel(image.getbands().index(image.getbands()[-1]))
    if image.mode == "P" and "transparency" in image.info:
        return image.convert("RGBA").getchannel("A")
    if not transparent:
        return None
    values = np.asarray(image.convert("L") if image.mode == "1" else image)
    is_transparent = values == transparent[0] if values.ndim == 2 else ~any_colour(values != transparent[:3])
    return Image.fromarray(np.where(is_transparent, np.uint8(0), np.uint8(255)))


def _base(image: Image.Image) -> Image.Image:
    """An image without its transparency, in one of the modes BASE_MODES."""
    match image.mode:
        case mode if mode in BASE_MODES:
            return image
        case "1" | "LA" | "La":
            return image.convert("LA").getchannel("L") if image.mode != "1" else image.convert("L")
        case mode if mode.startswith("I"):
            return Image.fromarray(_eight_bits(np.asarray(image)))
        case "F":
            values = np.nan_to_num(np.asarray(image))
            return Image.fromarray((values * (255 if values.max() <= 1 else 1)).clip(0, 255).astype(np.uint8))
        case "RGBA" | "RGBa":
            return Image.merge("RGB", image.convert("RGBA").split()[:3])
        case _:
            return image.convert("RGBA").convert("RGB") if image.mode in ("P", "PA") else image.convert("RGB")


def _eight_bits(values: "np.ndarray[tuple[int, ...], np.dtype[np.integer]]") -> Pixels:
    """Grey values of 16 bits in 8 bits; of 32, which may mean 8 or 16, by the greatest."""
    is_deep = values.dtype.itemsize > 2
    used_bits = int(values.max()).bit_length() if is_deep else 16
    shift = 24 if used_bits > 16 else 8 if used_bits > 8 else 0
    return (values.clip(0) >> shift).clip(0, 255).astype(np.uint8)
