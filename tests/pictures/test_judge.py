"""Bytes are judged by what they are."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from regraft.menagerie.drawing import drawing, encoded
from regraft.menagerie.odd_pictures import animated_gif, bomb_png
from regraft.pictures.colours import rgb
from regraft.pictures.judge import Picture, Unfit, judge
from regraft.pictures.limits import Limits

CAT = drawing("cat", 1)
JPEG = encoded(CAT, "JPEG")


def deep_png() -> bytes:
    """A 16-bit grey PNG."""
    return encoded(Image.fromarray(np.asarray(CAT.convert("L"), dtype=np.uint16) * 257), "PNG")


ALIVE = {
    **{f"JPEG {mode}": encoded(CAT.convert(mode), "JPEG") for mode in ("RGB", "L", "CMYK")},
    **{f"PNG {mode}": encoded(CAT.convert(mode), "PNG") for mode in ("RGB", "L", "P", "RGBA", "LA", "1")},
    "BigTIFF": encoded(CAT, "TIFF", big_tiff=True),
    **{f"TIFF {mode}": encoded(CAT.convert(mode), "TIFF") for mode in ("RGB", "L", "CMYK", "RGBA")},
    "PNG 16 bit": deep_png(),
    "GIF": encoded(CAT.convert("P"), "GIF"),
    "WEBP": encoded(CAT, "WEBP"),
    "WEBP alpha": encoded(CAT.convert("RGBA"), "WEBP", lossless=True),
    "BMP": encoded(CAT, "BMP"),
    "JPEG progressive": encoded(CAT, "JPEG", progressive=True),
    "JPEG 4:4:4": encoded(CAT, "JPEG", subsampling=0),
    "JPEG with bytes after its end": JPEG + b"<!-- served by a CMS -->" * 50,
    "JPEG with a comment": JPEG[:2] + b"\xff\xfe\0\x0aresaved." + JPEG[2:],
    "JPEG with a broken EXIF block": JPEG[:2] + b"\xff\xe1\0\x10Exif\0\0MM\0*\xff\xff\xff\xff" + JPEG[2:],
    "JPEG of the smallest size": encoded(CAT.resize((32, 32)), "JPEG"),
}
UNFIT = {
    "nothing": (b"", "not_an_image"),
    "HTML": (b"<!doctype html><img src=x>", "not_an_image"),
    "HTML named JPEG": (b"\n\n<html>\xff\xd8\xff", "not_an_image"),
    "JSON": (b'{"error": "not found"}', "not_an_image"),
    "PDF": (b"%PDF-1.4", "not_an_image"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "not_an_image"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0", "not_an_image"),
    "ZIP": (b"PK\3\4" + b"\0" * 99, "not_an_image"),
    "an MP4": (b"\0\0\0\x20ftypisom" + b"\0" * 99, "not_an_image"),
    "random bytes": (bytes(np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8)), "not_an_image"),
    "half a JPEG": (JPEG[: len(JPEG) // 2], "truncated"),
    "a JPEG without its last bytes": (JPEG[:-40], "truncated"),
    "a JPEG's head": (JPEG[:30], "truncated"),
    "a JPEG's magic": (JPEG[:3], "truncated"),
    "a progressive JPEG cut in a late scan": (encoded(CAT, "JPEG", progressive=True)[:-900], "truncated"),
    "a PNG without its end": (encoded(CAT, "PNG")[:-900], "truncated"),
    "a PNG with a flipped bit": (encoded(CAT, "PNG")[:900] + b"\0" + encoded(CAT, "PNG")[901:], "truncated"),
    "a WEBP without its end": (encoded(CAT, "WEBP")[:-300], "truncated"),
    "a GIF without its end": (encoded(CAT.convert("P"), "GIF")[:-900], "truncated"),
    "a TIFF without its end": (encoded(CAT, "TIFF")[:-9000], "truncated"),
    "a BMP without its end": (encoded(CAT, "BMP")[:-9000], "truncated"),
    "a tiny PNG": (encoded(CAT.resize((8, 8)), "PNG"), "too_small"),
    "a tracking pixel": (encoded(Image.new("P", (1, 1)), "GIF"), "too_small"),
    "a hairline": (encoded(CAT.resize((400, 31)), "JPEG"), "too_small"),
    "a bomb": (bomb_png(), "too_many_pixels"),
    "a JPEG that claims 65,000 x 65,000": (
        JPEG.replace(struct.pack(">HH", CAT.height, CAT.width), struct.pack(">HH", 65_000, 65_000), 1),
        "too_many_pixels",
    ),
    "an animated GIF": (animated_gif(), "animated"),
    "an animated WEBP": (encoded(CAT, "WEBP", save_all=True, append_images=[CAT.rotate(9)]), "animated"),
    "an animated PNG": (encoded(CAT, "PNG", save_all=True, append_images=[CAT.rotate(9)]), "animated"),
    "one colour": (encoded(Image.new("RGB", (200, 200), "grey"), "JPEG"), "placeholder"),
}


@pytest.mark.parametrize("name", ALIVE)
def test_every_kind_of_picture_is_alive_and_becomes_rgb(name: str) -> None:
    data = ALIVE[name]
    finding = judge(data, Limits())
    assert isinstance(finding, Picture), finding
    pixels = rgb(data)
    assert pixels.shape == (finding.height, finding.width, 3)
    if finding.height == CAT.height and name not in ("PNG 1", "PNG P", "GIF"):
        expected = CAT.convert("L").convert("RGB") if name.split()[-1] in ("L", "LA", "bit") else CAT
        off = np.abs(pixels.astype(int) - np.asarray(expected)).mean()
        assert off < 12, f"the colours are wrong by {off:.1f}"


@pytest.mark.parametrize("name", UNFIT)
def test_what_is_no_picture_has_its_reason(name: str) -> None:
    data, reason = UNFIT[name]
    finding = judge(data, Limits())
    assert isinstance(finding, Unfit)
    assert finding.reason == reason, finding


@settings(max_examples=150)
@given(st.sampled_from(sorted(ALIVE)), st.data())
def test_no_exception_leaves_however_bytes_are_bent(name: str, data: st.DataObject) -> None:
    bent = bytearray(ALIVE[name])
    for _ in range(data.draw(st.integers(1, 12))):
        bent[data.draw(st.integers(0, len(bent) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(bent[: data.draw(st.integers(0, len(bent)))])
    for some in (bytes(bent), cut):
        finding = judge(some, Limits(max_pixels=2_000_000))
        if isinstance(finding, Picture):
            assert rgb(some).shape == (finding.height, finding.width, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(CAT, "JPEG", exif=exif, quality=95)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    assert rgb(data).shape == expected.shape
    assert np.abs(rgb(data).astype(int) - expected).mean() < 2
    finding = judge(data, Limits())
    assert isinstance(finding, Picture)
    assert (finding.width, finding.height) == (expected.shape[1], expected.shape[0])


def test_a_resaved_picture_has_a_near_hash_and_another_picture_has_not() -> None:
    def bits(data: bytes) -> int:
        finding = judge(data, Limits())
        assert isinstance(finding, Picture)
        return int(finding.phash, 16)

    same = bits(JPEG) ^ bits(encoded(CAT.resize((CAT.width // 2, CAT.height // 2)), "JPEG", quality=60))
    other = bits(JPEG) ^ bits(encoded(drawing("tiger", 2), "JPEG"))
    assert same.bit_count() <= 6 < other.bit_count()


@pytest.mark.parametrize(("contrast", "kind"), [(2, Unfit), (4, Picture)])
def test_a_picture_whose_grey_values_hardly_differ_shows_nothing(contrast: int, kind: type) -> None:
    """Half of the pixels are lighter by `contrast`, so the values deviate by half of that; 1.5 is the least."""
    grey = np.full((32, 32), 100, np.uint8)
    grey[:, ::2] += np.uint8(contrast)
    assert isinstance(judge(encoded(Image.fromarray(grey), "PNG"), Limits()), kind)
