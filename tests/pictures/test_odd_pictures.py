"""PNG, WebP, BMP, AVIF, TIFF and GIF files that are odd and good are alive, and have the colours that they mean."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, features

from regraft.menagerie.drawing import drawing, encoded
from regraft.pictures.coded_colours import PRIMARIES, Chromaticities
from regraft.pictures.colours import rgb
from regraft.pictures.judge import Limits, Picture, Unfit, judge
from regraft.pictures.png import INTERLACED
from regraft.verdicts import Reason
from tests.pictures.pngs import GREY, PALETTE, RGB, SIGNATURE, chunk, png

CAT = drawing("cat", 1)
BROKEN_EXIF = b"Exif\0\0MM\0*\xff\xff\xff\xff\0\1\2"
RAMP = np.arange(256, dtype=np.int64).repeat(2).reshape(8, 64).repeat(8, axis=0)
"""Every grey value of 8 bits."""


def is_alive(data: bytes) -> bool:
    """Whether a picture is judged to be alive; then it must decode."""
    finding = judge(data, Limits())
    if isinstance(finding, Picture):
        assert rgb(data).shape == (finding.height, finding.width, 3)
    return isinstance(finding, Picture)


def after_header(data: bytes, *chunks: bytes) -> bytes:
    """A PNG with chunks behind its IHDR."""
    return data[:33] + b"".join(chunks) + data[33:]


def assert_near(pixels: NDArray[np.uint8], expected: object, tolerance: float = 1) -> None:
    assert np.abs(pixels.astype(int) - np.asarray(expected, dtype=int)).max() <= tolerance


# EXIF


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


# what is compressed in a PNG beside its pixels


@pytest.mark.parametrize("name", [b"zTXt", b"iTXt", b"iCCP", b"tEXt"])
def test_megabytes_of_text_or_profile_are_no_reason_to_lose_a_png(name: bytes) -> None:
    packed = zlib.compress(bytes(30_000_000))
    body = {b"iTXt": b"a\0\1\0\0\0" + packed, b"tEXt": b"a\0" + bytes(2_000_000)}.get(name, b"a\0\0" + packed)
    assert is_alive(after_header(encoded(CAT, "PNG"), chunk(name, body)))


def test_a_png_without_its_end_is_alive_and_without_its_last_pixels_is_not() -> None:
    data = encoded(CAT, "PNG")
    assert is_alive(data[:-12])
    assert is_alive(data + b"and more")
    assert not is_alive(data[:-60])
    assert not is_alive(data[:-60] + chunk(b"IEND", b""))


def packed_png(rows: NDArray[np.uint8], height: int, packed: bytes, is_interlaced: bool = False) -> bytes:
    """A PNG that claims to be so high; `packed` are its compressed pixels, whatever they are."""
    header = struct.pack(">IIBBBBB", rows.shape[1], height, 8, 2, 0, 0, is_interlaced)
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def filtered(rows: NDArray[np.uint8]) -> bytes:
    """Lines of a PNG, each after its filter, which is none."""
    return np.concatenate([np.zeros((len(rows), 1), np.uint8), rows.reshape(len(rows), -1)], axis=1).tobytes()


@pytest.mark.parametrize("share", [0.02, 0.5, 0.97, 1])
def test_a_png_that_unpacks_to_less_than_its_pixels_is_none(share: float) -> None:
    rows = np.asarray(CAT)
    lines = filtered(rows[: int(len(rows) * share)])
    assert is_alive(packed_png(rows, len(rows), zlib.compress(lines))) == (share == 1)


@pytest.mark.parametrize("left_out", range(8))
def test_an_interlaced_png_that_lacks_its_last_passes_is_none(left_out: int) -> None:
    rows = np.asarray(CAT)[:, :-3]
    passes = [filtered(rows[top::down, left::across]) for left, top, across, down in INTERLACED]
    data = packed_png(rows, len(rows), zlib.compress(b"".join(passes[: 7 - left_out])), is_interlaced=True)
    assert is_alive(data) == (left_out == 0)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_a_png_may_end_in_a_black_or_a_transparent_band(mode: str) -> None:
    pixels = np.asarray(CAT.convert("RGBA")).copy()
    pixels[-40:] = 0
    assert is_alive(encoded(Image.fromarray(pixels).convert(mode), "PNG"))


def test_a_png_whose_pixels_are_not_what_was_written_is_none() -> None:
    packing = zlib.compressobj(0)
    plain = packing.compress(filtered(np.asarray(CAT))) + packing.flush()
    data = packed_png(np.asarray(CAT), CAT.height, plain)
    middle = len(data) // 2
    assert is_alive(data)
    assert not is_alive(data[:middle] + bytes((data[middle] ^ 1,)) + data[middle + 1 :])
    assert not is_alive(data[:-20] + bytes((data[-20] ^ 1,)) + data[-19:])


@pytest.mark.parametrize(
    ("file_format", "options"),
    [
        ("PNG", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"exif": b"Exif\0\0" + bytes(99)}),
        ("AVIF", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("GIF", {}),
        ("GIF", {"interlace": 0}),
    ],
)
@pytest.mark.parametrize("fill", [b"\0", b"\xff", b" ", b"\xcc"])
def test_a_picture_that_was_cut_and_filled_with_one_byte_is_none(
    file_format: str, options: dict[str, object], fill: bytes
) -> None:
    data = encoded(CAT, file_format, **options)
    assert is_alive(data)
    assert is_alive(data + bytes(5_000))
    for share in (0.3, 0.6, 0.9):
        end = int(len(data) * share)
        filled = judge(data[:end] + fill * (len(data) - end), Limits())
        assert isinstance(filled, Unfit), share
        assert filled.reason == Reason.TRUNCATED


@pytest.mark.parametrize(
    ("file_format", "options"),
    [("PNG", {}), ("WEBP", {}), ("WEBP", {"quality": 30}), ("WEBP", {"lossless": True}), ("AVIF", {}), ("GIF", {})],
)
@pytest.mark.parametrize(
    "page", ["<h1>502 Bad Gateway</h1>\r\n", "<p>Сервер недоступен</p>", "ページを表示できません。"]
)
def test_a_picture_that_was_cut_and_goes_on_as_text_is_none(
    file_format: str, options: dict[str, object], page: str
) -> None:
    data = encoded(CAT, file_format, **options)
    for share in (0.3, 0.6, 0.9):
        end = int(len(data) * share)
        assert not is_alive(data[:end] + (page * 5000).encode()[: len(data) - end])
        assert not is_alive(data[:end] + (page * 5000).encode())


def test_a_few_percent_that_a_webp_lacks_are_noticed() -> None:
    grain = np.random.default_rng(0).integers(-20, 20, (CAT.height, CAT.width, 1))
    photograph = Image.fromarray((np.asarray(CAT) + grain).clip(0, 255).astype(np.uint8))
    for quality in (20, 50, 80):
        data = encoded(photograph, "WEBP", quality=quality)
        end = int(len(data) * 0.97)
        assert not is_alive(data[:end] + bytes(len(data) - end))


@pytest.mark.parametrize("options", [{"method": 0}, {"lossless": True, "quality": 0, "method": 0}], ids=str)
def test_a_webp_may_end_in_many_bytes_of_one_value_below_noise(options: dict[str, object]) -> None:
    """Coders that are set to be fast spend more of them on an area of one colour."""
    pixels = np.full((240, 320, 3), 70, np.uint8)
    pixels[:80] = np.random.default_rng(0).integers(0, 255, (80, 320, 3))
    data = encoded(Image.fromarray(pixels), "WEBP", **options)
    assert len(data) - len(data.rstrip(data[-1:])) > 1000
    assert is_alive(data)


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


@pytest.mark.parametrize("options", [{}, {"quality": 30}, {"quality": 95}, {"method": 0}, {"lossless": True}], ids=str)
@pytest.mark.parametrize("colour", ["white", "black", "teal"])
def test_a_webp_may_end_in_a_large_band_of_one_colour(colour: str, options: dict[str, object]) -> None:
    """Such a band is hardly anything but zeros."""
    for width, height in ((600, 1200), (300, 2000)):
        image = Image.new("RGB", (width, height), colour)
        image.paste(CAT.resize((width, 200)))
        assert is_alive(encoded(image, "WEBP", **options))


@pytest.mark.parametrize("file_format", ["BMP", "TIFF"])
def test_a_picture_of_which_some_bytes_are_missing_in_the_middle_is_none(file_format: str) -> None:
    data = encoded(CAT, file_format)
    middle = len(data) // 2 + 200
    assert not is_alive(data[:middle] + bytes(len(data) // 5) + data[middle + len(data) // 5 :])


FOREIGN = {
    "markers": b"\xff\xd9",
    "a page": "<h1>Ошибка 502</h1><p>Сервер временно недоступен</p>\r\n".encode(),
    "an archive": np.random.default_rng(0).bytes(50_000),
    "a JPEG": encoded(CAT, "JPEG"),
    "a PNG": encoded(CAT, "PNG"),
}


@pytest.mark.parametrize("file_format", ["BMP", "TIFF"])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
@pytest.mark.parametrize("rest", FOREIGN.values(), ids=FOREIGN)
def test_a_raw_picture_that_was_cut_and_goes_on_as_something_else_is_none(
    rest: bytes, mode: str, file_format: str
) -> None:
    data = encoded(CAT.convert(mode), file_format)
    row_bytes = CAT.width * len(mode)
    for row in (70, 150, 220):
        end = row * row_bytes + row_bytes // 2
        assert not is_alive(data[:end] + (rest * (len(data) // len(rest) + 1))[: len(data) - end])


@pytest.mark.parametrize("file_format", ["BMP", "TIFF"])
@pytest.mark.parametrize("rows", [slice(0, 80), slice(-80, None), slice(60, 140)])
def test_a_raw_picture_may_have_a_band_of_noise(rows: slice, file_format: str) -> None:
    pixels = np.asarray(CAT).copy()
    pixels[rows] = np.random.default_rng(0).integers(0, 256, pixels[rows].shape)
    assert is_alive(encoded(Image.fromarray(pixels), file_format))


@pytest.mark.parametrize("grey", [0, 32, 255])
@pytest.mark.parametrize("rows", [slice(0, 30), slice(-30, None), slice(40, 60)])
@pytest.mark.parametrize("file_format", ["BMP", "TIFF"])
def test_a_picture_with_a_band_of_one_colour_is_alive(file_format: str, rows: slice, grey: int) -> None:
    pixels = np.asarray(CAT).copy()
    pixels[rows] = grey
    assert is_alive(encoded(Image.fromarray(pixels), file_format))
    assert is_alive(encoded(Image.fromarray(pixels).rotate(3, fillcolor=(grey,) * 3), file_format))


def test_a_tiff_in_tiles_is_none_where_tiles_are_missing() -> None:
    for tile in (16, 64, 256, 384, 400, 1024):
        assert is_alive(tiled(CAT, tile)), tile
    assert not is_alive(tiled(CAT, tile=64, kept_share=0.6))
    assert not is_alive(tiled(CAT, tile=64, lost_offset=0))
    assert not is_alive(tiled(CAT, tile=64, lost_offset=1 << 30))


def tiled(image: Image.Image, tile: int, kept_share: float = 1, lost_offset: int | None = None) -> bytes:
    """A TIFF in tiles, written by hand; a share of its pixels' bytes is kept, and the last tile may be elsewhere."""
    pixels = np.asarray(image)
    height, width = (-(-side // tile) * tile for side in pixels.shape[:2])
    padded = np.zeros((height, width, 3), np.uint8)
    padded[: pixels.shape[0], : pixels.shape[1]] = pixels
    tiles = padded.reshape(height // tile, tile, width // tile, tile, 3).swapaxes(1, 2).reshape(-1, tile * tile * 3)
    start = 8 + 2 + 10 * 12 + 4
    offsets = [start + 6 + len(tiles) * 8 + number * tiles.shape[1] for number in range(len(tiles))]
    if lost_offset is not None:
        offsets[-1] = lost_offset
    sides = [(256, 4, [pixels.shape[1]]), (257, 4, [pixels.shape[0]])]
    colours = [(258, 3, [8, 8, 8]), (259, 3, [1]), (262, 3, [2]), (277, 3, [3])]
    places = [(324, 4, offsets), (325, 4, [tiles.shape[1]] * len(tiles))]
    values = [*sides, *colours, (322, 4, [tile]), (323, 4, [tile]), *places]
    directory, beside = struct.pack("<H", len(values)), b""
    for tag, kind, numbers in values:
        packed = struct.pack(f"<{len(numbers)}{'HI'[kind == 4]}", *numbers)
        is_beside = len(packed) > 4
        place = struct.pack("<I", start + len(beside)) if is_beside else packed.ljust(4, b"\0")
        directory += struct.pack("<HHI", tag, kind, len(numbers)) + place
        beside += packed if is_beside else b""
    data = tiles.tobytes()
    kept = int(len(data) * kept_share) + 50
    data = data[:kept] + bytes(max(0, len(data) - kept))
    return b"II*\0" + struct.pack("<I", 8) + directory + bytes(4) + beside + data


def test_a_png_whose_last_bytes_are_a_part_of_a_checksum_is_alive() -> None:
    assert is_alive(encoded(CAT, "PNG")[:-14])


# BMP


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


# AVIF


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


# colours


def swapping_profile() -> bytes:
    """An RGB profile that has red and blue exchanged: any colour shows whether it was applied."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for entry in range(132, 132 + 12 * int.from_bytes(profile[128:132], "big"), 12):
        name = bytes(profile[entry : entry + 4])
        if name in (b"rXYZ", b"bXYZ"):
            profile[entry : entry + 4] = b"bXYZ" if name == b"rXYZ" else b"rXYZ"
    return bytes(profile)


@pytest.mark.parametrize(
    ("file_format", "mode"),
    [("JPEG", "RGB"), *((name, mode) for name in ("PNG", "TIFF") for mode in ("RGB", "RGBA", "P"))]
    + [(name, mode) for name in ("WEBP", "AVIF") for mode in ("RGB", "RGBA")],
)
def test_a_colour_profile_is_applied(file_format: str, mode: str) -> None:
    profile, image = swapping_profile(), CAT.convert(mode)
    data = encoded(image, file_format, icc_profile=profile)
    plain = Image.fromarray(rgb(encoded(image, file_format)))
    expected = ImageCms.profileToProfile(
        plain, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
    )
    assert is_alive(data)
    assert_near(rgb(data), expected, 3)
    assert np.abs(rgb(data).astype(int) - np.asarray(plain)).mean() > 5


def test_the_usual_profile_and_broken_ones_change_nothing() -> None:
    usual = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    grey_for_rgb = bytearray(usual)
    grey_for_rgb[16:20] = b"GRAY"
    for profile in (usual, usual[:300], b"no profile", bytes(grey_for_rgb), b""):
        data = encoded(CAT, "JPEG", icc_profile=profile)
        assert is_alive(data)
        np.testing.assert_array_equal(rgb(data), rgb(encoded(CAT, "JPEG")))


@pytest.mark.parametrize("gamma", [0, 22_727, 45_455, 50_000, 100_000])
@pytest.mark.parametrize("colour_type", [GREY, RGB])
def test_the_gamma_of_a_png_is_undone(gamma: int, colour_type: int) -> None:
    rows = RAMP if colour_type == GREY else np.stack([RAMP, RAMP[::-1], RAMP // 2], axis=2)
    data = png(rows, 8, colour_type, chunk(b"gAMA", struct.pack(">I", gamma)))
    expected = 255 * (rows / 255) ** (45_455 / gamma) if gamma else rows
    assert is_alive(data)
    assert_near(rgb(data), np.rint(expected if expected.ndim == 3 else expected[:, :, None].repeat(3, axis=2)))


@pytest.mark.parametrize(
    "other",
    [chunk(b"sRGB", b"\0"), chunk(b"iCCP", b"a\0\0" + zlib.compress(swapping_profile()))],
    ids=["sRGB", "iCCP"],
)
def test_the_gamma_of_a_png_gives_way_to_what_says_more(other: bytes) -> None:
    gamma = chunk(b"gAMA", struct.pack(">I", 100_000))
    both, alone = png(RAMP, 8, GREY, other, gamma), png(RAMP, 8, GREY, other)
    np.testing.assert_array_equal(rgb(both), rgb(alone))


@pytest.mark.parametrize(
    ("bits", "colour_type"), [(1, GREY), (2, GREY), (4, GREY), (8, GREY), (16, GREY), (8, RGB), (16, RGB)]
)
def test_the_transparent_value_of_a_png_is_white(bits: int, colour_type: int) -> None:
    most = (1 << bits) - 1
    rows = RAMP * most // 255
    rows = rows if colour_type == GREY else np.stack([rows, rows, rows], axis=2)
    value = int(rows.flat[rows.size // 3])
    data = png(rows, bits, colour_type, chunk(b"tRNS", struct.pack(">H", value) * (1 if colour_type == GREY else 3)))
    grey = rows if colour_type == GREY else rows[:, :, 0]
    expected = np.where(grey == value, 255, grey * 255 // most)
    assert_near(rgb(data)[:, :, 1], expected)


def test_a_palette_may_be_transparent() -> None:
    palette = b"".join(bytes((value, value // 2, 0)) for value in range(256))
    data = png(RAMP, 8, PALETTE, chunk(b"PLTE", palette), chunk(b"tRNS", bytes([255, 0]) + bytes([255]) * 254))
    pixels = rgb(data)
    assert (pixels[RAMP == 1] == 255).all()
    assert (pixels[RAMP == 200] == (200, 100, 0)).all()


@pytest.mark.parametrize("mode", ["I;16", "I", "I of 8 bits", "F", "LAB", "1", "LA", "CMYK", "YCbCr", "RGBA"])
def test_every_mode_of_a_tiff_becomes_the_same_picture(mode: str) -> None:
    grey = CAT.convert("1" if mode == "1" else "L")
    values = np.asarray(grey)
    images = {
        "I;16": Image.fromarray(values.astype(np.uint16) * 257),
        "I": Image.fromarray(values.astype(np.int32) << 8),
        "I of 8 bits": Image.fromarray(values.astype(np.int32)),
        "F": Image.fromarray(values.astype(np.float32) / 255),
        "LAB": ImageCms.profileToProfile(
            CAT, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        ),
    }
    image = images.get(mode) or CAT.convert(mode)
    data = encoded(image, "TIFF")
    assert is_alive(data), judge(data, Limits())
    expected = np.asarray(grey.convert("RGB") if mode in ("I;16", "I", "I of 8 bits", "F", "LA", "1") else CAT)
    assert np.abs(rgb(data).astype(int) - expected).mean() < 4


SRGB_CODES, P3_CODES, REC2020_CODES = (1, 13), (12, 13), (9, 13)
COLOUR_RAMP = np.stack([RAMP, RAMP[::-1], RAMP.T.reshape(64, 64)], axis=2)


def shown(rows: NDArray[np.int64], primaries: int, light: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Any:
    """What values in some primaries look like in sRGB, by the formulas of IEC 61966-2-1, without any profile."""

    def to_xyz(chromaticities: Chromaticities) -> NDArray[np.float64]:
        white, *colours = (np.array([x / y, 1, (1 - x - y) / y]) for x, y in np.reshape(chromaticities, (4, 2)))
        matrix = np.stack(colours, axis=1)
        return np.asarray(matrix * np.linalg.solve(matrix, white))

    linear = light(rows / 255) @ to_xyz(PRIMARIES[primaries]).T @ np.linalg.inv(to_xyz(PRIMARIES[1])).T
    linear = linear.clip(0, 1)
    return 255 * np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def srgb_light(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def chunk_of_primaries(primaries: int) -> bytes:
    return chunk(b"cHRM", struct.pack(">8I", *(round(number * 100_000) for number in PRIMARIES[primaries])))


def chunk_of_codes(primaries: int, transfer: int) -> bytes:
    return chunk(b"cICP", bytes((primaries, transfer, 0, 1)))


@pytest.mark.parametrize("primaries", [5, 6, 9, 12, 22])
def test_the_primaries_of_a_png_are_those_that_it_names(primaries: int) -> None:
    expected = shown(COLOUR_RAMP, primaries, srgb_light)
    usual_gamma = chunk(b"gAMA", struct.pack(">I", 45_455))
    for chunks in (
        [chunk_of_primaries(primaries)],
        [chunk_of_primaries(primaries), usual_gamma],
        [chunk_of_codes(primaries, 13), usual_gamma],
        [
            chunk_of_codes(primaries, 1),
            chunk_of_primaries(8),
            chunk(b"iCCP", b"a\0\0" + zlib.compress(swapping_profile())),
        ],
    ):
        data = png(COLOUR_RAMP, 8, RGB, *chunks)
        assert is_alive(data)
        assert_near(rgb(data), expected, 2)


@pytest.mark.parametrize(("transfer", "exponent"), [(4, 2.2), (5, 2.8), (8, 1.0)])
def test_the_exponents_of_a_png_are_those_that_it_names(transfer: int, exponent: float) -> None:
    data = png(COLOUR_RAMP, 8, RGB, chunk_of_codes(12, transfer))
    assert_near(rgb(data), shown(COLOUR_RAMP, 12, lambda values: values**exponent), 2)
    both = chunk(b"gAMA", struct.pack(">I", round(100_000 / 1.8))) + chunk_of_primaries(12)
    assert_near(rgb(png(COLOUR_RAMP, 8, RGB, both)), shown(COLOUR_RAMP, 12, lambda values: values**1.8), 2)


@pytest.mark.parametrize(
    "chunks",
    [
        [chunk_of_codes(1, 13)],
        [chunk_of_codes(1, 1), chunk(b"gAMA", struct.pack(">I", 100_000))],
        [chunk_of_codes(2, 2)],
        [chunk(b"sRGB", b"\0"), chunk_of_primaries(12)],
        [chunk(b"cHRM", struct.pack(">8I", 31_270, 32_900, 63_999, 33_001, 30_000, 60_000, 15_000, 5_999))],
        [chunk(b"cHRM", bytes(32))],
        [chunk(b"cHRM", b"\xff" * 32)],
        [chunk(b"cHRM", bytes(31))],
        [chunk(b"cICP", b"\x0c")],
        [chunk(b"cICP", bytes((9, 13, 0, 0)))],
    ],
    ids=repr,
)
def test_usual_and_broken_primaries_of_a_png_change_nothing(chunks: list[bytes]) -> None:
    data = png(COLOUR_RAMP, 8, RGB, *chunks)
    assert is_alive(data)
    np.testing.assert_array_equal(rgb(data), COLOUR_RAMP)


def test_the_primaries_of_a_grey_png_change_nothing_and_its_gamma_does() -> None:
    gamma = chunk(b"gAMA", struct.pack(">I", 100_000))
    alone = rgb(png(RAMP, 8, GREY, gamma))
    np.testing.assert_array_equal(rgb(png(RAMP, 8, GREY, chunk_of_primaries(12), gamma)), alone)
    np.testing.assert_array_equal(rgb(png(RAMP, 8, GREY, chunk_of_codes(12, 8))), alone)


@pytest.mark.parametrize("transfer", [16, 18])
def test_a_picture_for_a_bright_screen_has_paper_for_white(transfer: int) -> None:
    """203 candela per square metre, which PQ codes as 0.58 and HLG as 0.75: ITU-R BT.2408, table 1."""
    pixels = rgb(png(RAMP[:, :, None].repeat(3, axis=2), 8, RGB, chunk_of_codes(9, transfer)))
    white = {16: 0.58, 18: 0.75}[transfer] * 255
    greys = {int(value): int(pixels[value == RAMP][0, 0]) for value in range(256)}
    assert all(greys[value] <= greys[value + 1] for value in range(255))
    assert greys[0] == 0
    assert greys[int(white) - 3] < 255
    assert greys[int(white) + 3] == 255


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
@pytest.mark.parametrize("codes", [SRGB_CODES, P3_CODES, REC2020_CODES, (2, 2), (1, 8)], ids=str)
def test_the_primaries_of_an_avif_are_those_that_it_names(codes: tuple[int, int]) -> None:
    data = encoded(CAT, "AVIF", quality=90)
    plain = rgb(data).astype(np.int64)
    place = data.index(b"colrnclx") + 8
    named = data[:place] + struct.pack(">HH", *codes) + data[place + 4 :]
    light = (lambda values: values) if codes[1] == 8 else srgb_light
    assert is_alive(named)
    assert_near(rgb(named), shown(plain, 1 if codes[0] == 2 else codes[0], light), 2)
