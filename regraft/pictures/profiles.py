"""Colour profiles: what a picture's numbers mean, turned into sRGB, which is what networks were trained on."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from regraft.pictures.png import SRGB_GAMMA, is_usual_gamma

MODES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab ": "LAB"}
"""Pillow's mode for the colours that a profile is for."""
VISIBLE = 3
"""Grey values of 255 by which a profile must change some colour to be worth the work."""
CACHED_PROFILES = 64
PROBE_STEPS = 6
"""Values of each colour that tell whether a profile changes anything."""


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Return an image in sRGB, mode RGB, whose values an ICC profile explains.

    A profile that is broken, for other colours, or the same as sRGB, changes nothing: the image is returned as it is.
    """
    transform = _transform(profile, image.mode) if profile else None
    if transform is None:
        return image
    return ImageCms.applyTransform(image, transform) or image


def changes_colours(profile: bytes, mode: str) -> bool:
    """Return whether an ICC profile changes the colours of images of some mode: RGB, L, CMYK or LAB."""
    return bool(profile) and _transform(profile, mode) is not None


def with_usual_gamma(image: Image.Image, gamma: int) -> Image.Image:
    """Return an image, L or RGB, as it looks when its values were encoded with `gamma` / 100,000: a PNG's gAMA."""
    if is_usual_gamma(gamma):
        return image
    curve = np.rint(255 * (np.arange(256) / 255) ** (SRGB_GAMMA / gamma)).astype(int).tolist()
    return image.point(curve * len(image.getbands()))


@lru_cache(CACHED_PROFILES)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """What turns images of a mode into sRGB; None where that changes nothing or cannot be done."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if MODES.get(source.profile.xcolor_space) != mode:
            return None
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
        return transform if _is_visible(transform, mode) else None
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _is_visible(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether a transform changes some colour visibly; always, where the colours are of another kind."""
    if mode not in ("RGB", "L"):
        return True
    steps = np.linspace(0, 255, PROBE_STEPS).astype(np.uint8)
    if mode == "RGB":
        grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    else:
        grid = np.arange(256, dtype=np.uint8)[None]
    probe = Image.fromarray(grid)
    changed = ImageCms.applyTransform(probe, transform)
    difference = np.asarray(changed, dtype=int) - np.asarray(probe.convert("RGB"), dtype=int)
    return bool(np.abs(difference).max() >= VISIBLE)
