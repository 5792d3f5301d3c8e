"""PNGs that are odd and good are alive, and those that lack pixels are not."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from regraft.menagerie.drawing import encoded
from regraft.pictures.colours import rgb
from regraft.pictures.png import INTERLACED
from tests.pictures.judged import CAT, is_alive
from tests.pictures.pngs import after_header, chunk, filtered, packed_png


@pytest.mark.parametrize("name", [b"zTXt", b"iTXt", b"iCCP", b"tEXt"])
def test_megabytes_of_text_or_profile_are_no_reason_to_lose_a_png(name: bytes) -> None:
    packed = zlib.compress(bytes(30_000_000))
    body = {b"iTXt": b"a\0\1\0\0\0" + packed, b"tEXt": b"a\0" + bytes(2_000_000)}.get(name, b"a\0\0" + packed)
    assert is_alive(after_header(encoded(CAT, "PNG"), chunk(name, body)))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P"])
@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        (b"tRNS", (0, 1, 3, 4, 8, 257, 300)),
        (b"gAMA", (0, 1, 3, 5)),
        (b"cHRM", (31, 33, 300)),
        (b"sRGB", (0, 2)),
        (b"cICP", (0, 3, 5)),
        (b"acTL", (0, 4, 7, 9)),
    ],
)
def test_a_chunk_whose_size_it_cannot_have_says_nothing(name: bytes, sizes: tuple[int, ...], mode: str) -> None:
    plain = encoded(CAT.convert(mode, colors=250), "PNG")
    pixels = plain.index(b"IDAT") - 4
    for size in sizes:
        if mode == "P" and name == b"tRNS" and size <= 250:
            continue  # of a palette it says how transparent so many colours are
        data = plain[:pixels] + chunk(name, b"\1" * size) + plain[pixels:]
        assert is_alive(data), size
        np.testing.assert_array_equal(rgb(data), rgb(plain), str(size))


def test_a_gamma_that_no_picture_has_says_nothing() -> None:
    plain = encoded(CAT, "PNG")
    for gamma in (0, 1, 15, 625_000_001, 2**32 - 1):
        np.testing.assert_array_equal(rgb(after_header(plain, chunk(b"gAMA", struct.pack(">I", gamma)))), rgb(plain))


def test_a_png_without_its_end_is_alive_and_without_its_last_pixels_is_not() -> None:
    data = encoded(CAT, "PNG")
    assert is_alive(data[:-12])
    assert is_alive(data + b"and more")
    assert not is_alive(data[:-60])
    assert not is_alive(data[:-60] + chunk(b"IEND", b""))


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


def test_a_png_whose_last_bytes_are_a_part_of_a_checksum_is_alive() -> None:
    assert is_alive(encoded(CAT, "PNG")[:-14])
