"""Pictures that hurt what decodes them: the server goes on, and says so."""

import struct
import zlib
from collections.abc import Iterator

import pytest

from regraft.errors import PictureError
from regraft.flows.web import thumbnails
from regraft.flows.web.thumbnails import Thumbnails
from regraft.store.store import Store
from tests.pages.conftest import drawn
from tests.pictures.pngs import SIGNATURE, chunk


@pytest.fixture
def small(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Thumbnails]:
    """The thumbnails of a store, which one process makes."""
    monkeypatch.setattr(thumbnails, "MAX_PROCESSES", 1)
    made = Thumbnails(store)
    yield made
    made.close()


def test_a_process_that_dies_costs_one_thumbnail(store: Store, small: Thumbnails) -> None:
    first, second = store.blobs.put(drawn(20)), store.blobs.put(drawn(21))
    assert small.get(first, "small")
    [process] = small._processes
    assert process._running is not None
    process._running[0].kill()
    with pytest.raises(PictureError, match="crash the decoder"):
        small.get(second, "small")
    assert small.get(second, "small"), "another process has begun"
    assert small.get(first, "small"), "what was made is kept"


def test_a_picture_that_decodes_too_slowly_is_given_up(
    store: Store, small: Thumbnails, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thumbnails, "MAX_WAIT_S", 0.0)
    with pytest.raises(PictureError, match="takes more than"):
        small.get(store.blobs.put(drawn(22)), "large")


def test_a_small_file_of_very_many_pixels_does_no_harm(store: Store, small: Thumbnails) -> None:
    [process] = small._processes
    process._settings = (store.url, 1_000)  # as one of so many that share the machine's memory, it has little of it
    side = 12_000
    rows = zlib.compress(bytes(1 + side // 8) * side, 1)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    bomb = store.blobs.put(SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    with pytest.raises(PictureError, match="does not decode: MemoryError"):
        small.get(bomb, "small")
    assert small.get(store.blobs.put(drawn(23)), "small")


def test_only_so_many_thumbnails_are_kept(store: Store, small: Thumbnails, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = [store.blobs.put(drawn(seed)) for seed in range(30, 34)]
    monkeypatch.setattr(thumbnails, "MAX_KEPT_BYTES", 3 * len(small.get(digests[0], "small")))
    for digest in digests:
        small.get(digest, "small")
    assert small._kept._bytes <= thumbnails.MAX_KEPT_BYTES
    assert len(small._kept._jpegs) < len(digests)
