"""What an export of a data set may look like. Cheap to import: the command line shows these choices in its help.

The ways to resize have the names that img2dataset gives them: https://github.com/rom1504/img2dataset.
"""

from dataclasses import dataclass
from typing import Literal

Layout = Literal["imagefolder", "webdataset", "parquet", "huggingface", "csv"]
"""How a data set lies in its folder."""
Resize = Literal["no", "border", "keep_ratio", "keep_ratio_largest", "center_crop"]
"""`border`: fitted into a square, white around it. `keep_ratio`: the shorter side gets the size, `keep_ratio_largest`:
the longer one. `center_crop`: the shorter side gets the size, and the middle is cut out."""
MAX_SIDE = 4096
"""Pixels that `PictureSettings.size` may be: several pictures of that size are in memory at a time."""
Encoding = Literal["original", "jpeg", "webp", "png"]


@dataclass(frozen=True, kw_only=True)
class PictureSettings:
    """How pictures are exported."""

    encoding: Encoding = "original"
    """`original`: the bytes as they were fetched, which goes with no resizing."""
    resize: Resize = "no"
    size: int = 256
    """Pixels of the side that `resize` fits."""
    quality: int = 95
    """Of JPEG and WebP, 1 to 100."""


@dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """What an export looks like."""

    layout: Layout
    pictures: PictureSettings
    shard_images: int = 1000
    """Pictures in one file of a layout that packs many into one. All of them are in memory at a time."""
