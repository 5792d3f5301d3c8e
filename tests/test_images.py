"""Bytes are judged by what they are."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from regraft.images import Limits, Picture, Unfit, judge, rgb
from regraft.menagerie.drawing import drawing, encoded
from regraft.menagerie.web import _animation, _bomb

CAT = drawing("cat", 1)
JPEG = encoded(CAT, "JPEG")


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("JPEG", m) for m in ("RGB", "L", "CMYK")]
    + [("PNG", m) for m in ("RGB", "L", "P", "RGBA", "LA", "1")]
    + [("TIFF", m) for m in ("RGB", "CMYK", "RGBA")],
)
def test_every_colour_mode_is_alive_and_becomes_rgb(kind: str, mode: str) -> None:
    data = encoded(CAT.convert(mode), kind)
    assert isinstance(judge(data, Limits()), Picture)
    assert rgb(data).shape == (CAT.height, CAT.width, 3)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not_an_image"), (b"<html>", "not_an_image"), (b"%PDF-1.4", "not_an_image"), (b"<svg/>", "not_an_image"),
        (JPEG[: len(JPEG) // 2], "truncated"), (JPEG[:-40], "truncated"), (JPEG[:30], "truncated"),
        (encoded(CAT, "PNG")[:-900], "truncated"), (encoded(CAT, "WEBP")[:-300], "truncated"),
        (encoded(CAT.resize((8, 8)), "PNG"), "too_small"), (_bomb(), "too_many_pixels"), (_animation(), "animated"),
        (encoded(Image.new("RGB", (200, 200), "grey"), "JPEG"), "placeholder"),
    ],
)  # fmt: skip
def test_what_is_no_picture_has_its_reason(data: bytes, reason: str) -> None:
    found = judge(data, Limits())
    assert isinstance(found, Unfit)
    assert found.reason == reason


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(CAT, "JPEG", exif=exif, quality=95)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    assert rgb(data).shape == expected.shape
    assert np.abs(rgb(data).astype(int) - expected).mean() < 2
    found = judge(data, Limits())
    assert isinstance(found, Picture)
    assert (found.width, found.height) == (expected.shape[1], expected.shape[0])


def test_a_resaved_picture_has_a_near_hash_and_another_picture_has_not() -> None:
    def bits(data: bytes) -> int:
        found = judge(data, Limits())
        assert isinstance(found, Picture)
        return int(found.phash, 16)

    same = bits(JPEG) ^ bits(encoded(CAT.resize((CAT.width // 2, CAT.height // 2)), "JPEG", quality=60))
    other = bits(JPEG) ^ bits(encoded(drawing("tiger", 2), "JPEG"))
    assert same.bit_count() <= 6 < other.bit_count()
