"""Pictures that are small files and much work are refused, or wait for one another; nothing crashes the process.

They are judged in processes of their own, whose memory and CPU time are then known.
"""

import json
import pickle
import struct
import subprocess
import sys
import threading
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from regraft.menagerie.drawing import drawing, encoded
from regraft.pictures import gif
from regraft.pictures.judge import Picture, Unfit, judge
from regraft.pictures.limits import Limits
from regraft.pictures.tiff import tiff_header
from regraft.pictures.webp import webp_header
from regraft.pictures.work import MAX_SCANS, MAX_SEGMENTS, DecodingMemory
from regraft.verdicts import Reason
from tests.pictures.jpegs import blocks, lossless, mosaic, segment
from tests.pictures.pngs import SIGNATURE, chunk

CAT = drawing("cat", 1)
MIB = 1 << 20
JUDGE_ON_THREADS = """
import json, pickle, resource, sys, threading
from pathlib import Path
from regraft.pictures.colours import rgb
from regraft.pictures.judge import Picture, judge
from regraft.pictures.limits import Limits
from regraft.process import prepare_process

def peak_mib():  # not by getrusage, which counts what its parent held before this program began
    [line] = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024

prepare_process()
files, threads = pickle.loads(Path(sys.argv[1]).read_bytes()), int(sys.argv[2])
judge(files[0][:9], Limits())
before_mib = peak_mib()
findings, peaks_mib = [], []

def work():
    for data in files:
        finding = judge(data, Limits())
        if isinstance(finding, Picture) and rgb(data).shape != (finding.height, finding.width, 3):
            raise AssertionError("judged to be another picture than it decodes to")
        findings.append(str(getattr(finding, "reason", "")))
        peaks_mib.append(peak_mib() - before_mib)

together = [threading.Thread(target=work) for _ in range(threads)]
[thread.start() for thread in together]
[thread.join() for thread in together]
cpu_s = resource.getrusage(resource.RUSAGE_SELF).ru_utime
print(json.dumps({"reasons": findings, "peaks_mib": peaks_mib, "cpu_s": cpu_s}))
"""


@dataclass(frozen=True)
class Judged:
    """What a process came to that judged pictures."""

    reasons: list[str]
    """Of each picture that it judged, "" for one that is alive."""
    peaks_mib: list[float]
    """The most memory that it has taken by the end of each picture."""
    cpu_s: float
    """CPU seconds that it took in all."""


def judged(folder: Path, *files: bytes, threads: int = 1) -> Judged:
    """Judge and decode pictures in another process, on so many threads; a crash of that process is a failure."""
    path = folder / "files"
    path.write_bytes(pickle.dumps(files))
    command = [sys.executable, "-c", JUDGE_ON_THREADS, str(path), str(threads)]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "Traceback" not in ran.stderr, ran.stderr
    return Judged(**json.loads(ran.stdout))


GIF = encoded(CAT.convert("L"), "GIF", optimize=False)
COMMENT = b"!\xfe\1x\0"
MANY_BLOCKS = {
    "comments": COMMENT * 6_000,
    "extensions of nothing": b"!\xf9\0" * 6_000,
    "blocks of one byte": b"!\xfe" + b"\1x" * 6_000 + b"\0",
    "empty images": (b"," + bytes(11)) * 6_000,
}


def test_a_gif_of_very_many_blocks_is_too_much_work() -> None:
    """Pillow reads them in Python, and keeps what they say: 20 MB of comments took 1 GB."""
    assert reason(GIF[:-1] + COMMENT * 600_000) == Reason.TOO_MANY_PIXELS


@pytest.mark.parametrize("blocks", MANY_BLOCKS.values(), ids=MANY_BLOCKS)
def test_all_blocks_of_a_gif_count_wherever_they_are(blocks: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    place = GIF.index(b",\0\0\0\0", 13 + 3 * 256)
    many = GIF[:place] + blocks + GIF[place:], GIF[:-1] + blocks
    assert Reason.TOO_MANY_PIXELS not in [getattr(judge(data, Limits()), "reason", None) for data in many]
    monkeypatch.setattr(gif, "MAX_BLOCKS", 5_000)
    assert [reason(data) for data in many] == [Reason.TOO_MANY_PIXELS] * 2


def with_scans(count: int) -> bytes:
    """A progressive JPEG with that many scans."""
    jpeg = encoded(CAT, "JPEG", progressive=True)
    last = jpeg.rindex(b"\xff\xda")
    return jpeg[:-2] + jpeg[last:-2] * (count - jpeg.count(b"\xff\xda")) + b"\xff\xd9"


def flat_png(side: int, mode: str = "RGB", **options: object) -> bytes:
    return encoded(
        Image.new(mode, (side, side), "teal" if mode == "RGB" else 9_000), "PNG", compress_level=1, **options
    )


def reason(data: bytes) -> Reason:
    finding = judge(data, Limits())
    assert isinstance(finding, Unfit), finding
    return finding.reason


def test_a_jpeg_of_very_many_scans_is_too_much_work(tmp_path: Path) -> None:
    bomb = with_scans(1_500)
    assert reason(bomb) == Reason.TOO_MANY_PIXELS
    assert judged(tmp_path, *[bomb] * 50).cpu_s < 20


@pytest.mark.parametrize("scans", [MAX_SCANS + 1, 20_000])
def test_scans_are_counted_before_any_is_decoded(scans: int) -> None:
    assert reason(with_scans(scans)) == Reason.TOO_MANY_PIXELS


def test_pixels_times_scans_are_bounded() -> None:
    jpeg = with_scans(60)
    frame = jpeg.index(b"\xff\xc2")
    huge = jpeg[: frame + 5] + (7000).to_bytes(2, "big") * 2 + jpeg[frame + 9 :]
    assert reason(huge) == Reason.TOO_MANY_PIXELS


def zeros_png(size: int) -> bytes:
    """A small PNG whose pixels unpack to so many bytes."""
    header = encoded(CAT, "PNG")[8:33]
    return SIGNATURE + header + chunk(b"IDAT", zlib.compress(bytes(size), 1)) + chunk(b"IEND", b"")


def restarts_for_ever(bytes_left: int) -> bytes:
    """A JPEG whose last bytes are restart markers."""
    return encoded(CAT, "JPEG")[:bytes_left] + b"\xff\xd0" * 2_000_000 + b"\xff\xd9"


def test_no_picture_takes_more_memory_than_its_pixels_may(tmp_path: Path) -> None:
    """One process judges all, those that may take least first, so that each must stay below its own limit."""
    limits_mib = {
        "restarts at the end": (restarts_for_ever(-2), "", 60),
        "restarts in place of pixels": (restarts_for_ever(-2000), "truncated", 60),
        "flat RGB": (flat_png(3000), "placeholder", 75),
        "more bytes than pixels": (zeros_png(130 * MIB), "placeholder", 100),
        "16-bit grey": (flat_png(3000, "I;16"), "placeholder", 110),
        "a transparent colour": (flat_png(3000, transparency=(0, 0, 0)), "placeholder", 130),
    }
    result = judged(tmp_path, *[data for data, _, _ in limits_mib.values()])
    print(dict(zip(limits_mib, zip(result.reasons, result.peaks_mib, strict=True), strict=True)))
    assert result.reasons == [reason for _, reason, _ in limits_mib.values()]
    for (name, (_, _, mib)), peak in zip(limits_mib.items(), result.peaks_mib, strict=True):
        assert peak < mib, name


def test_many_large_pictures_at_once_share_the_memory(tmp_path: Path) -> None:
    result = judged(tmp_path, flat_png(4000), threads=8)
    assert result.reasons == ["placeholder"] * 8
    assert result.peaks_mib[-1] < 350  # all eight at once would take 512


@pytest.mark.parametrize("size", [1, 5, 9, 10, 30])
def test_memory_is_never_taken_beyond_its_limit(size: int) -> None:
    memory, lock, taken, most = DecodingMemory(10), threading.Lock(), [0], [0]

    def decode() -> None:
        for _ in range(50):
            with memory.reserved(size):
                with lock:
                    taken[0] += min(size, 10)
                    most[0] = max(most[0], taken[0])
                with lock:
                    taken[0] -= min(size, 10)

    threads = [threading.Thread(target=decode) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] <= 10


def test_segments_and_chunks_without_end_are_too_much_work() -> None:
    jpeg, png = encoded(CAT, "JPEG"), encoded(CAT, "PNG")
    assert reason(jpeg[:2] + segment(0xFE, b"") * (MAX_SEGMENTS + 1) + jpeg[2:]) == Reason.TOO_MANY_PIXELS
    assert reason(png[:33] + chunk(b"tEXt", b"") * (MAX_SEGMENTS + 1) + png[33:]) == Reason.TOO_MANY_PIXELS


def test_chunks_of_a_webp_and_boxes_of_an_avif_without_end_are_too_much_work() -> None:
    webp, avif, empty = encoded(CAT, "WEBP"), encoded(CAT, "AVIF"), b"XXXX\0\0\0\0" * (MAX_SEGMENTS + 1)
    assert reason(webp[:4] + struct.pack("<I", len(webp) - 8 + len(empty)) + webp[8:] + empty) == Reason.TOO_MANY_PIXELS
    assert reason(avif + b"\0\0\0\x08free" * (MAX_SEGMENTS + 1)) == Reason.TOO_MANY_PIXELS
    assert isinstance(judge(webp + bytes(1_000_000), Limits()), Picture)
    assert isinstance(judge(avif + bytes(1_000_000), Limits()), Picture)


def in_strips(count: int, is_big: bool = False) -> bytes:
    """A grey TIFF of one row a strip, all of which are its own header."""
    tags = [(256, 40), (257, count), (258, 8), (259, 1), (262, 1), (273, 0), (277, 1), (278, 1)]
    entry, start = ("<HHQQ", 16) if is_big else ("<HHII", 8)
    directory = struct.pack("<Q" if is_big else "<H", len(tags))
    beside = start + len(directory) + len(tags) * struct.calcsize(entry) + (8 if is_big else 4)
    for tag, value in tags:
        directory += struct.pack(entry, tag, 4, count if tag == 273 else 1, beside if tag == 273 else value)
    header = struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16) if is_big else struct.pack("<2sHI", b"II", 42, 8)
    return header + directory + bytes(8 if is_big else 4) + struct.pack("<I", 60) * count


@pytest.mark.parametrize("is_big", [False, True])
def test_strips_without_end_are_too_much_work(is_big: bool) -> None:
    assert tiff_header(in_strips(1000, is_big)).parts == 1000
    assert reason(in_strips(500_000, is_big)) == Reason.TOO_MANY_PIXELS
    for end in range(120):
        assert tiff_header(in_strips(9, is_big)[:end]).parts in (0, 9)


def in_one_tile(side: int, order: str, is_short: bool) -> bytes:
    """A grey TIFF of 64 x 64 pixels in one compressed tile of so many."""
    body = zlib.compress(bytes(range(256)) * 16)
    tags = [(256, 64), (257, 64), (258, 8), (259, 8), (262, 1), (277, 1), (322, side), (323, side), (324, 8)]
    directory = struct.pack(order + "H", len(tags) + 1)
    for tag, value in tags:
        is_short_value = is_short and tag in (322, 323)
        directory += struct.pack(
            order + ("HHIH2x" if is_short_value else "HHII"), tag, 3 if is_short_value else 4, 1, value
        )
    directory += struct.pack(order + "HHII", 325, 4, 1, len(body)) + bytes(4)
    start = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "I", 8 + len(body))
    return start + body + directory


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("is_short", [False, True])
def test_a_small_picture_in_a_huge_tile_is_too_much_work(order: str, is_short: bool) -> None:
    """Libtiff took 1.5 GB for one of 1 kB."""
    assert tiff_header(in_one_tile(64, order, is_short)).tile_pixels == 64 * 64
    assert reason(in_one_tile(40_000, order, is_short)) == Reason.TOO_MANY_PIXELS


def test_what_a_header_repeats_thousands_of_times_takes_no_time(tmp_path: Path) -> None:
    """Tables of a JPEG, profiles of a PNG: each alone is allowed, and cheap."""
    jpeg, png = encoded(CAT, "JPEG"), encoded(CAT, "PNG")
    tables = segment(0xDB, (b"\0" + b"\1" * 64) * 30) * 9000
    profiles = chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(4_000_000))) * 3000
    result = judged(tmp_path, jpeg[:2] + tables + jpeg[2:], png[:33] + profiles + png[33:])
    assert result.reasons == [""] * 2
    assert result.cpu_s < 15  # it was 40


@pytest.mark.parametrize("is_lossless", [True, False])
def test_a_webp_of_a_huge_canvas_is_refused_before_it_is_opened(is_lossless: bool) -> None:
    plain = encoded(CAT, "WEBP", lossless=is_lossless)
    extended = encoded(CAT.convert("RGBA"), "WEBP", lossless=is_lossless, exif=b"Exif\0\0MM\0*" + bytes(9))
    for data in (plain, extended):
        assert webp_header(data)[:2] == CAT.size
    side = (16_383).to_bytes(3, "little")
    huge = extended[:24] + side + side + extended[30:]
    assert reason(huge) == Reason.TOO_MANY_PIXELS
    assert reason(plain[:29]) == reason(plain[:12] + b"VP9 " + plain[16:]) == Reason.TRUNCATED


def test_no_jpeg_crashes_a_decoder_however_its_header_is_bent(tmp_path: Path) -> None:
    """Every byte of a header takes an odd value, in JPEGs of all kinds; lossless ones overflowed the heap."""
    random = np.random.default_rng(0)
    samplings = [(2, 2), (1, 1), (1, 1)]
    kinds = [
        encoded(CAT.resize((48, 40)), "JPEG"),
        encoded(CAT.resize((48, 40)), "JPEG", progressive=True),
        encoded(CAT.resize((48, 40)).convert("CMYK"), "JPEG"),
        encoded(CAT.resize((48, 40)).convert("L"), "JPEG", restart_marker_blocks=3),
        mosaic(blocks(1, samplings), samplings),
        lossless(33),
    ]
    bent = [lossless(side) for side in range(30, 70)]
    for data in kinds:
        for marker in range(0xC0, 0xD0):
            frame = next(place for name in (0xC0, 0xC2, 0xC3) if (place := data.find(bytes((0xFF, name)))) > 0)
            bent.append(data[: frame + 1] + bytes([marker]) + data[frame + 2 :])
        scan = data.index(b"\xff\xda") + 14
        for place in range(2, scan):
            value = (0, 0xFF, int(random.integers(1, 255)))[place % 3]
            bent.append(data[:place] + bytes([value]) + data[place + 1 :])
    assert len(judged(tmp_path, *bent).reasons) == len(bent)


def test_no_picture_crashes_a_decoder_however_its_bytes_are_bent(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    bent = []
    for file_format in ("PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"):
        data = encoded(CAT.resize((48, 40)), file_format)
        for _ in range(400):
            copy = bytearray(data)
            for _ in range(int(random.integers(1, 6))):
                copy[int(random.integers(len(copy) if random.random() < 0.5 else 120))] = int(random.integers(256))
            bent.append(bytes(copy[: int(random.integers(len(copy) // 2, len(copy) + 1))]))
    assert len(judged(tmp_path, *bent).reasons) == len(bent)
