"""The colours of a picture are those that it means: by its profile, its primaries, its gamma and its mode."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, features

from regraft.menagerie.drawing import encoded
from regraft.pictures.coded_colours import PRIMARIES, Chromaticities
from regraft.pictures.colours import rgb
from regraft.pictures.judge import judge
from regraft.pictures.limits import Limits
from tests.pictures.judged import CAT, assert_near, is_alive
from tests.pictures.pngs import GREY, PALETTE, RGB, chunk, png

RAMP = np.arange(256, dtype=np.int64).repeat(2).reshape(8, 64).repeat(8, axis=0)
"""Every grey value of 8 bits."""


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
