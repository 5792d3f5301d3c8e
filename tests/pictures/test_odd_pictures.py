"""EXIF blocks, GIF, BMP and AVIF files that are odd and good are alive, and show what they mean."""

import struct

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, features

from regraft.menagerie.drawing import encoded
from regraft.pictures.colours import rgb
from regraft.pictures.judge import Unfit, judge
from regraft.pictures.limits import Limits
from regraft.verdicts import Reason
from tests.pictures.judged import CAT, assert_near, is_alive
from tests.pictures.pngs import after_header, chunk

BROKEN_EXIF = b"Exif\0\0MM\0*\xff\xff\xff\xff\0\1\2"


@pytest.mark.parametrize(("file_format", "mode"), [("JPEG", "RGB"), ("JPEG", "CMYK"), ("JPEG", "L"), ("WEBP", "RGB")])
def test_a_broken_exif_block_is_no_reason_to_lose_a_picture(file_format: str, mode: str) -> None:
    assert is_alive(encoded(CAT.convert(mode), file_format, exif=BROKEN_EXIF))


def test_a_broken_exif_block_is_no_reason_to_lose_a_png() -> None:
    assert is_alive(after_header(encoded(CAT, "PNG"), chunk(b"eXIf", BROKEN_EXIF[6:])))


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_the_orientation_is_undone_in_every_format(file_format: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(CAT, file_format, exif=exif)
    plain = rgb(encoded(CAT, file_format))
    assert is_alive(data)
    assert np.abs(rgb(data).astype(int) - np.rot90(plain, -1)).mean() < 2


def test_an_exif_block_whose_directory_never_ends_is_read_to_its_end_only() -> None:
    endless = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x13\1\3\0\1\0\0\0\x06\0\0\0" * 5
    assert is_alive(encoded(CAT, "JPEG", exif=endless))


def gif(*blocks: bytes, has_own_palette: bool = False) -> bytes:
    """A GIF with blocks before its picture, whose palette may be its own and not the screen's."""
    data = encoded(CAT.convert("L"), "GIF", optimize=False)
    end = 13 + 3 * 256
    palette, picture = data[13:end], data[data.index(b"\x2c\0\0\0\0", end) :]
    if not has_own_palette:
        return data[:end] + b"".join(blocks) + picture
    header = data[:10] + bytes((data[10] & 0x7F,)) + data[11:13]
    return header + b"".join(blocks) + picture[:9] + bytes((picture[9] | 0x87,)) + palette + picture[10:]


COMMENT = b"\x21\xfe\5hello\3 GI\0"
LOOPS = b"\x21\xff\x0bNETSCAPE2.0\3\1\0\0\0"
ODD_GIFS = {
    "a comment": gif(COMMENT),
    "all kinds of blocks": gif(LOOPS, COMMENT, b"\x21\xf9\4\0\0\0\0\0", b"\x21\x99\1x\0"),
    "blocks of nothing": gif(*(b"\x21" + bytes((label, 0)) for label in (0x01, 0x77, 0xF9, 0xFE, 0xFF))),
    "blocks that are too short": gif(*(b"\x21" + bytes((label, 2, 7, 9, 0)) for label in (0x01, 0xF9, 0xFF))),
    "a palette of its own": gif(has_own_palette=True),
    "a palette of its own and a comment": gif(COMMENT, has_own_palette=True),
    "no end of the file": gif()[:-1],
    "no end of its pixels": gif()[:-2],
    "more behind its end": gif() + b"\x2c\1\2\3<html>",
    "a comment behind its pixels": gif()[:-1] + COMMENT + b";",
}


@pytest.mark.parametrize("name", ODD_GIFS)
def test_an_odd_gif_is_alive_and_shows_the_same(name: str) -> None:
    assert is_alive(ODD_GIFS[name])
    np.testing.assert_array_equal(rgb(ODD_GIFS[name]), rgb(gif()))


def test_a_gif_that_is_cut_anywhere_is_none() -> None:
    data = gif(COMMENT)
    assert not any(is_alive(data[:end]) for end in (*range(0, 900, 7), *range(900, len(data) - 40, 500)))


def bmp(words: NDArray[np.integer], masks: tuple[int, ...], header_bytes: int = 40, is_top_down: bool = False) -> bytes:
    """A BMP with masks; `words` are its pixels, (H, W), uint16 or uint32."""
    height, width = words.shape
    bits = words.dtype.itemsize * 8
    pad = -(width * bits // 8) % 4
    lines = [row.tobytes() + bytes(pad) for row in (words if is_top_down else words[::-1])]
    compression = 3 if header_bytes > 40 or len(masks) == 3 else 6
    information = struct.pack(
        "<IiiHHIIiiII", header_bytes, width, -height if is_top_down else height, 1, bits, compression, 0, 0, 0, 0, 0
    )
    rest = struct.pack(f"<{len(masks)}I", *masks).ljust(max(header_bytes - 40, 4 * len(masks)), b"\0")
    start = 14 + len(information) + len(rest)
    pixels = b"".join(lines)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + information + rest + pixels


LAYOUTS = {
    "565": (np.uint16, (0xF800, 0x07E0, 0x001F)),
    "555": (np.uint16, (0x7C00, 0x03E0, 0x001F)),
    "444": (np.uint16, (0x0F00, 0x00F0, 0x000F)),
    "4444": (np.uint16, (0x0F00, 0x00F0, 0x000F, 0xF000)),
    "the other way round": (np.uint16, (0x001F, 0x07E0, 0xF800)),
    "8888": (np.uint32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)),
    "ten bits each": (np.uint32, (0x3FF00000, 0xFFC00, 0x3FF)),
    "green last": (np.uint32, (0xFF0000, 0xFF, 0xFF00)),
}


@pytest.mark.parametrize("is_top_down", [False, True])
@pytest.mark.parametrize("header_bytes", [40, 56, 108, 124])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_bmp_may_have_any_masks(layout: str, header_bytes: int, is_top_down: bool) -> None:
    dtype, masks = LAYOUTS[layout]
    colours = np.asarray(CAT.resize((61, 47)), dtype=np.int64)
    colours = np.concatenate([colours, np.full((47, 61, 1), 255)], axis=2)
    words = np.zeros((47, 61), np.int64)
    steps = 255.0
    for number, mask in enumerate(masks):
        most = mask >> ((mask & -mask).bit_length() - 1)
        words |= np.rint(colours[:, :, number] * most / 255).astype(np.int64) * (mask & -mask)
        steps = min(steps, most)
    data = bmp(words.astype(dtype), masks, header_bytes, is_top_down)
    assert is_alive(data), judge(data, Limits())
    assert_near(rgb(data), colours[:, :, :3], 127 / steps + 1)
    assert not is_alive(data[:-200])


def test_reserved_bytes_of_a_bmp_mean_nothing() -> None:
    data = encoded(CAT, "BMP")
    assert is_alive(data[:6] + b"\1\2\3\4" + data[10:])


def test_a_bmp_with_run_lengths_is_alive_and_one_of_megabytes_is_too_much_work() -> None:
    def with_run_lengths(size: int) -> bytes:
        runs = (b"".join(bytes((4, value)) for value in range(16)) + b"\0\0") * 64 + b"\0\1"
        runs += bytes(size)
        header = struct.pack("<IiiHHIIiiII", 40, 64, 64, 1, 8, 1, len(runs), 0, 0, 256, 0)
        palette = b"".join(bytes((value * 16 % 256,)) * 3 + b"\0" for value in range(256))
        start = 14 + len(header) + len(palette)
        return b"BM" + struct.pack("<IHHI", start + len(runs), 0, 0, start) + header + palette + runs

    assert is_alive(with_run_lengths(0))
    finding = judge(with_run_lengths(3_000_000), Limits())
    assert isinstance(finding, Unfit)
    assert finding.reason == Reason.TOO_MANY_PIXELS


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
@pytest.mark.parametrize("brand", [b"avif", b"mif1"])
def test_an_avif_is_a_picture_and_a_heic_is_none(brand: bytes) -> None:
    data = encoded(CAT, "AVIF", quality=90)
    data = data[:8] + brand + data[12:]
    assert is_alive(data)
    assert np.abs(rgb(data).astype(int) - np.asarray(CAT)).mean() < 6
    assert not is_alive(data[:-900])
    heic = data[:8] + b"heic" + bytes(4) + b"mif1heic" + data[24:]
    finding = judge(heic, Limits())
    assert isinstance(finding, Unfit)
    assert finding.reason == Reason.NOT_AN_IMAGE


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
def test_an_avif_of_frames_is_animated() -> None:
    data = encoded(CAT, "AVIF", save_all=True, append_images=[CAT.rotate(9)])
    finding = judge(data, Limits())
    assert isinstance(finding, Unfit)
    assert finding.reason == Reason.ANIMATED
