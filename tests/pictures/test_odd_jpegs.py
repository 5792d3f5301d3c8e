"""JPEGs that are odd and good are alive, and those that are damaged are not, whatever is done to hide it."""

import io
import re
import struct
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from regraft.menagerie.drawing import drawing, encoded
from regraft.pictures.colours import rgb
from regraft.pictures.judge import Picture, Unfit, judge
from regraft.pictures.limits import Limits
from regraft.verdicts import Reason
from tests.pictures.jpegs import adobe, blocks, lossless, mosaic, segment

CAT = drawing("cat", 1)
JPEG = encoded(CAT, "JPEG", quality=90)
PROGRESSIVE = encoded(CAT, "JPEG", quality=90, progressive=True)
WITH_RESTARTS = encoded(CAT, "JPEG", quality=90, restart_marker_blocks=7)
CMYK = encoded(CAT.convert("CMYK"), "JPEG", quality=90)
KINDS = {"baseline": JPEG, "progressive": PROGRESSIVE, "with restarts": WITH_RESTARTS, "CMYK": CMYK}
EXIF_TURNED = b"Exif\0\0MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\x06\0\0\0\0\0\0"
"""An EXIF block that says: turned by a quarter."""
PROFILE_PARTS = [segment(0xE2, b"ICC_PROFILE\0" + bytes((number, 9)) + b"nonsense") for number in (7, 7, 0)]
SCAN_OF_ANOTHER = encoded(drawing("tiger", 2), "JPEG", quality=90)[700:-2]
QUANTISATION = segment(0xDB, b"\0" + b"\1" * 64)


def with_bytes_between_segments(jpeg: bytes, stray: bytes) -> bytes:
    """The JPEG with bytes before each segment of its header, where decoders skip them."""
    parts, place = [jpeg[:2]], 2
    while jpeg[place + 1] != 0xDA:
        end = place + 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
        parts += [jpeg[place:end], stray]
        place = end
    return b"".join([*parts, jpeg[place:]])


def after_soi(jpeg: bytes, *segments: bytes) -> bytes:
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def strip_end(jpeg: bytes) -> bytes:
    return jpeg.removesuffix(b"\xff\xd9")


ODD: dict[str, Callable[[bytes], bytes]] = {
    "bytes between segments": lambda jpeg: with_bytes_between_segments(jpeg, b"\0\0\0"),
    "a letter between segments": lambda jpeg: with_bytes_between_segments(jpeg, b"x"),
    "stuffed bytes between segments": lambda jpeg: with_bytes_between_segments(jpeg, b"\xff\0\xff\xff"),
    "fill bytes before markers": lambda jpeg: with_bytes_between_segments(jpeg, b"\xff\xff"),
    "wrongly numbered ICC parts": lambda jpeg: after_soi(jpeg, *PROFILE_PARTS),
    "an unknown JFIF version": lambda jpeg: jpeg.replace(b"JFIF\0\1", b"JFIF\0\7", 1),
    "no end": strip_end,
    "a camera's trailer instead of an end": lambda jpeg: strip_end(jpeg) + bytes(range(250)) * 9,
    "a trailer behind its end": lambda jpeg: jpeg + b"\xff\xd8\xff\xe1" + bytes(4000),
    "another JPEG behind its end": lambda jpeg: jpeg + JPEG,
    "a trailer with an end of its own": lambda jpeg: (
        strip_end(jpeg) + bytes(range(250)) * 9 + b"\xff\xe9" + jpeg[-900:]
    ),
    "eleven bytes before its end": lambda jpeg: strip_end(jpeg) + bytes(range(1, 12)) + b"\xff\xd9",
    "bytes before each restart": lambda jpeg: re.sub(
        rb"\xff[\xd0-\xd7]", lambda restart: b"\x7f\x10\5" + restart[0], jpeg
    ),
    "zeros before its end": lambda jpeg: strip_end(jpeg) + bytes(700) + b"\xff\xd9",
    "a segment of no length": lambda jpeg: after_soi(jpeg, b"\xff\xe5\0\0"),
    "two starts": lambda jpeg: jpeg[:2] + jpeg,
    "a comment behind the scan": lambda jpeg: strip_end(jpeg) + segment(0xFE, b"made by hand") + b"\xff\xd9",
    "a broken EXIF block": lambda jpeg: after_soi(jpeg, segment(0xE1, b"Exif\0\0MM\0*\xff\xff\xff\xff")),
}
RESTS = {
    "nothing": b"",
    "end": b"\xff\xd9",
    "start": b"\xff\xd8",
    "table": QUANTISATION + b"\xff\xd9",
    "whole JPEG": JPEG,
    "restart": b"\xff\xd0\xff\xd9",
    "frame": b"\xff\xc0",
    "zeros": b"\0" * 40,
    "zeros for all that is missing": b"\0" * 60_000,
    "zeros and an end": b"\0" * 60_000 + b"\xff\xd9",
    "blanks": b" " * 60_000,
    "an archive": b"PK\3\4" + np.random.default_rng(0).bytes(9000),
    "a web page": b"<html><body><h1>502 Bad Gateway</h1><hr>nginx</body></html>\r\n" * 900,
    "text without lines": b"aGVsbG8gd29ybGQ" * 4000,
    "a page in Russian": "<h1>Ошибка 502</h1><p>Сервер временно недоступен</p>\r\n".encode() * 900,
    "a page in Japanese": "<h1>エラー</h1><p>ページを表示できません。</p>\n".encode() * 900,
    "noise and an end": np.random.default_rng(1).integers(0, 255, 60_000, dtype=np.uint8).tobytes() + b"\xff\xd9",
    "another JPEG's pixels without an end": SCAN_OF_ANOTHER * 3,
    "another JPEG's bytes": encoded(drawing("tiger", 2), "JPEG", quality=90)[-3000:] * 3,
}
"""What may follow where a JPEG is cut."""
SAMPLINGS = {
    "4:4:4": [(1, 1), (1, 1), (1, 1)],
    "4:2:2": [(2, 1), (1, 1), (1, 1)],
    "4:4:0": [(1, 2), (1, 1), (1, 1)],
    "4:2:0": [(2, 2), (1, 1), (1, 1)],
    "4:1:1": [(4, 1), (1, 1), (1, 1)],
    "4:1:0": [(4, 2), (1, 1), (1, 1)],
    "1 x 3": [(1, 3), (1, 1), (1, 1)],
    "1 x 4": [(1, 4), (1, 1), (1, 1)],
    "3 x 1": [(3, 1), (1, 1), (1, 1)],
    "colours finer than brightness": [(1, 1), (2, 2), (1, 1)],
    "4:2:0, each colour otherwise": [(2, 2), (2, 1), (1, 2)],
    "all colours doubled": [(2, 1), (2, 1), (2, 1)],
    "grey of 1 x 3": [(1, 3)],
    "grey of 2 x 2": [(2, 2)],
    "CMYK": [(1, 1)] * 4,
    "subsampled CMYK": [(2, 2), (1, 1), (1, 1), (2, 2)],
}


def of_pillow(data: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def is_alive(data: bytes) -> bool:
    """Whether a JPEG is judged to be alive; then it must decode, in both ways that it is decoded."""
    finding = judge(data, Limits())
    if isinstance(finding, Picture):
        assert rgb(data).shape == (finding.height, finding.width, 3)
        assert min(rgb(data, 48).shape[:2]) >= min(48, finding.height, finding.width)
    return isinstance(finding, Picture)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ODD)
def test_odd_jpegs_are_alive_and_decode_as_the_plain_ones(name: str, kind: str) -> None:
    odd = ODD[name](KINDS[kind])
    assert is_alive(odd), judge(odd, Limits())
    np.testing.assert_array_equal(rgb(odd), rgb(KINDS[kind]))


@pytest.mark.parametrize("name", SAMPLINGS)
def test_every_sampling_is_alive_and_has_the_colours_that_libjpeg_gives(name: str) -> None:
    samplings = SAMPLINGS[name]
    data = mosaic(blocks(3, samplings), samplings)
    assert is_alive(data), judge(data, Limits())
    expected = of_pillow(data)
    assert np.abs(rgb(data) - expected).max() <= 3


@pytest.mark.parametrize("name", SAMPLINGS)
@pytest.mark.parametrize("restart_interval", [0, 4])
def test_no_sampling_hides_that_a_jpeg_is_cut(name: str, restart_interval: int) -> None:
    samplings = SAMPLINGS[name]
    data = mosaic(blocks(3, samplings), samplings, restart_interval=restart_interval)
    scan = data.index(b"\xff\xda")
    for share in (0.3, 0.6, 0.9):
        cut = data[: scan + int((len(data) - scan) * share)]
        assert not is_alive(cut)
        assert not is_alive(cut + b"\xff\xd9")
        assert not is_alive(cut + bytes(20_000))


@pytest.mark.parametrize("name", SAMPLINGS)
def test_no_sampling_hides_that_a_jpeg_goes_on_as_something_else(name: str) -> None:
    samplings = SAMPLINGS[name]
    data = mosaic(blocks(3, samplings, units=12), samplings)
    scan = data.index(b"\xff\xda") + 14
    noise = np.random.default_rng(2).integers(0, 255, len(data), dtype=np.uint8).tobytes()
    for share in (0.3, 0.6, 0.9):
        assert not is_alive(data[: scan + int((len(data) - scan) * share)] + noise + b"\xff\xd9")


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("trailer", [bytes(range(250)) * 9, b"maker\0note\1\2\3" * 90], ids=["bytes", "a note"])
def test_a_trailer_may_follow_an_area_of_one_colour(trailer: bytes, mode: str) -> None:
    """Hardly any byte of such an area is 255."""
    for colour in ("white", "black", "teal"):
        image = Image.new("RGB", (320, 400), colour)
        image.paste(CAT.resize((320, 150)))
        assert is_alive(strip_end(encoded(image.convert(mode), "JPEG", quality=90)) + trailer)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_no_last_byte_of_a_jpeg_is_taken_for_fill(mode: str) -> None:
    for seed in range(20):
        pixels = np.random.default_rng(seed).integers(0, 255, (64, 64), dtype=np.uint8)
        noise = encoded(Image.fromarray(pixels).convert(mode), "JPEG")
        assert is_alive(strip_end(noise) + bytes(700) + b"\xff\xd9"), seed


def test_a_whole_jpeg_may_end_in_bytes_that_are_all_the_same() -> None:
    """They look as if they were mere fill, where the lower half is of one colour and its code is as short as can be."""
    pixels = np.asarray(CAT.convert("CMYK")).copy()
    pixels[len(pixels) // 3 :] = 0
    flat = encoded(Image.fromarray(pixels, "CMYK"), "JPEG", optimize=True)
    assert len(set(flat[-30:-4])) == 1
    assert is_alive(flat)
    assert is_alive(strip_end(flat) + b"\1\2\3\xff\xd9")


@pytest.mark.parametrize("transform", [0, 1, 2, 7])
@pytest.mark.parametrize("colours", [3, 4])
def test_adobe_colour_codes_are_read_as_libjpeg_reads_them(transform: int, colours: int) -> None:
    samplings = [(1, 1)] * colours
    data = mosaic(blocks(4, samplings), samplings, application=adobe(transform))
    assert is_alive(data), judge(data, Limits())
    assert np.abs(rgb(data) - of_pillow(data)).max() <= 2


def test_a_jpeg_in_rgb_is_known_by_its_components() -> None:
    samplings = [(1, 1)] * 3
    planes = blocks(5, samplings)
    data = mosaic(planes, samplings, ids=b"RGB")
    assert is_alive(data)
    np.testing.assert_allclose(rgb(data)[::8, ::8].transpose(2, 0, 1), planes, atol=1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.97])
@pytest.mark.parametrize(
    "rest",
    RESTS.values(),
    ids=RESTS,
)
def test_a_cut_jpeg_is_truncated_whatever_follows(kind: str, share: float, rest: bytes) -> None:
    jpeg = KINDS[kind]
    scan = jpeg.index(b"\xff\xda") + 14
    cut = jpeg[: scan + int((len(jpeg) - scan) * share)].rstrip(b"\xff")
    for data in (cut, with_bytes_between_segments(cut, b"xyz"), after_soi(cut, *PROFILE_PARTS)):
        finding = judge(data + rest, Limits())
        assert isinstance(finding, Unfit), finding
        assert finding.reason == Reason.TRUNCATED


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True}, {"subsampling": 0}])
def test_a_cut_photograph_is_truncated_though_noise_without_a_marker_follows(
    options: dict[str, int], share: float
) -> None:
    random = np.random.default_rng(0)
    grain = random.integers(-25, 25, (300, 400, 3))
    smooth = np.asarray(CAT.resize((400, 300))).astype(int)
    photograph = encoded(Image.fromarray((smooth + grain).clip(0, 255).astype(np.uint8)), "JPEG", quality=90, **options)
    noise = random.integers(0, 255, 2 * len(photograph), dtype=np.uint8).tobytes()
    assert is_alive(strip_end(photograph) + noise[:3000])
    assert not is_alive(photograph[: int(len(photograph) * share)] + noise)


def test_a_progressive_jpeg_that_is_cut_between_two_scans_is_truncated_though_its_end_is_marked() -> None:
    scans = [match.start() for match in re.finditer(rb"\xff[\xc4\xda]", PROGRESSIVE)]
    first = PROGRESSIVE.index(b"\xff\xda")
    for scan in scans:
        if scan > first:
            assert not is_alive(PROGRESSIVE[:scan] + b"\xff\xd9")


def with_numbers(jpeg: bytes, numbers: bytes) -> bytes:
    """The JPEG with its three colours numbered otherwise, in its frame and its first scan."""
    frame, scan = jpeg.index(jpeg[jpeg.index(b"\xff\xc0") :][:2]), jpeg.index(b"\xff\xda")
    bent = bytearray(jpeg)
    bent[frame + 10 : frame + 19 : 3] = bent[scan + 5 : scan + 11 : 2] = numbers
    return bytes(bent)


@pytest.mark.parametrize("numbers", [b"\0\1\2", b"\xff\xfe\xfd", b"\1\1\1", b"\2\2\1"])
def test_colours_may_have_any_numbers_as_long_as_one_scan_holds_them_all(numbers: bytes) -> None:
    for jpeg in (JPEG, WITH_RESTARTS):
        odd = with_numbers(jpeg, numbers)
        assert is_alive(odd)
        np.testing.assert_array_equal(rgb(odd), rgb(jpeg))


def test_colours_of_one_number_in_scans_of_their_own_are_not_decoded() -> None:
    frame = PROGRESSIVE.index(b"\xff\xc2")
    assert not is_alive(PROGRESSIVE[: frame + 13] + PROGRESSIVE[frame + 10 : frame + 11] + PROGRESSIVE[frame + 14 :])


def test_a_jpeg_may_leave_out_the_usual_huffman_tables_as_frames_of_videos_do() -> None:
    usual = encoded(CAT, "JPEG", quality=75)
    without = re.sub(rb"\xff\xc4\0.{29}|\xff\xc4\0.{179}|\xff\xc4\0\xb5.{179}", b"", usual, flags=re.DOTALL)
    assert b"\xff\xc4" not in without
    assert is_alive(without)
    np.testing.assert_array_equal(rgb(without), rgb(usual))


def test_only_a_last_line_may_be_missing() -> None:
    """A JPEG is judged by how much of it really decodes: of many rows the last few are no loss."""
    samplings = [(1, 1)] * 3
    tall = [np.tile(plane, (40, 1)) for plane in blocks(6, samplings, units=5)]
    data = mosaic(tall, samplings)
    assert is_alive(data[:-5])
    assert not is_alive(data[: -len(data) // 20])


@pytest.mark.parametrize("lost_bytes", [500, 1460])
@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"optimize": True}], ids=str)
def test_a_jpeg_whose_end_is_marked_lacks_no_more_than_its_last_unit(options: dict[str, int], lost_bytes: int) -> None:
    """What bytes are missing for may lie in a last row of one pixel; but all behind the loss is elsewhere."""
    grain = np.random.default_rng(0).integers(-25, 25, (401, 300, 3))
    smooth = np.asarray(CAT.resize((300, 401))).astype(int)
    photograph = encoded(Image.fromarray((smooth + grain).clip(0, 255).astype(np.uint8)), "JPEG", quality=90, **options)
    for share in (0.3, 0.6, 0.9):
        lost = int(len(photograph) * share)
        assert not is_alive(photograph[:lost].rstrip(b"\xff") + photograph[lost + lost_bytes :])
    assert is_alive(photograph[:-3] + b"\xff\xd9")


def test_the_orientation_is_found_behind_64_kb() -> None:
    fillers = [segment(0xE5, bytes(60_000))] * 3
    turned = after_soi(JPEG, *fillers, segment(0xE1, EXIF_TURNED))
    assert rgb(turned).shape == (CAT.width, CAT.height, 3)
    np.testing.assert_array_equal(rgb(turned), np.rot90(rgb(JPEG), -1))


@pytest.mark.parametrize("marker", [0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF])
def test_kinds_of_jpeg_that_are_not_on_the_list_are_not_decoded(marker: int) -> None:
    data = JPEG.replace(b"\xff\xc0", bytes((0xFF, marker)), 1)
    finding = judge(data, Limits())
    assert isinstance(finding, Unfit)
    assert f"SOF{marker & 15}" in finding.detail


@pytest.mark.parametrize("side", [33, 40, 64, 300])
def test_a_lossless_jpeg_is_not_decoded(side: int) -> None:
    finding = judge(lossless(side), Limits())
    assert isinstance(finding, Unfit)
    assert "SOF3" in finding.detail
    with pytest.raises(ValueError, match="SOF3"):
        rgb(lossless(side))


def test_a_second_frame_that_hides_behind_the_first_is_not_decoded() -> None:
    frame = JPEG[JPEG.index(b"\xff\xc0") :][:19]
    assert not is_alive(JPEG.replace(frame, frame + b"\xff\xc3" + frame[2:], 1))


@pytest.mark.parametrize("bits", [2, 12, 16])
def test_a_jpeg_of_other_than_8_bits_is_not_decoded(bits: int) -> None:
    frame = JPEG.index(b"\xff\xc0")
    assert not is_alive(JPEG[: frame + 4] + bytes([bits]) + JPEG[frame + 5 :])


def test_a_jpeg_of_no_height_is_not_decoded() -> None:
    frame = JPEG.index(b"\xff\xc0")
    assert not is_alive(JPEG[: frame + 5] + struct.pack(">H", 0) + JPEG[frame + 7 :])
