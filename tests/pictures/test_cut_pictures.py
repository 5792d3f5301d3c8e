"""Pictures that were cut are seen to be, whatever fills what is missing; odd ends of whole ones do no harm."""

import struct

import numpy as np
import pytest
from PIL import Image

from regraft.menagerie.drawing import encoded
from regraft.pictures.judge import Unfit, judge
from regraft.pictures.limits import Limits
from regraft.verdicts import Reason
from tests.pictures.judged import CAT, encoded_cat, is_alive


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
    data = encoded_cat(file_format, **options)
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
    data = encoded_cat(file_format, **options)
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
