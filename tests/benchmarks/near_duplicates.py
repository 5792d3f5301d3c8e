"""How many copies of real photographs the perceptual hash finds, and how many pairs it takes for copies that are none.

    REGRAFT_WEB=folder python tests/benchmarks/near_duplicates.py          # or only the first so many: ... 100

The folder has photographs in `photos/*/*.jpg`. Each is copied in several ways, and its hash is compared with the
photograph's; a mirrored copy's by the nearer of the two hashes that its picture has. Plain pHash stands beside it: the
whole picture in grey, shrunk to 32 x 32 with antialiasing, its 8 x 8 lowest frequencies against their median.
"""

import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from regraft.config import ScreenSettings
from regraft.pictures.judge import Picture, judge
from regraft.pictures.limits import Limits
from regraft.pictures.perceptual import FREQUENCIES, HASH_SIDE, MIRRORED

Copy = Callable[[Image.Image], bytes]
Hash = Callable[[bytes], int]
BITS = (2, 6, 10)
"""Distances that the table has a column for."""
NEAR = ScreenSettings().near
TWIN = Path("tiger", "369.jpg")
"""A photograph that is another of them, tiger/265.jpg, mirrored; it is left out, so that no pair is rightly near."""


def saved(image: Image.Image, file_format: str, **options: int) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def resized(image: Image.Image, scale: float) -> Image.Image:
    return image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)


COPIES: dict[str, Copy] = {
    "PNG of the same size": lambda image: saved(image, "PNG"),
    "JPEG, quality 50": lambda image: saved(image, "JPEG", quality=50),
    "75% of the size": lambda image: saved(resized(image, 0.75), "JPEG", quality=85),
    "half the size": lambda image: saved(resized(image, 0.5), "JPEG", quality=85),
    "a third, as PNG": lambda image: saved(resized(image, 1 / 3), "PNG"),
    "twice the size": lambda image: saved(resized(image, 2), "JPEG", quality=85),
    "mirrored": lambda image: saved(ImageOps.mirror(image), "JPEG", quality=85),
    "mirrored, half the size": lambda image: saved(ImageOps.mirror(resized(image, 0.5)), "JPEG", quality=85),
}


def ours(data: bytes) -> int:
    picture = judge(data, Limits(min_side=1))
    assert isinstance(picture, Picture), picture
    return int(picture.phash, 16)


def plain(data: bytes) -> int:
    """Plain pHash, whose hash of a mirrored picture is that of the mirrored pixels."""
    grey = Image.open(io.BytesIO(data)).convert("L").resize((HASH_SIDE, HASH_SIDE), Image.Resampling.LANCZOS)
    lowest = _dct(np.asarray(grey, dtype=float)).reshape(-1)
    return int(np.packbits(lowest > np.median(lowest)).tobytes().hex(), 16)


def _dct(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    k, x = np.arange(FREQUENCIES)[:, None], np.arange(HASH_SIDE)[None, :]
    basis = np.cos(np.pi * k * (2 * x + 1) / (2 * HASH_SIDE))
    return basis @ grey @ basis.T


def distances(hashes: Sequence[int], copies: Sequence[int], is_mirrored: bool) -> NDArray[np.int64]:
    """Bits between photographs and their copies; with `is_mirrored`, to the nearer of a copy's two hashes."""
    first = [(a ^ b).bit_count() for a, b in zip(hashes, copies, strict=True)]
    second = [(a ^ b ^ MIRRORED).bit_count() for a, b in zip(hashes, copies, strict=True)]
    return np.minimum(first, second) if is_mirrored else np.array(first)


def nearest_pairs(hashes: Sequence[int]) -> NDArray[np.int64]:
    """How many pairs of different photographs lie at each distance, mirrored or not: (65,)."""
    bits = np.array(hashes, dtype=np.uint64)
    counts = np.zeros(65, dtype=np.int64)
    for row in range(1, len(bits)):
        between = bits[:row] ^ bits[row]
        nearest = np.minimum(np.bitwise_count(between), np.bitwise_count(between ^ np.uint64(MIRRORED)))
        counts += np.bincount(nearest, minlength=65)
    return counts


def table(
    title: str, hash_of: Hash, photographs: Sequence[bytes], images: Sequence[Image.Image], has_mirrored: bool
) -> None:
    hashes = [hash_of(data) for data in photographs]
    print(f"\n{title:28}" + "".join(f"{f'within {bits} bits':>16}" for bits in BITS))
    for name, copy in COPIES.items():
        copies = [hash_of(copy(image)) for image in images]
        apart = distances(hashes, copies, has_mirrored)
        print(f"{name:28}" + "".join(f"{np.mean(apart <= bits):16.1%}" for bits in BITS), flush=True)
    pairs = nearest_pairs(hashes).cumsum()
    print(f"{f'false, of {pairs[-1]:,} pairs':28}" + "".join(f"{pairs[bits]:16}" for bits in BITS))


def main() -> None:
    folder = os.environ.get("REGRAFT_WEB")
    if not folder:
        raise SystemExit("REGRAFT_WEB names no folder with photographs")
    files = [file for file in sorted(Path(folder, "photos").glob("*/*.jpg")) if not file.match(str(TWIN))]
    files = files[: int(sys.argv[1])] if sys.argv[1:] else files
    photographs = [file.read_bytes() for file in files]
    images = [Image.open(io.BytesIO(data)).convert("RGB") for data in photographs]
    print(f"{len(files)} photographs; screen.near is {NEAR}")
    table("Regraft", ours, photographs, images, has_mirrored=True)
    table("plain pHash", plain, photographs, images, has_mirrored=False)


if __name__ == "__main__":
    main()
